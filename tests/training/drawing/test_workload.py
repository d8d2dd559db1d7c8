from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from detector.copies import MAX_DISTANCE, distances, hash_picture
from detector.frames import Coverage, Sampling, read_frames, read_image
from detector.model import load_model
from detector.sources import find_media
from detector.training.drawing.samples import Workshop, open_workshop
from detector.training.drawing.workload import make_clip, make_photo
from tests.conftest import REPOSITORY

SMALL = 0.2, 0.3  # megapixels


@pytest.fixture(scope="module")
def workshop() -> Workshop:
    return open_workshop(REPOSITORY / "datasets")


def make_photos(folder: Path, workshop: Workshop, count: int, *, flag: bool) -> list[Path]:
    paths = [folder / f"{flag}-{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        make_photo(path, number, workshop, flag=flag, megapixels=SMALL)
    return paths


def test_no_photo_looks_like_another(tmp_path: Path, workshop: Workshop) -> None:
    photos = [read_image(path) for path in make_photos(tmp_path, workshop, 12, flag=False)]
    hashes = [np.frombuffer(hash_picture(photo).bits, np.uint8) for photo in photos]
    apart = [int(distances(one[None], other)[0]) for one, other in combinations(hashes, 2)]
    assert min(apart) > 2 * MAX_DISTANCE


def test_only_photos_that_are_to_have_a_flag_show_one(tmp_path: Path, workshop: Workshop) -> None:
    model = load_model(REPOSITORY / "weights" / "flags.onnx")
    for flag in (False, True):
        photos = [read_image(path) for path in make_photos(tmp_path, workshop, 4, flag=flag)]
        assert [len(seen) for seen in model.detect(photos)] == [int(flag)] * 4


def test_a_photo_is_the_same_whenever_it_is_made(tmp_path: Path, workshop: Workshop) -> None:
    first, second = tmp_path / "1.jpg", tmp_path / "2.jpg"
    for path in (first, second):
        make_photo(path, 5, workshop, flag=True, megapixels=SMALL)
    assert first.read_bytes() == second.read_bytes()


def test_a_clip_shows_its_flag_from_beginning_to_end(tmp_path: Path, workshop: Workshop) -> None:
    path = tmp_path / "clip.mp4"
    make_clip(path, 1, workshop, flag=True, seconds=3, resolution_wh=(640, 360))
    model = load_model(REPOSITORY / "weights" / "flags.onnx")
    (media,) = find_media([path])
    seen = [
        len(model.detect([frame.image])[0]) for frame in read_frames(media, Sampling(), Coverage(media.kind))
    ]
    assert seen == [1, 1, 1]
