"""Objects of a storage in, their names, contents and copies out."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from detector.scratch import scratch_folder
from detector.storage.places import file_system, is_remote, object_name, object_path

T = TypeVar("T")
BLOCK_BYTES = 8 << 20
SPARE_BYTES = 256 << 20  # that are left free where files are fetched to
REFUSED = (
    "the storage refuses it: its keys are missing, wrong or run out, or are not for this; "
    "renew them in the environment of each machine"
)
UNREACHED = "the storage cannot be reached"
KEY_CODES = frozenset({"400", "401", "403", "ExpiredToken", "ExpiredTokenException", "InvalidToken"})
MAX_NAME_BYTES = 200  # of a fetched file: a key may be longer than a file's name


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing names it."""

    path: Path
    bytes: int
    version: str
    """What changes with the content: the entity tag, or when it was written."""


def asked(what: Callable[[], T]) -> T:
    """What a storage answers. Raises OSError alone, in words that hold no address and no key."""
    try:
        return what()
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "not in the storage") from error
    except OSError as error:
        if isinstance(error, PermissionError) or _is_about_keys(error.__cause__):
            raise OSError(errno.EACCES, REFUSED) from error
        if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("aiohttp"):
            raise OSError(errno.EIO, f"{UNREACHED}: {type(error).__name__}") from error
        text = error.strerror or type(error).__name__
        raise OSError(error.errno or errno.EIO, f"the storage answered: {text}") from error
    except Exception as error:
        if _is_about_keys(error):
            raise OSError(errno.EACCES, REFUSED) from error
        if not type(error).__module__.startswith(("botocore", "aiobotocore", "aiohttp", "fsspec", "asyncio")):
            google_or_azure = type(error).__module__.startswith(("gcsfs", "google", "azure"))
            if not google_or_azure and not isinstance(error, ValueError):
                raise
        raise OSError(errno.EIO, f"{UNREACHED}: {type(error).__name__}") from error


def _is_about_keys(error: BaseException | None) -> bool:
    """Whether a library says so. To a question that has no text for an answer S3 says no more than 400."""
    said: Any = getattr(error, "response", None)
    code = said.get("Error", {}).get("Code", "") if isinstance(said, dict) else getattr(error, "code", "")
    names = ("NoCredentialsError", "PartialCredentialsError", "ClientAuthenticationError", "RefreshError")
    return type(error).__name__ in names or str(code) in KEY_CODES


def find_objects(path: Path, *, recursive: bool, hidden: bool = False) -> Iterator[Listed]:
    """Every object below a place, a page at a time, or the object itself.

    Names with a part that begins with a dot are passed over unless what is `hidden` is asked for, too.

    Raises OSError, FileNotFoundError when there is nothing.
    """
    scheme = path.parts[0].removesuffix(":")
    system, name = file_system(scheme), object_name(path)
    info = asked(lambda: system.info(name))
    if info["type"] == "file":
        yield _describe(scheme, info)
        return
    yield from _find_below(path, recursive=recursive, hidden=hidden)


def list_folder(place: Path) -> Iterator[str]:
    """Names of the objects directly in a folder, hidden ones passed over. Raises OSError."""
    return (one.path.name for one in _find_below(place, recursive=False, hidden=False))


def _find_below(place: Path, *, recursive: bool, hidden: bool) -> Iterator[Listed]:
    scheme = place.parts[0].removesuffix(":")
    system, name = file_system(scheme), object_name(place)
    pages = _s3_pages if scheme == "s3" else _walked
    for page in pages(system, name, recursive):
        for one in page:
            below = one["name"].removeprefix(name.rstrip("/") + "/")
            is_marker = one["name"].endswith("/")
            if not is_marker and (hidden or not any(part.startswith(".") for part in below.split("/"))):
                yield _describe(scheme, one)


def _s3_pages(system: Any, name: str, recursive: bool) -> Iterator[list[dict[str, Any]]]:
    bucket, _, prefix = name.partition("/")
    wanted = {"Bucket": bucket, "Prefix": f"{prefix}/" if prefix else ""}
    wanted |= {} if recursive else {"Delimiter": "/"}
    after: dict[str, str] = {}
    while True:
        page = asked(lambda: system.call_s3("list_objects_v2", **wanted, **after))  # noqa: B023 (called here)
        yield [
            {"name": f"{bucket}/{one['Key']}", "size": one["Size"], "ETag": one["ETag"]}
            for one in page.get("Contents", [])
        ]
        if not page.get("IsTruncated"):
            return
        after = {"ContinuationToken": page["NextContinuationToken"]}


def _walked(system: Any, name: str, recursive: bool) -> Iterator[list[dict[str, Any]]]:
    folders = iter(system.walk(name, maxdepth=None if recursive else 1, detail=True, on_error="raise"))
    while True:
        found = asked(lambda: next(folders, None))
        if found is None:
            return
        yield list(found[2].values())


def _describe(scheme: str, info: dict[str, Any]) -> Listed:
    names = ("ETag", "etag", "md5Hash", "mtime", "updated", "last_modified", "LastModified")
    version = next((str(info[name]) for name in names if info.get(name)), "")
    return Listed(object_path(scheme, info["name"]), int(info["size"]), version.strip('"'))


def open_object(path: Path) -> BinaryIO:
    """A stream of an object's content. Raises OSError."""
    system = file_system(path.parts[0].removesuffix(":"))
    opened = asked(lambda: system.open(object_name(path), "rb", block_size=BLOCK_BYTES))
    return cast("BinaryIO", _Asking(opened))


class _Asking:
    """A stream whose failures are all OSErrors."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.size: int = stream.size

    def read(self, size: int = -1) -> bytes:
        return cast("bytes", asked(lambda: self._stream.read(size)))

    def __enter__(self) -> "_Asking":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


@contextmanager
def fetching(path: Path, size: int, folder: Path) -> Iterator[Path]:
    """A copy of an object, with its own name in a folder of its own, which is gone afterwards.

    Raises OSError, also when there is no room for so many bytes.
    """
    place = folder / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    try:
        place.mkdir(0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(place).free < size + SPARE_BYTES:
            raise OSError(errno.ENOSPC, "no room to fetch it; free some, or use fewer --workers")
        here = place / _file_name(path.name)
        get_object(path, here)
        yield here
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def opened_here(path: Path) -> Iterator[Path]:
    """The file itself, or of an object a copy that is gone afterwards. Raises OSError."""
    if not is_remote(path):
        yield path
        return
    system = file_system(path.parts[0].removesuffix(":"))
    size = int(asked(lambda: system.info(object_name(path)))["size"])
    with scratch_folder() as folder, fetching(path, size, folder) as here:
        yield here


def get_object(path: Path, here: Path) -> None:
    """Fetches an object. Raises OSError."""
    system = file_system(path.parts[0].removesuffix(":"))
    asked(lambda: system.get_file(object_name(path), str(here)))


def put_object(here: Path, path: Path) -> None:
    """Puts a file there; an object is whole or not there. Raises OSError."""
    system = file_system(path.parts[0].removesuffix(":"))
    asked(lambda: system.put_file(str(here), object_name(path)))


def _file_name(name: str) -> str:
    """The name as a file can have it; its end says what kind of file it is."""
    raw = os.fsencode(name).replace(b"\0", b"_")
    return os.fsdecode(raw if len(raw) <= MAX_NAME_BYTES else raw[-MAX_NAME_BYTES:])
