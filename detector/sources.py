"""Folders, files and lists in, Media out: what is worth opening, in a stable order."""

import hashlib
import itertools
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from detector.errors import MediaError, UsageError
from detector.formats import SIGNATURE_BYTES, Kind, claimed_kind, kind_of
from detector.naming import NOTHING, choose_roots, find_root
from detector.regular import find_mode, is_link, open_regular
from detector.storage import Listed, find_objects, from_here, is_remote, open_object, say_place

HASHED_AT_ONCE = 1 << 20  # bytes, between looks at the clock
LIKE_ESCAPE = re.compile(r"\\(?=[nrtux])")  # a backslash that would be taken for the start of an escape
STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # control codes, writing direction


@dataclass(frozen=True, slots=True)
class Media:
    """A file that was found."""

    root: Path
    """Absolute folder that the name is relative to."""
    name: str
    """Path under the root with forward slashes, the root's own name before it where a scan has several (see
    `naming`); the identity in all tables. Bytes that are not UTF-8 and
    control characters are written as `\\xNN`, so that every name can be printed."""
    kind: Kind
    """By content, not by suffix; `other` is neither a photo nor a video, or damaged at its start. A `link`
    out of what is to be scanned, what is `hidden` and what is `special`, as a pipe, are not opened."""
    path: Path
    """Absolute path to open, or the place of an object in a storage (see `storage`)."""
    version: str = field(default="", kw_only=True)
    """Of an object: its length and what changes with its content, as the storage's listing says; else ""."""

    @property
    def listed_bytes(self) -> int:
        """Length of an object, as the listing says."""
        return int(self.version.partition(" ")[0] or 0)

    def name_of(self, path: Path) -> str:
        """How the tables name another file under the same root; its bare name when it lies elsewhere."""
        if not path.is_relative_to(self.root):
            return printable(path.name)
        below = len(self.path.relative_to(self.root).parts)
        return "/".join([*self.name.split("/")[:-below], _name_under(self.root, path)])

    def sha256(self, seconds: float = float("inf")) -> str:
        """Hash of the content as 64 hexadecimal digits.

        Raises MediaError when it cannot be read, or not within so many seconds.
        """
        give_up_at = time.monotonic() + seconds
        digest = hashlib.sha256()
        try:
            with open_content(self.path) as file:
                while part := file.read(HASHED_AT_ONCE):
                    digest.update(part)
                    if time.monotonic() > give_up_at:
                        raise MediaError(f"so long that it was not read within {seconds:g} s")
        except OSError as error:
            raise MediaError(f"cannot be read: {error.strerror}") from error
        return digest.hexdigest()

    def size(self) -> int:
        """Length of the content in bytes. Raises MediaError when it cannot be read."""
        if self.version:
            return self.listed_bytes
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise MediaError(f"cannot be read: {error.strerror}") from error


def find_media(
    paths: Iterable[Path],
    *,
    listed: Iterable[Path] = (),
    recursive: bool = True,
    follow_links: bool = False,
    hidden: bool = False,
    skip: Path | None = None,
    named: Mapping[Path, str] = NOTHING,
    firsts: Iterable[str] = (),
) -> Iterator[Media]:
    """Every regular file under the paths, each once: the files named, then folder by folder in order of name.

    Folder loops through links and the folder `skip` are passed over. A link in a folder that leads out of all
    paths is of kind `link`, unless links are to be followed; unless what is `hidden` is to be looked at, a
    hidden photo, video or folder that holds some is of that kind, and other hidden ones are passed over.
    Names are relative to the folder itself when one is given, else to what `choose_roots` finds, which is
    told what is `named` by now. Of what is `listed` a path that is gone is given out, to become a failed
    row. Raises UsageError for one of `paths` that is gone.
    """
    here, remote, may_be_gone = _find_starts(paths, listed)
    inside = [start if _is_folder(start) else start.parent for start in here]
    roots = choose_roots([*inside, *remote], named, firsts)
    return itertools.chain(
        _find(here, roots, recursive=recursive, follow_links=follow_links, hidden=hidden, skip=skip),
        _find_remote(remote, may_be_gone, roots, recursive=recursive, hidden=hidden, skip=skip),
    )


