"""A report folder in, what is no longer as its manifest says out. Only reads, and only where it may.

Reports come from strangers: one could name a place in a storage whose owner learns who looks there.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from detector.errors import MediaError, ReportFolderError
from detector.journal import FILE_NAME, LOCK_NAME, check_chain, define_views, read_database
from detector.regular import read_regular
from detector.report.manifest import INPUT_MARK, MANIFEST
from detector.report.outputs import read_head
from detector.report.seal import SEAL_FILES, SEALS, Seal, check_seals
from detector.sources import Media, check_there, printable
from detector.storage import is_remote, say_place, whole_path

APART = frozenset({MANIFEST, FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", LOCK_NAME})
LINE = re.compile(r"(?P<mark>\\?)(?P<digest>[0-9a-f]{64}) [ *](?P<name>.+)", re.DOTALL)  # GNU sha256sum
ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
NO_BYTES = hashlib.sha256().hexdigest()
ROWS_AT_ONCE = 20_000

State = Literal["unchanged", "changed", "missing", "unread"]


class Entry(NamedTuple):
    """A line of the manifest."""

    digest: str
    name: str
    """Path under the report, or of a scanned file seen from there."""

    @property
    def is_input(self) -> bool:
        """Whether it is a scanned file: those lie outside the report."""
        path = Path(self.name)
        return self.name.startswith(INPUT_MARK) or path.is_absolute() or ".." in path.parts


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of some files are as the manifest says, and which are not; names can be printed."""

    unchanged: int
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    unread: tuple[str, ...]
    """Of which nothing is known, each with why."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What has become of a report."""

    outputs: Standing
    """What the scan wrote."""
    inputs: Standing
    """The scanned files."""
    unknown: tuple[str, ...]
    """Files in the report folder that the manifest does not name."""
    seals: tuple[Seal, ...]
    """Time stamps that hold."""
    seals_broken: tuple[str, ...]
    """Time stamps that do not, and why."""
    unreadable_lines: int
    """Lines of the manifest that make no sense."""
    tables_differ: tuple[str, ...]
    """Tables whose number of rows is not what the journal gives, with both numbers."""
    journal_differs: tuple[str, ...]
    """What in the journal is not as it was written."""
    journal_problem: str
    """Why the journal could not be asked, "" when it could."""

    @property
    def as_it_was(self) -> bool:
        """Whether everything is as the scan left it."""
        standing = (self.outputs, self.inputs)
        differs = any(one.changed or one.missing or one.unread for one in standing) or self.unknown
        return not (
            differs
            or self.seals_broken
            or self.unreadable_lines
            or self.tables_differ
            or self.journal_differs
            or self.journal_problem
        )

    @property
    def moved(self) -> bool:
        """Whether not one scanned file is where the report looks for it."""
        others = (self.inputs.unchanged, self.inputs.changed, self.inputs.unread)
        return bool(self.inputs.missing) and not any(others)


def choose_readable(report: Path, media: Sequence[Path]) -> Callable[[Path], bool]:
    """Which of the scanned files may be read that a report names: those in these places, and those on a disk
    if it lies on one, else those in its own bucket, whose owner knows who reads it.

    Raises UsageError for one of these places that is not there.
    """
    own = report.parts[:2] if is_remote(report) else ()
    places = [_settled(whole_path(one)) for one in media]
    for one in places:
        if not is_remote(one):
            check_there(one)

    def may_read(path: Path) -> bool:
        is_own = path.parts[:2] == own if own else not is_remote(path)
        return is_own or any(_settled(path).is_relative_to(place) for place in places)

    return may_read


def _settled(path: Path) -> Path:
    return path if is_remote(path) else Path(os.path.realpath(path))


