"""Photos cut out of others share their cluster, those that only look a little alike do not."""

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector.copies import hash_edges
from detector.errors import ExitCode
from detector.options import ScanOptions
from detector.pictures import is_cut_out
from detector.scanning import Progress, scan
from tests.copies.test_edges import repainted
from tests.reports import change_journal
from tests.test_evidence import read_table, save, scan_to
from tests.test_parts import detailed, painted

CUTS = {
    "a tenth on all sides": (0.05, 0.05, 0.95, 0.95),
    "a corner": (0.0, 0.0, 0.9, 0.9),
    "below": (0.0, 0.0, 1.0, 0.88),
    "unevenly": (0.03, 0.06, 0.97, 0.93),
}


def cut(image: NDArray[np.uint8], left: float, top: float, right: float, bottom: float) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    return np.ascontiguousarray(
        image[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
    )


def save_changed_copies(folder: Path) -> Path:
    """A photo that was posted first, a copy cut out of it and one that has something painted in."""
    save(detailed(1), folder / "first.png")
    save(cut(detailed(1), *CUTS["a corner"]), folder / "cut.png")
    save(painted(detailed(1)), folder / "painted.jpg", quality=80)
    (folder / "posts.csv").write_text("file,posted_at\nfirst.png,2024-05-01T00:00:00Z\n")
    return folder


def test_cut_photos_are_in_the_cluster_of_the_whole_and_others_are_not(
    tmp_path: Path, fake_weights: Path
) -> None:
    for seed in range(4):
        save(detailed(seed), tmp_path / "in" / f"{seed}.png")
    for name, box in CUTS.items():
        save(cut(detailed(1), *box), tmp_path / "in" / f"{name}.jpg", quality=80)
    save(cut(detailed(2), *CUTS["unevenly"])[:, ::-1], tmp_path / "in" / "mirrored.jpg", quality=80)
    rows = scan_to(tmp_path / "in", tmp_path / "report", fake_weights)["files"]
    clusters: dict[str, set[str]] = {}
    for row in rows:
        clusters.setdefault(row["cluster"], set()).add(row["file"])
    assert sorted(clusters.values(), key=len) == [
        {"0.png"},
        {"3.png"},
        {"2.png", "mirrored.jpg"},
        {"1.png", *(f"{name}.jpg" for name in CUTS)},
    ]
    assert {row["differs_in_part"] for row in rows if row["file"] in {f"{name}.jpg" for name in CUTS}} <= {
        "",
        "no",
    }


@pytest.mark.parametrize("quality", [40, 90])
def test_a_cut_is_told_from_another_picture_of_the_same_colours(tmp_path: Path, quality: int) -> None:
    path = save(cut(detailed(1), *CUTS["a corner"]), tmp_path / "cut.jpg", quality=quality)
    part = np.asarray(Image.open(path))
    assert is_cut_out(part, detailed(1))
    assert is_cut_out(np.ascontiguousarray(part[:, ::-1]), detailed(1))
    assert not is_cut_out(part, detailed(2))


def test_another_person_at_the_same_desk_is_no_copy() -> None:
    other = detailed(1)
    other[100:330, 180:380] = detailed(2)[100:330, 180:380]  # a quarter of the picture
    assert not is_cut_out(cut(other, *CUTS["a corner"]), detailed(1))
    painted_over = detailed(1)
    painted_over[100:200, 180:280] = (40, 160, 60)
    assert is_cut_out(cut(painted_over, *CUTS["a corner"]), detailed(1))


def test_a_scan_that_was_stopped_does_not_look_at_photos_again(
    tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(detailed(1), tmp_path / "in" / "whole.png")
    save(cut(detailed(1), *CUTS["a corner"]), tmp_path / "in" / "cut.png")
    scan_to(tmp_path / "in", tmp_path / "report", fake_weights)
    save(detailed(2), tmp_path / "in" / "new.png")
    stop = threading.Event()
    stop.set()
    options = ScanOptions(paths=(tmp_path / "in",), out=tmp_path / "report", weights=fake_weights, workers=1)
    with monkeypatch.context() as patched:
        patched.setattr("detector.cutting.is_cut_out", None)
        patched.setattr("detector.parts.find_part", None)
        assert scan(options, lambda _: None, stop).exit_code == ExitCode.INTERRUPTED
    rows = scan_to(tmp_path / "in", tmp_path / "report", fake_weights)["files"]
    assert len({row["cluster"] for row in rows}) == 2


def test_ctrl_c_while_photos_are_compared_ends_that_and_the_next_scan_makes_up_for_it(
    tmp_path: Path, fake_weights: Path
) -> None:
    save(detailed(1), tmp_path / "in" / "whole.png")
    save(cut(detailed(1), *CUTS["a corner"]), tmp_path / "in" / "cut.png")
    stop = threading.Event()
    steps = []

    def look(progress: Progress) -> None:
        steps.append(progress.step)
        if progress.step == "comparing pictures that look the same":
            stop.set()

    options = ScanOptions(paths=(tmp_path / "in",), out=tmp_path / "report", weights=fake_weights, workers=1)
    assert scan(options, look, stop).exit_code == ExitCode.INTERRUPTED
    assert "looking for cropped copies" not in steps
    assert scan(options, look, threading.Event()).exit_code == ExitCode.DONE
    assert "looking for cropped copies" in steps
    assert len({row["cluster"] for row in read_table(tmp_path / "report" / "files.csv")}) == 1


def test_pairs_that_are_too_many_to_look_at_are_said(
    tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    save(detailed(1), tmp_path / "in" / "whole.png")
    save(cut(detailed(1), *CUTS["a corner"]), tmp_path / "in" / "cut.png")
    monkeypatch.setattr("detector.comparing.MIN_LOOKED_AT", 0)
    rows = scan_to(tmp_path / "in", tmp_path / "report", fake_weights)["files"]
    assert len({row["cluster"] for row in rows}) == 2
    assert "1 pairs are likely, of which 0 were looked at" in caplog.text


def test_a_photo_painted_over_is_in_the_cluster_of_the_other_and_differs(
    tmp_path: Path, fake_weights: Path
) -> None:
    """The fake network's boxes are too small for a hash of edges, so the journal gets them here."""
    images = {"first": detailed(1), "painted": repainted(detailed(1)), "other": detailed(2)}
    for name, image in images.items():
        save(image, tmp_path / "in" / f"{name}.png")
    rows = scan_to(tmp_path / "in", tmp_path / "report", fake_weights)["files"]
    assert len({row["cluster"] for row in rows}) == 3
    for row in rows:
        edges = hash_edges(images[row["file"].removesuffix(".png")]).hex()
        change_journal(
            tmp_path / "report", f"UPDATE frames SET edges = x'{edges}' WHERE sha256 = '{row['sha256']}'"
        )
    found = {row["file"]: row for row in scan_to(tmp_path / "in", tmp_path / "report", fake_weights)["files"]}
    assert found["first.png"]["cluster"] == found["painted.png"]["cluster"] != found["other.png"]["cluster"]
    assert {found[name]["differs_in_part"] for name in ("first.png", "painted.png")} == {"", "yes"}