def find_starts(paths: Iterable[Path], listed: Iterable[Path] = ()) -> list[Path]:
    """The files, folders and places in storages that are named, each once; those here are absolute.

    Raises UsageError as `find_media` does, for a place that cannot be listed, too.
    """
    here, remote, may_be_gone = _find_starts(paths, listed)
    for place in remote[:1]:  # that a storage cannot be read is said before anything is made
        with _saying_place(place):
            next(_list_objects(place, recursive=True, may_be_gone=place in may_be_gone), None)
    return [*here, *remote]


def _find_starts(
    paths: Iterable[Path], listed: Iterable[Path]
) -> tuple[list[Path], list[Path], frozenset[Path]]:
    """What is named here, what in storages, and which of these a list alone names: they may be gone."""
    places, above = _split_places(paths), _split_places(listed)
    remote = list(dict.fromkeys((*places[1], *above[1])))
    return _check_starts(places[0], above[0], is_all=not remote), remote, frozenset(above[1]) - {*places[1]}


def _find(
    starts: list[Path],
    roots: Mapping[Path, str],
    *,
    recursive: bool,
    follow_links: bool,
    hidden: bool,
    skip: Path | None,
) -> Iterator[Media]:
    named, files = frozenset(starts), dict.fromkeys(start for start in starts if not _is_folder(start))
    known = [*starts, *([skip] if skip else [])]  # a link to the report is passed over as the report is
    inside = None if follow_links else tuple(os.path.realpath(place) for place in known)
    for path in files:
        yield _describe(path, find_kind(path), roots)
    visited = {_identity(skip)} if skip and find_mode(skip) else set()  # shared: no folder is walked twice
    for folder in (start for start in starts if start not in files):
        for path, kind in _walk(folder, visited, inside, recursive=recursive, hidden=hidden):
            if path not in named or path == folder:
                yield _describe(path, kind or find_kind(path), roots)


def _find_remote(
    places: list[Path],
    may_be_gone: frozenset[Path],
    roots: Mapping[Path, str],
    *,
    recursive: bool,
    hidden: bool,
    skip: Path | None,
) -> Iterator[Media]:
    """Every object below the places, each once; one that is gone, too, where it may be.

    Raises UsageError for a place that cannot be listed.
    """
    inner = [place for place in places if not any(other in place.parents for other in places)]
    for place in inner if recursive else places:
        with _saying_place(place):
            told: set[Path] = set()
            for one in _list_objects(place, recursive=recursive, may_be_gone=place in may_be_gone):
                if skip and skip in one.path.parents:
                    continue
                kind = claimed_kind(one.path)  # the worker that opens it knows better
                version = f"{one.bytes} {one.version}".strip()
                top = None if hidden else _hidden_top(one.path, place)
                if not top:
                    yield _describe(one.path, kind, roots, version)
                elif kind != "other" and top not in told:
                    told.add(top)
                    yield _describe(top, "hidden", roots)


def _list_objects(place: Path, *, recursive: bool, may_be_gone: bool) -> Iterator[Listed]:
    try:
        yield from find_objects(place, recursive=recursive, hidden=True)
    except FileNotFoundError:
        if not may_be_gone:
            raise
        yield Listed(place, 0, "")  # its row will say so


