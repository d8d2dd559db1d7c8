"""A report in a storage in, a copy of it to work on out; what has changed goes back, the manifest last."""

import json
import os
import secrets
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from detector.errors import ReportFolderError, UsageError
from detector.scratch import scratch_folder
from detector.storage.objects import SPARE_BYTES, Listed, asked, find_objects, get_object, put_object
from detector.storage.places import file_system, from_here, is_remote, object_name, say_place

LOCK = "writer.lock"
RENEW_SECONDS = 20.0
STALE_SECONDS = 120.0  # after which a writer that has not renewed its lock has crashed
PARTS = "parts"
JOURNAL, MANIFEST = "scan.db", "manifest.sha256"
LAST = {JOURNAL: 1, MANIFEST: 2}  # what says that all is there comes when all is there
PICTURES = frozenset({"frames", "crops", "almost", "plain"})  # folders of what a scan writes once
BEFORE_JOURNAL = frozenset({LOCK, PARTS}) | PICTURES  # of a first run
NOT_KEPT = ("scan.lock", "scan.db-wal", "scan.db-shm", "fetched", PARTS)

State = tuple[int, int]


class StoredReport:
    """A folder that a report is written in, and its place in a storage."""

    def __init__(self, place: Path, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self._system = file_system(place.parts[0].removesuffix(":"))
        self._kept: dict[str, State] = {}
        self._merged: list[Path] = []
        self._owner = secrets.token_hex(16)
        self._ended = threading.Event()

    def fetch(self, *, pictures: bool) -> None:
        """Fetches what is there, its pictures only if they are wanted.

        Raises ReportFolderError, also when something else is there.
        """
        left = {PARTS, LOCK} if pictures else PICTURES | {PARTS, LOCK}
        with self._explained():
            listed = {self._name(one.path): one for one in self._list()}
            if PurePosixPath() in listed:
                raise ReportFolderError(f"{self.folder} is an object, not a folder; choose another place")
            tops = {name.parts[0] for name in listed}
            if JOURNAL not in tops and tops - BEFORE_JOURNAL:
                raise ReportFolderError(f"{self.folder} is not empty and no report of this tool")
            wanted = {name: one for name, one in listed.items() if name.parts[0] not in left}
            self._check_room(sum(one.bytes for one in wanted.values()))
            for name, one in wanted.items():
                here = self._begin_file(name)
                get_object(one.path, here)
                self._kept[str(name)] = _state(here)
            if tops - {LOCK} and JOURNAL not in tops:
                (self.folder / JOURNAL).touch()  # its first run was killed: all is in parts

    def _check_room(self, needed: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < needed + SPARE_BYTES:
            raise ReportFolderError(
                f"{say_place(self.place)} is {needed / 1e6:.0f} MB to fetch, and {tempfile.gettempdir()} has "
                f"{free / 1e6:.0f} MB free; set TMPDIR to a folder on a larger disk"
            )

    def _begin_file(self, name: PurePosixPath) -> Path:
        """An empty file for an object, whose name a stranger may have made up."""
        here = self.folder / name
        try:
            here.parent.mkdir(0o700, parents=True, exist_ok=True)
            here.open("xb").close()
        except (OSError, ValueError) as error:
            raise ReportFolderError(
                f"{say_place(self.place / name)!r} has a name that no file beside the others can have; "
                "remove that object, or fetch the report without it"
            ) from error
        return here

    def parts(self) -> Iterator[Path]:
        """Copies of the parts that earlier runs have left, one at a time. Raises ReportFolderError."""
        here = self.folder / PARTS / "earlier.db"
        here.parent.mkdir(0o700, exist_ok=True)
        with self._explained():
            for one in self._list(PARTS):
                get_object(one.path, here)
                yield here
                here.unlink()
                self._merged.append(one.path)

    def keep_part(self, write: Callable[[Path], str]) -> None:
        """Moves new pictures there, then keeps a part: `write` writes its file and gives its name.

        Raises ReportFolderError.
        """
        self._upload(only_pictures=True)
        part = self.folder / PARTS / "part.db"
        part.parent.mkdir(0o700, exist_ok=True)
        name = write(part)
        with self._explained():
            self._put(part, f"{PARTS}/{name}")
        part.unlink()
        self._merged.append(self.place / PARTS / name)

    def remove_pictures(self, begin: str, kept: Collection[str]) -> None:
        """Removes the pictures whose names begin so, but those kept. Raises ReportFolderError."""
        with self._explained():
            for folder in PICTURES:
                found = asked(lambda: self._system.find(self._object(folder), prefix=begin))  # noqa: B023
                for one in found:
                    name = f"{folder}/{one.rpartition('/')[2]}"
                    if name not in kept:
                        asked(lambda: self._system.rm_file(one))  # noqa: B023 (called here)
                        self._kept.pop(name, None)

    def keep(self) -> None:
        """Keeps all that has changed; then parts that are in the journal are needed no more.

        Raises ReportFolderError.
        """
        self._upload(only_pictures=False)
        with self._explained():
            while self._merged:
                asked(lambda: self._system.rm_file(object_name(self._merged[-1])))
                self._merged.pop()

    @contextmanager
    def keeping_journal(self) -> Iterator[None]:
        """Keeps the journal whenever it has changed, so that a crash costs a moment's verdicts at most."""
        ended = threading.Event()
        thread = threading.Thread(target=self._keep_journal, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _keep_journal(self, ended: threading.Event) -> None:
        before = _journal_state(self.folder)
        while not ended.wait(RENEW_SECONDS):
            now = _journal_state(self.folder)
            if now == before:
                continue
            copy = self.folder / PARTS / "journal.db"
            copy.parent.mkdir(0o700, exist_ok=True)
            with suppress(OSError, sqlite3.Error):  # tried again, and at the end it is said what is wrong
                with (
                    closing(sqlite3.connect(self.folder / JOURNAL)) as source,
                    closing(sqlite3.connect(copy)) as target,
                ):
                    source.backup(target)
                if self._is_own():
                    self._put(copy, JOURNAL)
                    before = now
            copy.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Has no other write to the report meanwhile. Raises ReportFolderError when another does.

        A lock that was not renewed for `STALE_SECONDS` is a crashed writer's, and taken over.
        """
        with self._explained():
            if not self._create_lock() and not (self._is_stale() and self._create_lock()):
                raise ReportFolderError(
                    f"another is writing to {say_place(self.place)}; wait for it to end. "
                    f"If it has crashed, its lock is void {STALE_SECONDS:g} seconds later: try again then"
                )
        renewing = threading.Thread(target=self._renew, daemon=True)
        renewing.start()
        try:
            yield
        finally:
            self._ended.set()
            renewing.join()
            with suppress(OSError):
                if self._is_own():
                    asked(lambda: self._system.rm_file(self._object(LOCK)))

    def _create_lock(self) -> bool:
        try:
            asked(lambda: self._system.pipe_file(self._object(LOCK), self._lock_text(), mode="create"))
        except OSError:
            if self._read_lock() is None:
                raise  # nobody holds it: it cannot be written
            return False
        return self._is_own()

    def _is_stale(self) -> bool:
        """Whether the lock's writer has crashed; if so, it is removed."""
        written = asked(lambda: self._system.modified(self._object(LOCK)))
        if (datetime.now(UTC) - written).total_seconds() < STALE_SECONDS:
            return False
        asked(lambda: self._system.rm_file(self._object(LOCK)))
        return True

    def _read_lock(self) -> bytes | None:
        try:
            content: bytes = asked(lambda: self._system.cat_file(self._object(LOCK)))
        except FileNotFoundError:
            return None
        return content

    def _is_own(self) -> bool:
        return self._read_lock() == self._lock_text()

    def _lock_text(self) -> bytes:
        return json.dumps({"writer": self._owner}).encode()

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            with suppress(OSError):  # tried again; before anything is kept the lock is looked at
                if self._is_own():
                    asked(lambda: self._system.pipe_file(self._object(LOCK), self._lock_text()))

    def _upload(self, *, only_pictures: bool) -> None:
        names = {
            str(name): path
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink()
            for name in (PurePosixPath(path.relative_to(self.folder).as_posix()),)
            if name.parts[0] not in NOT_KEPT and not name.name.startswith(".half-")
            if name.parts[0] in PICTURES or not only_pictures
        }
        with self._explained():
            if not self._is_own():
                raise ReportFolderError(
                    f"another has begun to write to {say_place(self.place)}; run it again"
                )
            for name in sorted(names, key=lambda name: (LAST.get(name, 0), name)):
                state = _state(names[name])
                if self._kept.get(name) != state:
                    self._put(names[name], name)
                    if only_pictures:
                        names[name].unlink(missing_ok=True)
                    else:
                        self._kept[name] = state
            for name in self._kept.keys() - names.keys() if not only_pictures else ():
                asked(lambda: self._system.rm_file(self._object(name)))  # noqa: B023 (called here)
                del self._kept[name]

    def _put(self, path: Path, name: str) -> None:
        put_object(path, self.place / name)

    def _object(self, name: str) -> str:
        return f"{object_name(self.place)}/{name}"

    def _list(self, below: str = "") -> Iterator[Listed]:
        try:
            yield from find_objects(self.place / below, recursive=True)
        except FileNotFoundError:
            return

    def _name(self, path: Path) -> PurePosixPath:
        return PurePosixPath(path.relative_to(self.place).as_posix())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ReportFolderError(
                f"{say_place(self.place)} cannot be used: is there a bucket of that name?"
            ) from error
        except OSError as error:
            raise ReportFolderError(
                f"{say_place(self.place)} cannot be used: {error.strerror}; run the same command again"
            ) from error


@contextmanager
def open_place(out: Path, *, pictures: bool = False) -> Iterator[tuple[Path, StoredReport | None]]:
    """The folder to write a report in; of one in a storage a copy, which goes back if all went well.

    The pictures of before are in the copy only if they are wanted.

    Raises ReportFolderError.
    """
    out = from_here(out)
    if not is_remote(out):
        yield out, None
        return
    with scratch_folder() as folder:
        stored = StoredReport(out, folder)
        with _naming(folder, out), stored.locked():
            stored.fetch(pictures=pictures)
            yield folder, stored
            stored.keep()


@contextmanager
def open_copy(report: Path, *, pictures: bool = False) -> Iterator[Path]:
    """The folder to read a report in; of one in a storage a copy, with its pictures if they are wanted."""
    report = from_here(report)
    if not is_remote(report):
        yield report
        return
    with scratch_folder() as folder, _naming(folder, report):
        StoredReport(report, folder).fetch(pictures=pictures)
        yield folder


@contextmanager
def _naming(folder: Path, place: Path) -> Iterator[None]:
    """Has errors name the report's place, not its copy's."""
    try:
        yield
    except (ReportFolderError, UsageError) as error:
        raise type(error)(str(error).replace(str(folder), say_place(place))) from error


def _journal_state(folder: Path) -> list[State]:
    return [_state(path) for path in sorted(folder.glob(f"{JOURNAL}*"))]


def _state(path: Path) -> State:
    status: Any = os.stat(path)  # noqa: PTH116
    return status.st_size, status.st_mtime_ns
