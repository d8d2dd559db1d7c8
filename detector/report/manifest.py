"""A report in, the hashes of all that belongs to it out."""

import functools
import hashlib
import heapq
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from detector.journal import Journal, file_digests
from detector.naming import common_folder, tells_too_much
from detector.report.writing import replacing
from detector.scratch import is_scratch

MANIFEST = "manifest.sha256"
INPUT_MARK = "input:"  # before the name of a scanned file whose way from the report would tell too much


def write_manifest(journal: Journal, folder: Path, written: Iterable[str], kept: Iterable[str]) -> None:
    """Hashes of all inputs and outputs; `sha256sum -c manifest.sha256` in the report folder checks them.

    Pictures have the hash that they had when the scan wrote them, whatever has become of them since; so a
    manifest that is written again vouches for nothing that was changed. `written` names the files just made,
    `kept` those made once, whose hashes the journal's chain has.
    Inputs that lie far from the report are named as in the tables: these `detector verify` alone can check.
    """
    made = file_digests(journal.connection)
    may_lead = not is_scratch(folder)
    outputs = sorted([*_hash(folder, written), *((name, made[name]) for name in kept)])
    with replacing(folder / MANIFEST) as file:
        for name, digest in heapq.merge(outputs, journal.pictures()):
            file.write(_manifest_line(digest, name))
        for raw, root, name, digest in journal.connection.execute(
            "SELECT f.path, root, f.file, f.sha256 FROM temp.files f JOIN inputs USING (path) "
            "WHERE f.sha256 != '' ORDER BY f.path"
        ):
            shown = INPUT_MARK + name
            if may_lead and _is_near(root, folder):
                above, own = os.path.split(os.fsdecode(raw))
                shown = os.path.join(_way_between(folder, above), own)  # noqa: PTH118 (a text, as it was)
            file.write(_manifest_line(digest, shown))


def _hash(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        with (folder / name).open("rb") as file:
            yield name, hashlib.file_digest(file, "sha256").hexdigest()


@functools.lru_cache
def _is_near(root: bytes, folder: Path) -> bool:
    """Whether the way from the report to what was scanned tells nothing of the machine."""
    start = Path(os.fsdecode(root))
    return not tells_too_much(common_folder([start, folder.absolute()]), [start])


@functools.lru_cache
def _way_between(folder: Path, above: str) -> str:
    way = os.path.relpath(above, folder)
    return "" if way == os.curdir else way


def _manifest_line(digest: str, name: str) -> str:
    """A line as GNU sha256sum writes it: names with line breaks or backslashes are escaped and marked."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    return f"{mark}{digest}  {escaped}\n"
