"""Rows in, a file out: JSON lists of any length, YOLO's labels, and an output that is whole or not there."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from detector.errors import ReportFolderError
from detector.export.rows import ReportFrame
from detector.regular import find_mode


@contextmanager
def create_output(out: Path) -> Iterator[Path]:
    """A path to write a file or make a folder at, which becomes `out` when all is written.

    Raises ReportFolderError when `out` is there already or cannot be written.
    """
    if find_mode(out) or out.is_symlink():
        raise ReportFolderError(f"{out} exists; remove it or choose another --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name[:50]}.") as half:
            yield Path(half) / out.name
            (Path(half) / out.name).rename(out)
    except OSError as error:
        raise ReportFolderError(f"{out} cannot be written: {error.strerror or error}") from error


def open_new(path: Path) -> TextIO:
    """A new UTF-8 text file with line breaks as written."""
    return path.open("x", encoding="utf-8", newline="")


def write_list(file: TextIO, rows: Iterable[object], indent: str = "") -> int:
    """Writes a JSON list, a row a line, and returns how many rows there were."""
    count = 0
    file.write("[")
    for count, row in enumerate(rows, 1):
        file.write(
            f"{',' if count > 1 else ''}\n{indent} {json.dumps(row, ensure_ascii=False, allow_nan=False)}"
        )
    file.write(f"\n{indent}]")
    return count


def dump(content: object) -> str:
    """JSON over several lines."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)


def write_data_yaml(path: Path, head: str, class_names: Sequence[str]) -> None:
    """Describes a data set as ultralytics reads it: `head`, then the names of the classes."""
    names = (f"  {number}: {dump(name)}\n" for number, name in enumerate(class_names))
    path.write_text(f"{head}names:\n{''.join(names)}", encoding="utf-8")


def yolo_label(class_id: int, xyxy: tuple[float, float, float, float], frame: ReportFrame) -> str:
    """A line of a label file: class, centre and size as shares of the frame (https://docs.ultralytics.com)."""
    left, top, right, bottom = xyxy
    centre = (left + right) / 2 / frame.width, (top + bottom) / 2 / frame.height
    size = (right - left) / frame.width, (bottom - top) / frame.height
    return " ".join([str(class_id), *(f"{value:.6f}" for value in (*centre, *size))])
