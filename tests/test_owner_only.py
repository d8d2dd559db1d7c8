"""What the tool writes can be read by its owner only."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_cli import run_detector
from tests.review.test_review_serve import Browser, first_detection, reviewing
from tests.test_scan import scan_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="files have other rights there")


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """Of most systems, inherited by commands: everybody may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(*roots: Path) -> list[str]:
    paths = [path for root in roots for path in (root, *root.rglob("*"))]
    return [str(path) for path in paths if stat.S_IMODE(path.lstat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)]


@pytest.mark.usefixtures("usual_umask")
def test_what_the_commands_write_is_for_its_owner_only(
    downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    report, export, table = tmp_path / "new" / "report", tmp_path / "yolo", tmp_path / "differences.csv"
    assert run_detector("scan", downloads, "--out", report, "--weights", fake_weights).returncode == 1
    with reviewing(report, "--reviewer", "Ann") as (running, address):
        told = f'{{"verdict": "confirmed", "ids": ["{first_detection(report)}"]}}'
        Browser(address).post("/api/verdicts", told.encode())
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert run_detector("export", report, "--to", "yolo", "--out", export).returncode == 0
    assert run_detector("compare", report, report, "--csv", table).returncode == 0
    assert (report / "reviews.csv").exists()
    assert list((report / "crops").iterdir())
    assert open_to_others(tmp_path / "new", export, table) == []
    assert str(downloads / "red.png") in open_to_others(downloads)  # or the check sees nothing


@pytest.mark.usefixtures("usual_umask")
def test_a_report_made_by_a_program_lies_in_a_folder_of_its_owner_only(
    downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    scan_folder(downloads, tmp_path / "report", fake_weights)
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o700
