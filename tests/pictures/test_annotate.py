import hashlib
from pathlib import Path

import numpy as np
import supervision as sv
from PIL import Image

from detector.filing import remove_half_written
from detector.pictures.annotate import (
    CLASS_COLOURS,
    FRAME_LONG_SIDE,
    cut_crop,
    draw_detections,
    shrink,
    write_jpeg,
)

GREY = np.full((300, 400, 3), 128, np.uint8)


def one(*box: float, class_id: int = 0) -> sv.Detections:
    return sv.Detections(np.array([box], np.float32), class_id=np.array([class_id]))


def test_a_box_has_its_class_colour_in_rgb() -> None:
    for class_id in (0, 1):
        drawn = draw_detections(GREY, one(100, 150, 200, 250, class_id=class_id), ["x"])
        assert tuple(drawn[200, 100]) == CLASS_COLOURS.by_idx(class_id).as_rgb()


def test_the_colours_of_the_classes_differ_for_every_eye() -> None:
    first, second = (
        np.array(CLASS_COLOURS.by_idx(index).as_rgb()) @ (0.2126, 0.7152, 0.0722) for index in (0, 1)
    )
    assert abs(first - second) > 15  # brightness alone tells them apart


def test_the_image_is_not_drawn_on() -> None:
    before = GREY.copy()
    draw_detections(GREY, one(100, 150, 200, 250), ["x"])
    assert np.array_equal(GREY, before)


def test_a_large_frame_is_drawn_smaller_with_its_box_in_place() -> None:
    large = np.full((3000, 4000, 3), 128, np.uint8)
    drawn = draw_detections(large, one(1000, 1500, 2000, 2500), ["x"])
    assert drawn.shape == (960, FRAME_LONG_SIDE, 3)
    assert tuple(drawn[640, 320]) == CLASS_COLOURS.by_idx(0).as_rgb()


def test_a_crop_has_a_margin_and_stays_inside() -> None:
    rows, columns = cut_crop((GREY.shape[1], GREY.shape[0]), np.array([100, 100, 200, 140], np.float32))
    assert (rows.start, rows.stop, columns.start, columns.stop) == (90, 151, 75, 226)
    rows, columns = cut_crop((GREY.shape[1], GREY.shape[0]), np.array([380, 290, 400, 300], np.float32))
    assert (rows.stop, columns.stop) == (300, 400)
    rows, columns = cut_crop((GREY.shape[1], GREY.shape[0]), np.array([400, 300, 400, 300], np.float32))
    assert GREY[rows, columns].size > 0


def test_shrinking_keeps_the_shape_and_never_enlarges() -> None:
    assert shrink(GREY, 200).shape == (150, 200, 3)
    assert shrink(GREY, 4000) is GREY


def test_a_jpeg_is_written_whole_and_without_metadata(tmp_path: Path) -> None:
    digest = write_jpeg(GREY, tmp_path, "new/a.jpg")
    assert digest == hashlib.sha256((tmp_path / "new" / "a.jpg").read_bytes()).hexdigest()
    with Image.open(tmp_path / "new" / "a.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (400, 300))
        assert not image.getexif()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.jpg"]


def test_half_written_pictures_are_removed_and_whole_ones_kept(tmp_path: Path) -> None:
    write_jpeg(GREY, tmp_path, "crops/a.jpg")
    (tmp_path / "crops" / ".half-4711").write_bytes(b"half")
    remove_half_written(tmp_path)
    assert [path.name for path in (tmp_path / "crops").iterdir()] == ["a.jpg"]
