"""Paths such as `s3:/bucket/key` in, what a storage calls them out, and the other way round."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.regular import find_mode

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}
SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)
FILE = "file:"
KEPT = "\udc80"  # before parts that a path would swallow or follow: a byte that is no UTF-8, so in no key
NO_NAMES = ("", ".", "..")  # such parts
CONNECT_SECONDS, READ_SECONDS, TRIES = 10, 60, 8


def is_remote(path: Path) -> bool:
    """Whether a path names a place in object storage: `Path` makes one slash of the two in `s3://`."""
    return path.parts[:1] != () and path.parts[0].removesuffix(":") in PACKAGES and path.parts[0][-1] == ":"


def is_here(path: Path) -> bool:
    """Whether a path names a place on this machine."""
    return not is_remote(path)


def in_buckets_of(places: Iterable[Path]) -> Callable[[Path], bool]:
    """Which paths may be read where these places were named: files here, and objects in their buckets, whose
    owners know of it. A report of strangers could name others, whose owners would learn who reads it."""
    buckets = frozenset(place.parts[:2] for place in places if is_remote(place))
    return lambda path: is_here(path) or path.parts[:2] in buckets


def from_here(path: Path) -> Path:
    """What a user named: `file://` is a path like others. Raises UsageError for what is no known storage."""
    first = path.parts[0] if path.parts else ""
    if first == FILE:
        return Path("/", *path.parts[1:])
    if is_remote(path):
        if len(path.parts) < 2 or "@" in path.parts[1]:  # not repeated: it may hold a password
            raise UsageError(
                "write s3://BUCKET/PREFIX; keys and passwords belong in the environment, never in the name"
            )
    elif SCHEME.fullmatch(first) and not find_mode(path):
        known = ", ".join(f"{name}://" for name in ("file", *PACKAGES))
        raise UsageError(f"{first}// is no storage that is read here; there are {known}")
    return path


def say_place(path: Path) -> str:
    """The path as its user writes it; one of `file://` as a path, which `cd` knows."""
    if path.parts[:1] == (FILE,):
        return str(from_here(path))
    if not is_remote(path):
        return str(path)
    scheme, *parts = path.parts
    return f"{scheme}//" + "/".join(part.replace(KEPT, "") for part in parts)


def whole_path(path: Path) -> Path:
    """What a user named, with all that leads to it: the same wherever the command runs."""
    path = from_here(path)
    return path if is_remote(path) else path.absolute()


def object_name(path: Path) -> str:
    """Bucket and key, as its file system takes them."""
    return "/".join(part.replace(KEPT, "") for part in path.parts[1:])


def object_path(scheme: str, name: str) -> Path:
    """The path of an object, which is no other's."""
    return Path(f"{scheme}:", *(KEPT + part if part in NO_NAMES else part for part in name.split("/")))


@cache
def file_system(scheme: str) -> Any:
    """fsspec's file system. Credentials and addresses come from where its users keep them.

    Raises UsageError when a package for it is missing.
    """
    try:
        import fsspec

        options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
        if scheme == "s3":
            retries = {"max_attempts": TRIES, "mode": "standard"}
            options["config_kwargs"] = {
                "connect_timeout": CONNECT_SECONDS,
                "read_timeout": READ_SECONDS,
                "retries": retries,
            }
        return fsspec.filesystem(scheme, **options)
    except ImportError as error:
        extra = " or pip install '.[cluster]'" if scheme == "s3" else ""
        raise UsageError(f"{scheme}:// needs a package: pip install {PACKAGES[scheme]}{extra}") from error
