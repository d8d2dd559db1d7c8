"""Lists of paths as programs and people write them."""

import codecs
import os
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.lists import read_paths
from tests.cli.test_cli import run_detector
from tests.conftest import RED, write_picture
from tests.test_evidence import read_table

LINES = "a.jpg\r\n\r\n two words é .mp4\nlast"
PATHS = [Path("a.jpg"), Path(" two words é .mp4"), Path("last")]


@pytest.mark.parametrize(
    "content",
    [
        LINES.encode(),
        codecs.BOM_UTF8 + LINES.encode(),
        codecs.BOM_UTF16_LE + LINES.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + LINES.encode("utf-16-be"),
        "\0".join(map(str, PATHS)).encode() + b"\0",
    ],
)
def test_a_list_is_read_however_it_is_written(content: bytes) -> None:
    assert read_paths(content) == PATHS


def test_names_keep_line_breaks_between_zero_bytes_and_bytes_that_are_not_utf8() -> None:
    assert read_paths(b"a\nb.jpg\0\xe9.jpg\0") == [Path("a\nb.jpg"), Path(os.fsdecode(b"\xe9.jpg"))]
    assert read_paths(b"\xe9.jpg\n") == [Path(os.fsdecode(b"\xe9.jpg"))]


def test_a_list_cut_in_the_middle_of_a_character_is_refused() -> None:
    with pytest.raises(UsageError, match="no UTF-16"):
        read_paths(codecs.BOM_UTF16_LE + "a.jpg".encode("utf-16-le") + b"x")


def test_a_vanished_path_of_a_list_is_a_failed_row_and_an_empty_list_says_so(
    tmp_path: Path, fake_weights: Path
) -> None:
    there = write_picture(tmp_path / "in" / "there.png", (1, 1, RED))
    listing = tmp_path / "list.txt"
    listing.write_text(f"{there}\n{tmp_path / 'in' / 'gone.jpg'}\n", encoding="utf-16")
    options = ("--weights", fake_weights, "--workers", "1", "--out", tmp_path / "report")
    done = run_detector("scan", "--from-file", listing, *options)
    assert done.returncode == 1
    rows = {row["file"]: row for row in read_table(tmp_path / "report" / "files.csv")}
    assert {name: row["status"] for name, row in rows.items()} == {"there.png": "ok", "gone.jpg": "failed"}
    assert rows["gone.jpg"]["reason"] == "cannot be read: No such file or directory"
    listing.write_text("\n")
    empty = run_detector("scan", "--from-file", listing, *options)
    assert empty.returncode == 2
    assert "names no path: nothing to scan" in empty.stderr
