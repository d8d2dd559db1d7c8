from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.training.learning.dataset import is_held_out
from detector.training.learning.photo_crops import make_photo_crops, name_kinds
from detector.training.learning.photo_set import PhotoSet, is_unseen, make_pieces, read_set
from detector.training.photos import Photo, read_split
from tests.fake_weights import write_fake_weights

HEAD = "file,class,x1,y1,x2,y2,note\n"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two sources with a flag, red, at one place; another red place, unboxed; thirty photos without."""
    folder = tmp_path / "photos"
    for kind in ("azerbaijan", "backgrounds"):
        (folder / kind).mkdir(parents=True)
    image = np.full((256, 256, 3), 90, np.uint8)
    image[64:128, 64:128] = image[192:256, 192:256] = (20, 20, 220)
    for number, source in enumerate(("here", "there")):
        image[0, 0] = number
        cv2.imwrite(str(folder / "azerbaijan" / f"{source}__1.png"), image)
    rng = np.random.default_rng(0)
    for number in range(30):
        cv2.imwrite(str(folder / "backgrounds" / f"{number}.png"), rng.integers(0, 99, (64, 64, 3), np.uint8))
    rows = [f"azerbaijan/{source}__1.png,azerbaijan,64,64,128,128,\n" for source in ("here", "there")]
    (folder / "labels.csv").write_text(HEAD + "".join(rows))
    (folder / "labels_other.csv").write_text(HEAD + "azerbaijan/here__1.png,turkey,0,0,30,30,\n")
    return folder


def test_sources_can_be_held_out_and_some_negatives_are(photos: Path) -> None:
    found = read_set(PhotoSet(folders=(photos,), without=("there",)))
    assert [photo.source for photo in found["azerbaijan"]] == ["here"]
    kept = {photo.path.name for photo in found["backgrounds"]}
    every = {path.name: path for path in (photos / "backgrounds").iterdir()}
    assert kept == {name for name, path in every.items() if not is_held_out(path)}
    assert 0 < len(kept) < 30


def test_only_negatives_are_held_out_by_their_content(photos: Path) -> None:
    path = next(path for path in (photos / "backgrounds").iterdir() if is_held_out(path))
    none = np.empty((0, 4), np.float32)
    assert is_unseen(Photo(path, "backgrounds", (), none))
    assert not is_unseen(Photo(path, "azerbaijan", ("azerbaijan",), none))


def test_pieces_become_a_data_set_whatever_the_workers(photos: Path, tmp_path: Path) -> None:
    chosen = PhotoSet(folders=(photos,), size=96)
    for workers in (1, 2):
        make_pieces(chosen, tmp_path / str(workers), 40, workers=workers)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")} for name in ("1", "2")
    )
    assert one == two
    read = read_split(tmp_path / "1", "train", ("azerbaijan", "kanak"))
    assert len(read) == 40
    assert {label for photo in read for label in photo.labels} == {"azerbaijan"}
    assert {label for photo in read for label in photo.other_labels} == {"other"}


def test_crops_show_the_truth_and_what_is_proposed(photos: Path, tmp_path: Path) -> None:
    weights = write_fake_weights(tmp_path)
    make_photo_crops(PhotoSet(folders=(photos,)), weights, tmp_path / "out", workers=1)
    names = {
        kind: sorted(path.name.split("-")[0] for path in (tmp_path / "out" / "train" / kind).glob("*-azer*"))
        for kind in ("azerbaijan", "other")
    }
    assert names["azerbaijan"].count("real") == 2
    assert names["azerbaijan"].count("seen") >= 2
    assert names["other"].count("real") == 1  # the other flag
    assert names["other"].count("photo") >= 2  # the red place that is no flag


def test_what_a_large_flag_hides_and_what_is_doubtful_is_not_taught_as_its_flag() -> None:
    large, small = (0, 0, 120, 60), (0, 0, 20, 10)
    photo = Photo(
        Path("a.jpg"),
        "azerbaijan",
        ("azerbaijan",) * 4,
        np.array([large, small, large, large], np.float32),
        ("other",),
        np.array([small], np.float32),
        ("emblem hidden", "emblem hidden", "presidential standard", ""),
    )
    assert name_kinds(photo) == ["plain", "azerbaijan", "", "azerbaijan", "other"]
