"""A report in, the hashes of all that belongs to it out."""

import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from detector.journal import FILE_NAME, LOCK_NAME, Journal
from detector.naming import common_folder, tells_too_much
from detector.report.writing import replacing

INPUT_MARK = "input:"  # before the name of a scanned file whose way from the report would tell too much


def write_manifest(journal: Journal, folder: Path) -> None:
    """Hashes of all inputs and outputs; `sha256sum -c manifest.sha256` in the report folder checks them.

    Inputs that lie far from the report are named as in the tables: these `detector verify` alone can check.
    """
    with replacing(folder / "manifest.sha256") as file:
        for path in sorted(_outputs(folder)):
            with path.open("rb") as output:
                digest = hashlib.file_digest(output, "sha256").hexdigest()
            file.write(_manifest_line(digest, path.relative_to(folder).as_posix()))
        for raw, root, name, digest in journal.connection.execute(
            "SELECT f.path, root, f.file, f.sha256 FROM temp.files f JOIN inputs USING (path) "
            "WHERE f.sha256 != '' ORDER BY f.path"
        ):
            is_near = _is_near(Path(os.fsdecode(root)), folder.absolute())
            shown = os.path.relpath(os.fsdecode(raw), folder) if is_near else INPUT_MARK + name
            file.write(_manifest_line(digest, shown))


def _outputs(folder: Path) -> Iterator[Path]:
    apart = {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", LOCK_NAME, "manifest.sha256"}
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in apart and not path.name.startswith("."):
            yield path


@functools.lru_cache
def _is_near(root: Path, folder: Path) -> bool:
    """Whether the way from the report to what was scanned tells nothing of the machine."""
    return not tells_too_much(common_folder([root, folder]), [root])


def _manifest_line(digest: str, name: str) -> str:
    """A line as GNU sha256sum writes it: names with line breaks or backslashes are escaped and marked."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    return f"{mark}{digest}  {escaped}\n"
