"""Rows of a journal in, what shows that one was changed out: a chain of hashes, each over the one before.

Every result and every verdict adds a link when it is written, every scan one over all that its tables are
made from besides. Links are only ever added. Whoever changes a row must change all links after it, and then
the last one is not the one that `chain.json`, and with it the manifest and its time stamp, hold.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

RESULT, FORGOTTEN, VERDICT, SCAN, FILE = "result", "forgotten", "verdict", "scan", "file"
START = "0" * 64
OF_RESULT = (
    "SELECT * FROM results WHERE sha256 = ?",
    "SELECT * FROM frames WHERE sha256 = ? ORDER BY frame_index",
    "SELECT * FROM detections WHERE sha256 = ? ORDER BY frame_index, rank",
)
OF_VERDICT = ("SELECT * FROM verdicts WHERE number = ?",)
OF_SCAN = (
    "SELECT * FROM identity ORDER BY name",
    "SELECT * FROM thresholds ORDER BY label",
    "SELECT * FROM run ORDER BY number",
    "SELECT name, kind, run, batch, belongs, sha256, bytes, status, reason "
    "FROM inputs ORDER BY path",  # where: the manifest
    "SELECT * FROM posts ORDER BY path",
    "SELECT * FROM pictures ORDER BY sha256, frame_index",
    "SELECT * FROM copies ORDER BY sha256",
    "SELECT * FROM events ORDER BY sha256, event_id",
    "SELECT * FROM known ORDER BY sha256",
    "SELECT * FROM parts ORDER BY sha256",
)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends."""

    links: int
    sha256: str


def add_result(connection: sqlite3.Connection, sha256: str) -> None:
    """Adds a link over a content's result, as it stands in the journal; within the caller's transaction."""
    _add(connection, RESULT, sha256, _digest(connection, OF_RESULT, sha256))


def add_forgotten(connection: sqlite3.Connection, sha256: str) -> None:
    """Adds a link that says: this result was taken out, to be found again."""
    _add(connection, FORGOTTEN, sha256, "")


def add_verdict(connection: sqlite3.Connection, number: int) -> None:
    """Adds a link over a verdict."""
    _add(connection, VERDICT, str(number), _digest(connection, OF_VERDICT, number))


def add_scan(connection: sqlite3.Connection, run: int) -> None:
    """Adds a link over what the tables of a scan are made from besides results and verdicts."""
    _add(connection, SCAN, str(run), _digest(connection, OF_SCAN))


def add_files(connection: sqlite3.Connection, digests: Mapping[str, str]) -> None:
    """Adds links over files of the report that are made once and kept: hashes by name."""
    connection.commit()
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # a review may add links beside
        for name, sha256 in digests.items():
            _add(connection, FILE, name, sha256)


def file_digests(connection: sqlite3.Connection) -> dict[str, str]:
    """The hash that each of these files had when it was last made, by its name in the report."""
    rows = connection.execute("SELECT subject, digest FROM chain WHERE what = ? ORDER BY number", (FILE,))
    return dict(rows.fetchall())


def file_digest(connection: sqlite3.Connection, name: str) -> str:
    """That of one of them, "" when it was not made."""
    newest = "SELECT digest FROM chain WHERE what = ? AND subject = ? ORDER BY number DESC LIMIT 1"
    found = connection.execute(newest, (FILE, name)).fetchone()
    return str(found[0]) if found else ""


def find_head(connection: sqlite3.Connection) -> Head:
    """Where the chain ends now."""
    last = connection.execute("SELECT number, chained FROM chain ORDER BY number DESC LIMIT 1").fetchone()
    return Head(*last) if last else Head(0, START)


def check_chain(connection: sqlite3.Connection, known: Head) -> Iterator[str]:
    """What is not as it was written, a sentence each; `known` is where it ended when tables were made."""
    last: dict[tuple[str, str], tuple[str, str]] = {}
    before = at_known = START
    rows = connection.execute("SELECT number, what, subject, digest, chained FROM chain ORDER BY number")
    for links, (number, what, subject, digest, chained) in enumerate(rows, 1):
        if number != links or chained != _chain(before, what, subject, digest):
            yield f"its chain is broken at link {number}"
        if what == SCAN:  # the newest counts
            last[SCAN, ""] = (SCAN, f"{subject}:{digest}")
        elif what != FILE:  # the manifest has it
            last[RESULT if what == FORGOTTEN else what, subject] = (what, digest)
        before = chained
        if links == known.links:
            at_known = chained
    if at_known != known.sha256:
        yield "its chain is not the one that chain.json names"
    yield from _check_rows(connection, last)


def _check_rows(
    connection: sqlite3.Connection, last: dict[tuple[str, str], tuple[str, str]]
) -> Iterator[str]:
    held = {
        RESULT: [row[0] for row in connection.execute("SELECT sha256 FROM results")],
        VERDICT: [str(row[0]) for row in connection.execute("SELECT number FROM verdicts")],
    }
    for kind, sql in ((RESULT, OF_RESULT), (VERDICT, OF_VERDICT)):
        for subject in held[kind]:
            what, digest = last.pop((kind, subject), ("", ""))
            if what != kind:
                yield f"the {kind} of {subject} was added"
            elif digest != _digest(connection, sql, subject):
                yield f"the {kind} of {subject} was changed"
    (newest,) = connection.execute("SELECT max(number) FROM run").fetchone()
    _, scan = last.pop((SCAN, ""), ("", ""))
    if not scan.startswith(f"{newest}:"):
        yield "the last scan did not come to its end"
    elif scan != f"{newest}:{_digest(connection, OF_SCAN)}":
        yield "inputs, posts, copies, events or settings were changed"
    for (kind, subject), (what, _) in last.items():
        if what != FORGOTTEN:
            yield f"the {kind} of {subject} was removed"


def _add(connection: sqlite3.Connection, what: str, subject: str, digest: str) -> None:
    head = find_head(connection)
    chained = _chain(head.sha256, what, subject, digest)
    connection.execute(
        "INSERT INTO chain VALUES (?, ?, ?, ?, ?)", (head.links + 1, what, subject, digest, chained)
    )


def _chain(before: str, what: str, subject: str, digest: str) -> str:
    return hashlib.sha256("\n".join((before, what, subject, digest)).encode()).hexdigest()


def _digest(connection: sqlite3.Connection, queries: tuple[str, ...], *subject: object) -> str:
    """Over rows as SQLite gives them, so that it is the same whenever they are the same."""
    digest = hashlib.sha256()
    for sql in queries:
        digest.update(f"{sql}\n".encode())
        for row in connection.execute(sql, subject):
            digest.update(f"{row!r}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()
