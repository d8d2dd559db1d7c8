"""A media file in, the Claims about it out: which sidecars lie beside it or above it, each read once."""

import functools
import itertools
import os
import posixpath
import stat
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detector.posts.instaloader import read_caption
from detector.posts.loading import SidecarError, load_bytes, load_values
from detector.posts.names import (
    EXPORT,
    SHORTEST_ID,
    about_many,
    ids_in_brackets,
    is_export,
    is_sidecar,
    names_beside,
    parts_of,
)
from detector.posts.post import Claim, Rule
from detector.posts.shapes import read_shape
from detector.posts.table import read_table
from detector.posts.telegram import read_export
from detector.posts.telegram_html import read_page
from detector.regular import is_link, open_regular
from detector.sources import Media, printable
from detector.storage import is_remote, list_folder, opened_here

MAX_FOLDERS = 256  # kept in memory: the branch of the tree that is being walked, and some beside it
MAX_CLAIMS = 50  # kept about one file; exports may name a file in thousands of messages
MAX_READINGS = 64  # sidecars of one post that are kept: a carousel's pictures share one
UNMATCHED = "tells about no file that was scanned"
Found = tuple[Rule, Claim]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one sidecar gave."""

    claims: tuple[Claim, ...] = ()
    warning: str = ""
    """Why nothing, or nothing more, could be read."""


@dataclass(slots=True)
class _Folder:
    path: Path
    sidecars: frozenset[str] = frozenset()
    by_name: dict[str, list[Claim]] = field(default_factory=dict)
    by_stem: dict[str, list[Claim]] = field(default_factory=dict)
    by_id: dict[str, list[Claim]] = field(default_factory=dict)
    with_id: dict[str, str] = field(default_factory=dict)
    """Sidecars of yt-dlp by the id in brackets at the end of their names."""
    warnings: list[str] = field(default_factory=list)

    @property
    def tells_nothing(self) -> bool:
        """Whether there is no sidecar in it that could tell of any file."""
        return not (self.sidecars or self.by_name or self.by_id)


class SidecarFolders:
    """The folders of some roots, listed when media in them are asked about."""

    def __init__(self, roots: Sequence[Path], may_fetch: Callable[[Path], bool]) -> None:
        self._may_fetch = may_fetch
        self.roots = frozenset(map(_absolute, roots))
        self.by_sha256: dict[str, list[Claim]] = {}
        """Claims by the hashes that the sidecars read so far give."""
        self._used: set[int] = set()
        self._folders: OrderedDict[Path, _Folder] = OrderedDict()
        self._readings: OrderedDict[Path, Reading] = OrderedDict()
        self._walked = (Path(), Path())
        self._above: list[Path] = []

    def find_claims(self, media: Media) -> tuple[list[Found], list[str]]:
        """Claims about the file, the most direct first, and warnings of sidecars meant for it alone."""
        chain = [self._open_folder(folder, media) for folder in self._folders_above(media)]
        found: list[Found] = []
        warnings: list[str] = []
        if all(folder.tells_nothing for folder in chain):
            return found, warnings
        named = list(_look_up(media.path, chain))
        found += [("path", claim) for claim in named if claim.tool == "posts.csv"]
        for rule, reading in self._read_beside(media, chain[0].sidecars):
            found += [(rule, claim) for claim in reading.claims[:1]]
            warnings += [reading.warning] if reading.warning else []
        found += [("path", claim) for claim in named if claim.tool != "posts.csv"]
        if not found:
            found += [("stem", claim) for claim in _look_up(media.path, chain, by_stem=True)]
        if not found:
            found += [("stem", claim) for claim in self._find_by_id(media, chain)]
        return found, warnings

    def _find_by_id(self, media: Media, chain: list[_Folder]) -> Iterator[Claim]:
        """Claims about posts whose id is a part of the file's name, in its own folder and those above."""
        parts = list(dict.fromkeys(parts_of(media.path.name)))
        beside = chain[0]
        for part in parts:
            for name in (f"{part}.json", f"{part}.info.json", beside.with_id.get(part, "")):
                if name in beside.sidecars:
                    claims = self._read(media.path.parent / name, media).claims[:1]
                    yield from (claim for claim in claims if not set(parts).isdisjoint(claim.ids))
        for folder in chain:
            for part in parts:
                yield from folder.by_id.get(part, ()) if len(part) >= SHORTEST_ID else ()

    def note_used(self, claims: Iterable[Claim]) -> None:
        """Remembers that these told about a file."""
        self._used.update(hash(claim.post.sidecar) for claim in claims)

    def find_unmatched(self, path: Path, name: str) -> str:
        """What is to be said of a sidecar among the media: that it told about none of them, or is broken."""
        if hash(name) in self._used or is_link(path) or not self._may_fetch(path):
            return ""
        reading = _read_sidecar(path, name)
        return UNMATCHED if reading.claims else reading.warning

    def find_warnings(self, media: Media) -> list[str]:
        """What is wrong with sidecars that could have told about the file, but are about many files."""
        return [
            text
            for folder in self._folders_above(media)
            for text in self._open_folder(folder, media).warnings
        ]

    def _folders_above(self, media: Media) -> list[Path]:
        """The file's folder and those above it, up to the outermost root."""
        folder = media.path.parent
        if (folder, media.root) != self._walked:
            above = [folder, *itertools.takewhile(lambda path: path != media.root.parent, folder.parents)]
            top = max((number for number, path in enumerate(above) if path in self.roots), default=0)
            self._walked, self._above = (folder, media.root), above[: top + 1]
        return self._above

    def _read_beside(self, media: Media, sidecars: frozenset[str]) -> Iterator[tuple[Rule, Reading]]:
        """Readings of the sidecars whose own name says that they belong to the file."""
        captioned = False
        for rule, name, shared in names_beside(media.path.name):
            if name in sidecars and name != media.path.name and not (captioned and name.endswith(".txt")):
                reading = self._read(media.path.parent / name, media)
                of_instaloader = any(claim.tool == "instaloader" for claim in reading.claims)
                captioned |= of_instaloader
                if of_instaloader or reading.warning or not shared:
                    yield rule, reading

    def _open_folder(self, path: Path, media: Media) -> _Folder:
        folder = self._folders.get(path)
        if folder is None:
            folder = self._folders[path] = self._list_folder(path, media)
        self._folders.move_to_end(path)
        while len(self._folders) > MAX_FOLDERS:
            self._folders.popitem(last=False)
        return folder

    def _list_folder(self, path: Path, media: Media) -> _Folder:
        if not self._may_fetch(path):
            return _Folder(path)
        names: set[str] = set()
        sidecars: set[str] = set()
        try:
            if is_remote(path):
                names.update(list_folder(path))
                sidecars.update(filter(is_sidecar, names))
            else:
                self._list_here(path, names, sidecars)
        except OSError as error:  # media in a folder here have rows that say so
            text = f"sidecars cannot be looked for: {error.strerror}"
            return _Folder(path, warnings=[text] if is_remote(path) else [])
        folder = _Folder(path, frozenset(sidecars), with_id=ids_in_brackets(sidecars))
        for name in about_many(names, sidecars):
            reading = _read_sidecar(path / name, media.name_of(path / name))
            self._add(folder, reading)
            if reading.warning and (name.lower() == "posts.csv" or is_export(name)):
                folder.warnings.append(reading.warning)  # others may be anybody's files
        return folder

    def _list_here(self, path: Path, names: set[str], sidecars: set[str]) -> None:
        with os.scandir(path) as entries:
            for entry in entries:
                if is_sidecar(entry.name):
                    sidecars |= {entry.name} if self._is_inside(entry) else set()
                names.add(entry.name)

    def _add(self, folder: _Folder, reading: Reading) -> None:
        for claim in reading.claims:
            for name in claim.names:
                key = _key(name, folder.path)
                _append(folder.by_name, key, claim)
                _append(folder.by_stem, posixpath.splitext(key)[0], claim)
            for identity in claim.ids:
                _append(folder.by_id, identity, claim)
            for sha256 in claim.sha256s:
                _append(self.by_sha256, sha256, claim)

    def _is_inside(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is a regular file; of links only those that lead to a place under a root."""
        try:
            if not stat.S_ISREG(entry.stat().st_mode):
                return False
        except OSError:
            return False
        if not entry.is_symlink():
            return True
        return not self._real_roots.isdisjoint(Path(os.path.realpath(entry.path)).parents)

    @functools.cached_property
    def _real_roots(self) -> frozenset[Path]:
        return frozenset(root.resolve() for root in self.roots)

    def _read(self, path: Path, media: Media) -> Reading:
        reading = self._readings.get(path)
        if reading is None:
            reading = self._readings[path] = _read_sidecar(path, media.name_of(path))
            for claim in reading.claims:
                for sha256 in claim.sha256s:
                    _append(self.by_sha256, sha256, claim)
        self._readings.move_to_end(path)
        while len(self._readings) > MAX_READINGS:
            self._readings.popitem(last=False)
        return reading


def _absolute(root: Path) -> Path:
    return root if is_remote(root) else Path(os.path.abspath(root))  # noqa: PTH100 (a link keeps its own name)


def _read_sidecar(path: Path, sidecar: str) -> Reading:
    """What a sidecar says; one in a storage is fetched, and its copy removed."""
    try:
        with opened_here(path) as here:
            open_regular(here).close()  # a pipe or a device might never end
            return _read_here(here, sidecar)
    except OSError as error:
        return Reading((), f"broken sidecar {sidecar}: cannot be read: {error.strerror}")


def _read_here(path: Path, sidecar: str) -> Reading:
    claims: list[Claim] = []
    try:
        if path.name.lower() == "posts.csv":
            claims.extend(read_table(path, sidecar))
        elif is_export(path.name):
            for claim in (read_export if EXPORT.fullmatch(path.name) else read_page)(path, sidecar):
                claims.append(claim)  # noqa: PERF402 (those before an error count)
        elif path.suffix == ".txt":
            claims.append(read_caption(load_bytes(path).decode("utf-8-sig", "replace"), path.stem, sidecar))
        else:
            for value in load_values(path):
                claims.extend(read_shape(value, sidecar))
    except SidecarError as error:
        return Reading(tuple(claims), f"broken sidecar {sidecar}: {printable(str(error))}")
    return Reading(tuple(claims))


def _look_up(path: Path, chain: list[_Folder], *, by_stem: bool = False) -> Iterator[Claim]:
    """Claims of sidecars that name the file, from its own folder upwards."""
    for folder in chain:
        claims = folder.by_stem if by_stem else folder.by_name
        if claims:
            key = _key("/".join(path.parts[len(folder.path.parts) :]), folder.path)
            yield from claims.get(posixpath.splitext(key)[0] if by_stem else key, ())


def _key(name: str, folder: Path) -> str:
    """A name as it is compared: relative, composed characters (macOS takes them apart), forward slashes.

    One that leads out of the folder equals no name of a file in it.
    """
    text = unicodedata.normalize("NFC", name.replace("\\", "/"))
    above = unicodedata.normalize("NFC", f"{folder.as_posix()}/".replace("\\", "/"))
    return posixpath.normpath(text.removeprefix(above))


def _append(claims: dict[str, list[Claim]], key: str, claim: Claim) -> None:
    there = claims.setdefault(key, [])
    if len(there) < MAX_CLAIMS and claim not in there:
        there.append(claim)
