"""Folders, files and lists in, Media out: what is worth opening, in a stable order."""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from detector.errors import MediaError, UsageError
from detector.formats import SIGNATURE_BYTES, Kind, claimed_kind, kind_of

LIKE_ESCAPE = re.compile(r"\\(?=[nrtux])")  # a backslash that would be taken for the start of an escape
STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # control codes, writing direction


@dataclass(frozen=True, slots=True)
class Media:
    """A file that was found."""

    root: Path
    """Absolute folder that all names of a scan are relative to."""
    name: str
    """Path under the root with forward slashes; the identity in all tables. Bytes that are not UTF-8 and
    control characters are written as `\\xNN`, so that every name can be printed."""
    kind: Kind
    """By content, not by suffix; `other` is neither a photo nor a video, or damaged at its start."""
    path: Path
    """Absolute path to open."""

    def name_of(self, path: Path) -> str:
        """How the tables name another file under the same root; its bare name when it lies elsewhere."""
        if not path.is_relative_to(self.root):
            return printable(path.name)
        below = len(self.path.relative_to(self.root).parts)
        return "/".join([*self.name.split("/")[:-below], _name_under(self.root, path)])

    def sha256(self) -> str:
        """Hash of the content as 64 hexadecimal digits. Raises MediaError when it cannot be read."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise MediaError(f"cannot be read: {error.strerror}") from error

    def size(self) -> int:
        """Length of the content in bytes. Raises MediaError when it cannot be read."""
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise MediaError(f"cannot be read: {error.strerror}") from error


def find_media(paths: Iterable[Path], *, recursive: bool = True, skip: Path | None = None) -> Iterator[Media]:
    """Every regular file under the paths, each once: the files named, then folder by folder in order of name.

    Hidden files and folders, folder loops through links and the folder `skip` are passed over. All names are
    relative to one root: the folder itself when one is given, else the deepest folder that holds all paths.
    Raises UsageError for a path that does not exist.
    """
    starts = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))  # noqa: PTH100 (a link keeps its own name)
    if not starts:
        raise UsageError("nothing to scan: name at least one file or folder")
    for start in starts:
        if not start.exists():
            raise UsageError(f"no such file or folder: {printable(str(start))}")
        if not start.is_dir() and not start.is_file():
            raise UsageError(f"neither a file nor a folder: {printable(str(start))}")
    root = _common_folder(starts)
    named = [start for start in starts if not start.is_dir()]
    for path in named:
        yield _describe(path, root)
    given = frozenset(named)
    visited = {_identity(skip)} if skip and skip.exists() else set()  # shared: no folder is walked twice
    for folder in starts:
        if folder not in given:
            for path in _walk(folder, visited, recursive=recursive):
                if path not in given:
                    yield _describe(path, root)


def read_paths(lines: Iterable[str]) -> list[Path]:
    """The paths named in a text, one a line; empty lines are passed over."""
    return [Path(line) for raw in lines if (line := raw.rstrip("\r\n"))]


def find_kind(path: Path) -> Kind:
    """What the first bytes say the file is; a file that cannot be read goes by its suffix."""
    try:
        with path.open("rb") as file:
            head = file.read(SIGNATURE_BYTES)
    except OSError:
        return claimed_kind(path)
    return kind_of(path, head)


def printable(name: str) -> str:
    """The name with bytes that are not UTF-8 and characters that steer a terminal written as escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return STEERING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _describe(path: Path, root: Path) -> Media:
    return Media(root, _name_under(root, path), find_kind(path), path)


def _name_under(root: Path, path: Path) -> str:
    return printable(LIKE_ESCAPE.sub(r"\\x5c", path.relative_to(root).as_posix()))


def _common_folder(starts: list[Path]) -> Path:
    folders = [start if start.is_dir() else start.parent for start in starts]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:
        raise UsageError("the paths lie on different drives; scan each drive into its own report") from error


def _walk(top: Path, visited: set[tuple[int, int]], *, recursive: bool) -> Iterator[Path]:
    """Files below a folder; `visited` holds the identities of folders already seen, so that loops end.

    A folder that cannot be opened is given out itself, to become a failed row.
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
            yield folder
            continue
        visited.add(identity)
        folders = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = folder / entry.name
            mode = _mode(path)
            if stat.S_ISDIR(mode):
                folders.append(path)
            elif stat.S_ISREG(mode) or not mode:
                yield path
        if recursive:
            waiting.extend(reversed(folders))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _mode(path: Path) -> int:
    """Kind of the file that the path or link leads to; 0 when it leads nowhere."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0
