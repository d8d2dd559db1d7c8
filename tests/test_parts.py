"""A copy into which something was painted is told from one that was only compressed, and where."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector.pictures import NoHold, find_part
from detector.report import verify_report
from tests.conftest import RED
from tests.reports import change_journal
from tests.test_evidence import read_table, save, scan_to, scenery

GREY = (120, 120, 120)
BOX = (0.625, 0.25, 0.875, 0.5)  # of the painted square


def detailed(seed: int) -> NDArray[np.uint8]:
    """A picture with enough corners to hold on to."""
    image = scenery(seed, (1, 1, RED)).astype(int)
    fine = np.random.default_rng(seed).integers(-25, 26, (96, 128, 1))
    return np.asarray((image + np.kron(fine, np.ones((4, 4, 1), int))).clip(0, 255), np.uint8)


def painted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With a green square in which there was none: the fake network sees nothing in it."""
    image = image.copy()
    image[96:192, 320:448] = (40, 160, 60)
    return image


def compressed(image: NDArray[np.uint8], folder: Path, quality: int = 50) -> NDArray[np.uint8]:
    return np.asarray(Image.open(save(image, folder / "compressed.jpg", quality=quality)))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("size", [(512, 384), (400, 300)])
def test_what_was_painted_in_is_found_where_it_is(
    tmp_path: Path, size: tuple[int, int], mirrored: bool
) -> None:
    original = np.asarray(Image.fromarray(detailed(1)).resize(size))
    original = np.ascontiguousarray(original[:, ::-1]) if mirrored else original
    part = find_part(compressed(painted(detailed(1)), tmp_path), original)
    assert part is not None
    assert (part.left, part.top, part.right, part.bottom) == pytest.approx(BOX, abs=0.02)
    assert part.share == pytest.approx(0.0625, abs=0.006)


@pytest.mark.parametrize("quality", [20, 60, 95])
def test_a_copy_that_was_only_compressed_differs_nowhere(tmp_path: Path, quality: int) -> None:
    for seed in range(3):
        assert find_part(compressed(detailed(seed), tmp_path, quality), detailed(seed)) is None


def test_pictures_without_anything_in_common_are_not_compared() -> None:
    with pytest.raises(NoHold):
        find_part(detailed(1), detailed(2))


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """A report of a picture posted first, a compressed copy and a painted one."""
    base = tmp_path_factory.mktemp("parts")
    save(detailed(1), base / "in" / "first.png")
    save(detailed(1), base / "in" / "copy.jpg", quality=60)
    save(painted(detailed(1)), base / "in" / "painted.jpg", quality=80)
    (base / "in" / "posts.csv").write_text("file,posted_at\nfirst.png,2024-05-01T00:00:00Z\n")
    scan_to(base / "in", base / "report", fake_weights)
    return base


def told(report: Path) -> dict[str, list[str]]:
    sides = ("differs_in_part", "differs_x", "differs_y", "differs_width", "differs_height")
    rows = {row["file"]: row for row in read_table(report / "files.csv")}
    return {name: [rows[name][side] for side in sides] for name in rows if name != "posts.csv"}


def test_files_say_which_copy_differs_in_part_and_where(scanned: Path) -> None:
    found = told(scanned / "report")
    assert found["first.png"] == [""] * 5
    assert found["copy.jpg"] == ["no", "", "", "", ""]
    differs, *box = found["painted.jpg"]
    assert differs == "yes"
    left, top, right, bottom = BOX
    assert [float(side) for side in box] == pytest.approx((left, top, right - left, bottom - top), abs=0.02)
    assert verify_report(scanned / "report", lambda *_: None).as_it_was


def test_the_two_are_laid_over_each_other_though_the_model_sees_the_same_in_both(scanned: Path) -> None:
    assert len(list((scanned / "report" / "differences").glob("*-difference.jpg"))) == 1


def test_a_second_run_compares_nothing_anew(scanned: Path, tmp_path: Path, fake_weights: Path) -> None:
    shutil.copytree(scanned / "report", tmp_path / "report")
    change_journal(tmp_path / "report", 'UPDATE parts SET "left" = 0.5 WHERE differs')
    scan_to(scanned / "in", tmp_path / "report", fake_weights)
    assert told(tmp_path / "report")["painted.jpg"][1] == "0.500000"


def test_a_part_within_a_flag_has_the_box_of_the_flag(tmp_path: Path, fake_weights: Path) -> None:
    changed = detailed(1)
    changed[150:230, 150:230] = (60, 60, 220)  # most of the red square from 128 to 256
    save(detailed(1), tmp_path / "in" / "first.png")
    save(changed, tmp_path / "in" / "painted.png")
    (tmp_path / "in" / "posts.csv").write_text("file,posted_at\nfirst.png,2024-05-01T00:00:00Z\n")
    scan_to(tmp_path / "in", tmp_path / "report", fake_weights)
    differs, *box = told(tmp_path / "report")["painted.png"]
    assert differs == "yes"
    assert [float(side) for side in box] == pytest.approx((1 / 4, 1 / 3, 1 / 4, 1 / 3), abs=0.01)
