"""A report while it grows."""

import threading
from pathlib import Path

import pytest

from detector import scanning
from detector.options import ScanOptions
from detector.scanning import Progress, scan
from tests.cli.test_cli import run_detector
from tests.conftest import BLUE, RED, write_picture


def test_the_page_is_there_during_a_scan_and_says_so(
    tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write_picture(tmp_path / "in" / f"{number}.png", (number, 1, RED if number % 2 else BLUE))
    monkeypatch.setattr(scanning, "SO_FAR_SECONDS", 0.0)
    monkeypatch.setattr(scanning, "SO_FAR_SHARE", 1e9)
    pages: list[str] = []
    hands: list[tuple[str, ...]] = []

    def look(progress: Progress) -> None:
        page = tmp_path / "report" / "index.html"
        pages.append(page.read_text() if page.exists() else "")
        hands.append(progress.in_hand)

    options = ScanOptions(paths=(tmp_path / "in",), out=tmp_path / "report", weights=fake_weights, workers=1)
    scan(options, look, threading.Event())
    assert "Flags seen in 4 files, so far" in pages[-1]
    assert "3 files have not been looked at yet" in next(page for page in pages if page)
    shown = pages[-1].split("<script")[0]
    final = (tmp_path / "report" / "index.html").read_text()
    for known_at_the_end in ("First known post", 'href="detections.csv"', "with a known post"):
        assert known_at_the_end not in shown
        assert known_at_the_end in final
    assert "<td>–</td>" in shown  # how many different pictures
    assert "so far" not in final.split("<script")[0]
    assert "0.png" in {name for names in hands for name in names}
    assert hands[-1] == ()


def test_the_last_line_says_how_long_it_took(
    tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")  # what has its lines in a log is not broken into more
    write_picture(tmp_path / "in" / "red.png", (1, 1, RED))
    done = run_detector("scan", tmp_path / "in", "--out", tmp_path / "report", "--weights", fake_weights)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1].startswith("1 files in ")
    told = (
        "1 of 1 files after 0:0",
        "comparing pictures that look the same, after",
        "writing the tables and",
    )
    assert any(line.startswith(told[0]) and line.endswith("0 failed") for line in done.stderr.splitlines())
    places = [done.stderr.find(words) for words in told]
    assert -1 < places[0] < places[1] < places[2]
