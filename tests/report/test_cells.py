"""No cell of a table is a formula, whatever reads the table and wherever it splits a line."""

import csv
import io
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report import escape_cell
from detector.report.cells import foreign_cell
from tests.conftest import RED, write_picture
from tests.test_evidence import scan_to, write_posts

TRIGGERS = "=+-@＝＋－＠"
HOSTILE = st.text(st.sampled_from([*TRIGGERS, *",;\t\r\n\"' ", "a", "1", "\u200b"]), max_size=12)


def cells_of(text: str, separator: str, *, quoted: bool) -> list[str]:
    """What a reader makes of a table: one that knows quotes, or one that only splits."""
    if quoted:
        return [
            cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row
        ]
    return re.split(rf"[{separator}\r\n]", text)


def is_formula(cell: str) -> bool:
    trimmed = unicodedata.normalize("NFKC", cell.lstrip(' "\u200b\ufeff\t\r\n'))
    return trimmed.startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("quoted", [True, False])
@given(text=HOSTILE)
def test_no_reader_finds_a_formula_in_a_cell(separator: str, quoted: bool, text: str) -> None:
    line = f"id1,{foreign_cell(text)},{foreign_cell(text)}\n"
    assert [cell for cell in cells_of(line, separator, quoted=quoted) if is_formula(cell)] == []


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("x;=1+1.jpg", "x;'=1+1.jpg"),
        ("a\t@b", "a\t'@b"),
        ("a\n-1", "a\n'-1"),
        ("＝1+1", "'＝1+1"),
        ("Baku, 2-3 May; a=b + c", "Baku, 2-3 May; a=b + c"),
        ('x;"=1', "x;'\"=1"),
    ],
)
def test_a_cell_is_guarded_where_one_could_begin_and_nowhere_else(text: str, cell: str) -> None:
    assert escape_cell(text) == cell


@given(text=st.text(max_size=30))
def test_a_guarded_cell_is_the_text_again_without_its_apostrophes(text: str) -> None:
    assert escape_cell(text).replace("'", "") == text.replace("'", "")
    (row,) = csv.reader(io.StringIO(foreign_cell(text), newline=""))
    assert row == [escape_cell(text)]


def test_tables_quote_and_guard_all_that_strangers_wrote(tmp_path: Path, fake_weights: Path) -> None:
    name, author = "x;=1+1.png", "a;=1+1"
    write_picture(tmp_path / "in" / name, (1, 1, RED))
    write_posts(tmp_path / "in" / "posts.csv", (name, "https://x.com/a", "", author, "＝2+3\t@SUM(1)"))
    scan_to(tmp_path / "in", tmp_path / "report", fake_weights)
    for table in ("files", "detections"):
        content = (tmp_path / "report" / f"{table}.csv").read_text(encoding="utf-8")
        assert '"x;\'=1+1.png"' in content
        assert '"a;\'=1+1"' in content
        for separator in (",", ";", "\t"):
            for quoted in (True, False):
                assert not any(map(is_formula, cells_of(content, separator, quoted=quoted)))
    assert "\"'＝2+3 '@SUM(1)\"" not in content
    assert '"\'＝2+3 @SUM(1)"' in (tmp_path / "report" / "files.csv").read_text(encoding="utf-8")
