"""A `posts.csv` that a person wrote in, Claims out.

Columns, in any order: `file, source_url, posted_at, author, text`; only `file` must be there, relative to the
table's folder. Cells are separated by `,`, `;` or tab, as spreadsheets of different countries do it; UTF-8
with or without a mark, or UTF-16 with one.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from detector.posts.loading import SidecarError, load_bytes
from detector.posts.post import Claim, Moment, join_warnings, make_claim, text_moment

SEPARATORS = (";", "\t", ",")


def read_table(path: Path, sidecar: str) -> Iterator[Claim]:
    """One claim a row that names a file. Raises SidecarError; claims given out before are sound."""
    text, warning = _decode(load_bytes(path))
    first_line, _, rest = text.partition("\n")
    declared = first_line.strip().lower().removeprefix("sep=")  # Excel's own first line
    if first_line.lower().startswith("sep=") and declared in SEPARATORS:
        text, separator = rest, declared
    else:
        separator = max(SEPARATORS, key=first_line.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        columns = [name.strip().lower() for name in next(rows, [])]
        if "file" not in columns:
            raise SidecarError("it has no column named file")
        for row in rows:
            cells = dict(zip(columns, row, strict=False))
            if cells.get("file", "").strip():
                yield _read_row(cells, sidecar, warning)
    except csv.Error as error:
        raise SidecarError(f"not a table: {error}") from error


def _read_row(cells: dict[str, str], sidecar: str, warning: str) -> Claim:
    moment = text_moment(cells.get("posted_at"))
    return make_claim(
        "posts.csv",
        sidecar,
        Moment(moment.posted_at, join_warnings(moment.warning, warning)),
        url=cells.get("source_url"),
        platform="",
        author=cells.get("author"),
        post_id="",
        text=cells.get("text"),
        names=(cells["file"].strip(),),
    )


def _decode(content: bytes) -> tuple[str, str]:
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16"), ""
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return content.decode("utf-8-sig", "replace"), "posts.csv is not UTF-8, save it as CSV UTF-8"
