"""A report in, the hashes of all that belongs to it out."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from detector.journal import FILE_NAME, LOCK_NAME, Journal
from detector.report.writing import replacing


def write_manifest(journal: Journal, folder: Path) -> None:
    """Hashes of all inputs and outputs; `sha256sum -c manifest.sha256` in the report folder checks them."""
    with replacing(folder / "manifest.sha256") as file:
        for path in sorted(_outputs(folder)):
            with path.open("rb") as output:
                digest = hashlib.file_digest(output, "sha256").hexdigest()
            file.write(_manifest_line(digest, path.relative_to(folder).as_posix()))
        for raw, digest in journal.connection.execute(
            "SELECT path, sha256 FROM temp.files WHERE sha256 != '' ORDER BY path"
        ):
            file.write(_manifest_line(digest, _relative(os.fsdecode(raw), folder)))


def _outputs(folder: Path) -> Iterator[Path]:
    apart = {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", LOCK_NAME, "manifest.sha256"}
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in apart and not path.name.startswith("."):
            yield path


def _relative(path: str, folder: Path) -> str:
    try:
        return os.path.relpath(path, folder)
    except ValueError:  # another drive
        return path


def _manifest_line(digest: str, name: str) -> str:
    """A line as GNU sha256sum writes it: names with line breaks or backslashes are escaped and marked."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    return f"{mark}{digest}  {escaped}\n"