def verify_report(
    folder: Path,
    watch: Callable[[int, int], None],
    may_read: Callable[[Path], bool] = lambda path: not is_remote(path),
) -> Verification:
    """Hashes every file that the manifest names, scanned ones only where it may; `watch` is told how many are
    done, of how many.

    Raises ReportFolderError when the folder has no manifest.
    """
    entries, unreadable_lines = _read_manifest(folder)
    found: dict[tuple[bool, State], list[str]] = {}
    counts = {True: 0, False: 0}
    elsewhere = _find_inputs(folder) if any(one.name.startswith(INPUT_MARK) for one in entries) else {}
    for done, entry in enumerate(entries):
        watch(done, len(entries))
        path = elsewhere.get(entry.name, folder / entry.name)
        name = entry.name
        is_within = path.is_relative_to(folder) and ".." not in path.parts
        if not is_within and not may_read(path):
            state: State = "unread"
            name += f" (in {say_place(path.parent)})"
        else:
            state, why = _check(path, entry.digest)
            name += f" ({why})" if why else ""
        if state == "unchanged":
            counts[entry.is_input] += 1
        else:
            found.setdefault((entry.is_input, state), []).append(printable(name))
    watch(len(entries), len(entries))
    outputs, inputs = (
        Standing(
            counts[is_input],
            tuple(found.get((is_input, "changed"), ())),
            tuple(found.get((is_input, "missing"), ())),
            tuple(found.get((is_input, "unread"), ())),
        )
        for is_input in (False, True)
    )
    tables_differ, journal_differs, journal_problem = _ask_journal(folder)
    seals = list(check_seals(folder))
    known = {entry.name for entry in entries} | {
        f"{SEALS}/{path.name}" for path in (folder / SEALS).glob("*") if path.suffix in SEAL_FILES
    }
    return Verification(
        outputs=outputs,
        inputs=inputs,
        unknown=tuple(sorted(_unknown(folder, known))),
        seals=tuple(one for one in seals if isinstance(one, Seal)),
        seals_broken=tuple(printable(one) for one in seals if isinstance(one, str)),
        unreadable_lines=unreadable_lines,
        tables_differ=tables_differ,
        journal_differs=journal_differs,
        journal_problem=journal_problem,
    )


def _read_manifest(folder: Path) -> tuple[list[Entry], int]:
    """The lines that make sense, each name once, and how many do not."""
    path = folder / MANIFEST
    try:
        text = read_regular(path).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise ReportFolderError(f"{path} cannot be read: {error.strerror}; is {folder} a report?") from error
    lines = text.split("\n")[: -1 if text.endswith("\n") else None]
    entries = [entry for line in lines if (entry := _parse(line))]
    return list(dict.fromkeys(entries)), len(lines) - len(entries)


def _parse(line: str) -> Entry | None:
    match = LINE.fullmatch(line)
    if not match or "\0" in line:
        return None
    name = match["name"]
    if match["mark"]:
        name = re.sub(r"\\[\\nr]", lambda escape: ESCAPES[escape[0]], name)
    return Entry(match["digest"], name)


def _find_inputs(folder: Path) -> dict[str, Path]:
    """Where the files are that the manifest names as the tables do, as the journal knows."""
    try:
        with read_database(folder) as connection:
            rows = connection.execute("SELECT name, path FROM inputs WHERE belongs")
            return {f"{INPUT_MARK}{name}": Path(os.fsdecode(path)) for name, path in rows}
    except ReportFolderError:
        return {}  # said when the journal is asked for its tables


def _check(path: Path, expected: str) -> tuple[State, str]:
    """What has become of a file, and why that is not known. Only objects may be there and not be read, as
    when the storage is away; a file in a folder that nobody can read is as good as changed."""
    media = Media(path, path.name, "other", path)
    try:
        is_empty = not is_remote(path) and not path.stat().st_size
        digest = NO_BYTES if is_empty else media.sha256()  # some of the system's own files would never end
    except (OSError, MediaError) as error:
        why = error.__cause__ if isinstance(error, MediaError) else error
        if isinstance(why, FileNotFoundError | NotADirectoryError):
            return "missing", ""
        return ("unread", str(error)) if is_remote(path) else ("changed", "")
    return ("unchanged" if digest == expected else "changed"), ""


def _unknown(folder: Path, known: set[str]) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in [*files, *links]:
            path = (Path(parent) / name).relative_to(folder).as_posix()
            if path not in known and path not in APART:
                yield printable(path)


def _ask_journal(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Tables whose number of rows the journal does not confirm, what of it was changed, and why it could
    not be asked.
    """
    try:
        with read_database(folder) as connection:
            changed = tuple(map(printable, check_chain(connection, read_head(folder))))
            define_views(connection)
            queries = {
                "files.csv": "SELECT count(*) FROM temp.files",
                "detections.csv": "SELECT count(*) FROM temp.files JOIN temp.shown USING (sha256)",
            }
            expected = {name: connection.execute(sql).fetchone()[0] for name, sql in queries.items()}
    except ReportFolderError as error:
        return (), (), printable(str(error))
    counted = {name: _count_rows(folder / name) for name in expected}
    return (
        tuple(
            f"{name} has {counted[name]} rows, {FILE_NAME} gives {rows}"
            for name, rows in expected.items()
            if counted[name] not in (rows, -1)
        ),
        changed,
        "",
    )


def _count_rows(table: Path) -> int:
    """-1 for a table that cannot be read: it is missing or changed, and said to be."""
    if not table.is_file():  # a pipe in its place would be waited for
        return -1
    import pandas as pd  # a third of a second, which scans need not wait for

    try:
        chunks = pd.read_csv(table, usecols=[0], chunksize=ROWS_AT_ONCE, dtype=str, encoding_errors="replace")
        with chunks:
            return sum(len(chunk) for chunk in chunks)
    except (OSError, ValueError):
        return -1