@contextmanager
def _saying_place(place: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(
            f"{printable(say_place(place))} cannot be listed: there is nothing of that name. Upper and lower "
            "case count; a storage of your own is named by AWS_ENDPOINT_URL or the like"
        ) from error
    except OSError as error:
        raise UsageError(f"{printable(say_place(place))} cannot be listed: {error.strerror}") from error


def _split_places(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Absolute paths here, and places in storages."""
    all_of_them = list(map(from_here, paths))
    here = [_absolute(path) for path in all_of_them if not is_remote(path)]
    return here, [path for path in all_of_them if is_remote(path)]


def _check_starts(paths: list[Path], listed: list[Path], *, is_all: bool) -> list[Path]:
    """All of them, each once."""
    for path in paths:
        check_there(path)
    starts = list(dict.fromkeys((*paths, *listed)))
    if not starts and is_all:
        raise UsageError("nothing to scan: name at least one file or folder")
    for start in starts:
        mode = find_mode(start)
        if mode and not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise UsageError(f"neither a file nor a folder: {printable(str(start))}")
    return starts


def check_there(path: Path) -> None:
    """Raises UsageError for a path on this machine at which nothing is that a user could mean."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"no such file or folder: {printable(str(path))}") from error
    except OSError as error:
        raise UsageError(f"{printable(str(path))} cannot be read: {error.strerror}") from error


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(find_mode(path))


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 (a link keeps its own name)


def open_content(path: Path) -> BinaryIO:
    """A file or an object to read. Raises OSError."""
    return open_object(path) if is_remote(path) else open_regular(path)


def find_kind(path: Path) -> Kind:
    """What the first bytes say the file is; a file that cannot be read goes by its suffix."""
    try:
        with open_content(path) as file:
            head = file.read(SIGNATURE_BYTES)
    except OSError:
        return claimed_kind(path)
    return kind_of(path, head)


def table_name(name: str) -> str:
    """The name so that it can be printed and is no other's."""
    return printable(LIKE_ESCAPE.sub(r"\\x5c", name))


def without_path(text: str, path: Path) -> str:
    """The text without the way to a file, as messages of libraries tell it: its name is left."""
    for whole in (str(path), repr(str(path))[1:-1], path.absolute().as_uri().removeprefix("file://")):
        text = text.replace(whole, path.name)
    above = str(path.parent)
    return text.replace(above, "…") if path.parent != Path(path.anchor) else text


def printable(name: str) -> str:
    """The name with bytes that are not UTF-8 and characters that steer a terminal written as escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return STEERING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _describe(path: Path, kind: Kind, roots: Mapping[Path, str], version: str = "") -> Media:
    root = find_root(path, roots)
    label = (printable(roots[root]),) if roots[root] else ()
    is_object = path == root and is_remote(path)  # named by itself
    below = table_name(path.name) if is_object else _name_under(root, path)
    return Media(root, "/".join([*label, below]), kind, path, version=version)


def _hidden_top(path: Path, place: Path) -> Path | None:
    """The first folder on the way from a place to an object that is hidden, or the object; None without."""
    on_the_way = path.relative_to(place).parts
    number = next((number for number, part in enumerate(on_the_way, 1) if part.startswith(".")), 0)
    return place.joinpath(*on_the_way[:number]) if number else None


def _leads_out(path: Path, inside: tuple[str, ...] | None) -> bool:
    """Whether it is a link to what lies in none of these real places; never where all links are followed."""
    if inside is None or not is_link(path):
        return False
    target = Path(os.path.realpath(path))
    return not any(target.is_relative_to(place) for place in inside)


def name_before(name: str, root: Path, path: Path) -> str:
    """What stands before the part of a media's name that says where it lies under its root."""
    below = _name_under(root, path) if path != root else table_name(path.name)
    return name.removesuffix(below).removesuffix("/")


def _name_under(root: Path, path: Path) -> str:
    return table_name(path.relative_to(root).as_posix())


def _walk(
    top: Path,
    visited: set[tuple[int, int]],
    inside: tuple[str, ...] | None,
    *,
    recursive: bool,
    hidden: bool,
) -> Iterator[tuple[Path, Kind | None]]:
    """Files below a folder, with their kind where that is told without opening them.

    `visited` holds the identities of folders already seen, so that loops end. A folder that cannot be opened,
    a link that leads out and a hidden folder are given out themselves: each has a row.
    """
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            identity = _identity(folder)
            if identity in visited:
                continue
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            yield folder, None
            continue
        visited.add(identity)
        folders = []
        for entry in entries:
            path = folder / entry.name
            if entry.name.startswith(".") and not hidden:
                if _is_told(path, visited, inside, recursive=recursive):
                    yield path, "hidden"
                continue
            if _leads_out(path, inside):
                yield path, "link"
                continue
            mode = find_mode(path)
            if stat.S_ISDIR(mode):
                folders.append(path)
            else:
                yield path, (None if stat.S_ISREG(mode) or not mode else "special")
        if recursive:
            waiting.extend(reversed(folders))


def _is_told(
    path: Path, visited: set[tuple[int, int]], inside: tuple[str, ...] | None, *, recursive: bool
) -> bool:
    """Whether what is hidden is a photo or video, or a folder not seen that holds one by its name."""
    if _leads_out(path, inside):
        return claimed_kind(path) != "other"
    if not _is_folder(path):
        return claimed_kind(path) != "other" or find_kind(path) != "other"
    if not recursive or _identity(path) in visited:
        return False
    below = (names for *_, names in os.walk(path))
    return any(claimed_kind(Path(name)) != "other" for names in below for name in names)


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
