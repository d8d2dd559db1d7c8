import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.training.learning.dataset import (
    Recipe,
    describe_recipe,
    find_photos,
    format_labels,
    hash_file,
    make_dataset,
)
from detector.training.photos import read_split
from tests.conftest import REPOSITORY

ROOT = REPOSITORY
SHARED = ROOT.parent / "shared" / "photos"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    photos, flags = tmp_path / "photos", tmp_path / "flags"
    photos.mkdir()
    flags.mkdir()
    rng = np.random.default_rng(0)
    for number in range(40):
        cv2.imwrite(str(photos / f"{number:02d}.png"), rng.integers(0, 255, (40, 60, 3), np.uint8))
    cv2.imwrite(str(flags / "am.png"), np.full((20, 40, 3), 90, np.uint8))
    datasets = ROOT / "datasets"
    return Recipe(
        artwork=datasets / "artwork",
        bank=datasets / "cloth.npz",
        flags=flags,
        backgrounds=(photos,),
        seed=4,
        size=160,
    )


def read_all(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*/train/*"))}


def test_the_number_of_workers_changes_nothing(recipe: Recipe, tmp_path: Path) -> None:
    for workers in (1, 2):
        make_dataset(recipe, tmp_path / str(workers), counts={"train": 20}, workers=workers)
    assert read_all(tmp_path / "1") == read_all(tmp_path / "2")
    assert len(read_all(tmp_path / "1")) == 40


def test_a_stopped_run_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_dataset(recipe, out, counts={"train": 6}, workers=1)
    before = read_all(out)
    make_dataset(recipe, out, counts={"train": 9}, workers=1)
    after = read_all(out)
    assert before.items() <= after.items()
    assert len(after) == 18


def test_no_photo_is_in_two_splits(recipe: Recipe) -> None:
    train, val = find_photos(recipe.backgrounds, "train"), find_photos(recipe.backgrounds, "val")
    assert len(train) + len(val) == 40
    assert not {hash_file(path) for path in train} & {hash_file(path) for path in val}
    assert val
    described = describe_recipe(recipe)
    assert described["train_photos"] == len(train)


def test_labels_are_read_as_they_were_written(tmp_path: Path) -> None:
    image, box = np.zeros((100, 200, 3), np.uint8), np.array([[20, 10, 60, 50]], np.float32)
    assert list(format_labels(image, ("kanak",), box)) == ["1 0.200000 0.300000 0.200000 0.400000\n"]
    for kind in ("images", "labels", "others"):
        (tmp_path / kind / "val").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "images" / "val" / "a.jpg"), image)
    (tmp_path / "labels" / "val" / "a.txt").write_text("".join(format_labels(image, ("kanak",), box)))
    (photo,) = read_split(tmp_path, "val", ("azerbaijan", "kanak"))
    assert (photo.labels, photo.other_labels) == (("kanak",), ())
    assert np.allclose(photo.xyxy, box)
    lines = format_labels(image, ("plain", "other"), np.vstack([box, box + 1]))
    (tmp_path / "others" / "val" / "a.txt").write_text("".join(lines))
    (photo,) = read_split(tmp_path, "val", ("azerbaijan", "kanak"))
    assert (photo.labels, photo.other_labels) == (("kanak",), ("plain", "other"))
    assert np.allclose(photo.other_xyxy, np.vstack([box, box + 1]))


@pytest.mark.skipif(not SHARED.exists(), reason="photos are not here")
def test_no_development_photo_is_trained_on() -> None:
    trained = {hash_file(path) for path in (SHARED / "train").glob("*/*")}
    measured = {hash_file(path) for path in (SHARED / "dev").glob("*/*")}
    assert trained
    assert measured
    assert not trained & measured


def test_truth_of_the_samples_names_files_that_exist() -> None:
    folder = ROOT / "datasets" / "samples"
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {"azerbaijan", "kanak"}
    assert all((folder / row["file"]).exists() for row in rows)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6_000_000
