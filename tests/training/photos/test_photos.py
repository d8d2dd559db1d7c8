from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.training.drawing import RealCloth, draw_artwork, load_cloths, save_cloths
from detector.training.drawing.real_cloth import lay_cloth
from detector.training.photos import Photo, cut_cloths, cut_piece, frame_single, read_photos, repaint_photos
from detector.training.photos.cloth import find_bands, find_cloth
from detector.training.photos.recolour import repaint
from tests.conftest import REPOSITORY

ARTWORK = REPOSITORY / "datasets" / "artwork"
BOX = np.array([[80, 60, 280, 160]], np.float32)
HEAD = "file,class,x1,y1,x2,y2,note\n"


def draw_scene() -> NDArray[np.uint8]:
    """A flag of Azerbaijan, 200 × 100 px, on a grey wall with a little grain."""
    image = np.random.default_rng(0).integers(150, 160, (240, 360, 3)).astype(np.uint8)
    image[60:160, 80:280] = draw_artwork(ARTWORK / "azerbaijan.svg", 100)
    return image


def write_photo(folder: Path, image: NDArray[np.uint8], name: str = "a__1.png") -> None:
    (folder / "azerbaijan").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "azerbaijan" / name), image[..., ::-1])


def test_notes_and_other_flags_are_read_with_a_photo(tmp_path: Path) -> None:
    write_photo(tmp_path, draw_scene())
    rows = "azerbaijan/a__1.png,azerbaijan,80,60,280,160,emblem hidden\n"
    (tmp_path / "labels.csv").write_text(HEAD + rows)
    others = "azerbaijan/a__1.png,turkey,1,2,3,4,\nazerbaijan/a__1.png,plain,5,6,7,8,\n"
    (tmp_path / "labels_other.csv").write_text(HEAD + others)
    (photo,) = read_photos(tmp_path)
    assert (photo.labels, photo.notes) == (("azerbaijan",), ("emblem hidden",))
    assert photo.other_labels == ("other", "plain")
    assert photo.other_xyxy.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_a_photo_with_another_flag_only_is_a_negative(tmp_path: Path) -> None:
    write_photo(tmp_path, draw_scene())
    (tmp_path / "labels_other.csv").write_text(HEAD + "azerbaijan/a__1.png,turkey,1,2,3,4,\n")
    (photo,) = read_photos(tmp_path)
    assert photo.labels == ()


# Pieces


def make_marked(crowd: bool = False) -> tuple[NDArray[np.uint8], Photo]:
    """A dark photo whose only red place is its box."""
    image = np.full((900, 1200, 3), 60, np.uint8)
    image[60:160, 80:280] = (250, 30, 30)
    note = "crowd" if crowd else ""
    return image, Photo(Path("a.jpg"), "azerbaijan", ("azerbaijan",), BOX, notes=(note,))


def find_red(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    red = image[..., 0].astype(np.int32) - image[..., 1:].max(axis=2)
    return np.asarray(red > max(float(red.max()) / 2, 30))


def test_boxes_of_pieces_lie_on_what_they_lay_on() -> None:
    image, photo = make_marked()
    checked = 0
    for seed in range(60):
        piece = cut_piece(image, photo, 160, np.random.default_rng(seed))
        for left, top, right, bottom in piece.xyxy.round().astype(int):
            inside = np.zeros((160, 160), np.bool_)
            inside[top:bottom, left:right] = True
            shown = find_red(piece.image)
            if shown.sum() > 1000:
                assert (shown & inside).sum() / (shown | inside).sum() > 0.7
                checked += 1
    assert checked > 25


def test_flags_in_pieces_span_from_a_few_pixels_to_more_than_the_piece() -> None:
    image, photo = make_marked()
    sides = []
    for seed in range(120):
        piece = cut_piece(image, photo, 160, np.random.default_rng(seed))
        sides += [float((box[2:] - box[:2]).max()) for box in piece.xyxy]
    assert min(sides) < 45
    assert max(sides) == 160


def list_whole_sides(photo: Photo, image: NDArray[np.uint8]) -> list[float]:
    """Longer sides of the boxes that no edge of their piece cuts, in 60 pieces."""
    boxes = [
        box for seed in range(60) for box in cut_piece(image, photo, 160, np.random.default_rng(seed)).xyxy
    ]
    return [float((box[2:] - box[:2]).max()) for box in boxes if box.min() > 0 and box.max() < 160]


def test_a_crowd_is_never_seen_from_afar() -> None:
    image, photo = make_marked()
    assert min(list_whole_sides(photo, image)) < 36
    image, photo = make_marked(crowd=True)
    assert min(list_whole_sides(photo, image)) > 36


def test_a_scrap_of_a_flag_is_painted_over_where_it_has_no_box() -> None:
    """Small blue flags before a red one so long that near them only a part of it is ever seen."""
    image = np.full((240, 2000, 3), 60, np.uint8)
    image[105:135] = (250, 30, 30)
    image[90:150, 950:1050] = (30, 30, 250)
    boxes = np.array([[950, 90, 1050, 150]] * 40 + [[0, 105, 2000, 135]], np.float32)
    photo = Photo(Path("a.jpg"), "azerbaijan", ("azerbaijan",) * 40 + ("kanak",), boxes, notes=("crowd",))
    near = 0
    for seed in range(40):
        piece = cut_piece(image, photo, 160, np.random.default_rng(seed))
        if "kanak" not in piece.labels:
            near += 1
            assert find_red(piece.image).mean() < 0.05
    assert near > 20


def test_pieces_are_the_same_for_the_same_chance() -> None:
    image, photo = make_marked()
    one, two = (cut_piece(image, photo, 96, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.xyxy, two.xyxy)


def test_a_photo_of_one_flag_has_it_as_its_box() -> None:
    photo = frame_single(
        Photo(Path("a.jpg"), "flag_crops", (), np.empty((0, 4), np.float32)), (40, 60, 3), "other"
    )
    assert (photo.other_labels, photo.other_xyxy.tolist()) == (("other",), [[0, 0, 60, 40]])


# Repaints


def test_the_cloth_is_found_with_its_bands_and_emblem() -> None:
    cloth = find_cloth(draw_scene(), BOX[0])
    assert cloth.is_clear
    assert cloth.filled > 0.9
    assert [round(share, 1) for share in cloth.shares] == [0.3, 0.3, 0.3]
    y, x = np.nonzero(cloth.emblem)
    left, top = cloth.corner
    assert 160 < x.mean() + left < 200
    assert 100 < y.mean() + top < 120


@pytest.mark.parametrize("colour", [(200, 200, 200), (220, 20, 40)])
def test_what_lacks_two_bands_is_no_clear_cloth(colour: tuple[int, int, int]) -> None:
    image = draw_scene()
    image[60:160, 80:280] = colour
    assert not find_cloth(image, BOX[0]).is_clear


def test_a_flag_becomes_kanak_where_it_hangs(tmp_path: Path) -> None:
    image = draw_scene()
    write_photo(tmp_path, image)
    photo = Photo(tmp_path / "azerbaijan" / "a__1.png", "azerbaijan", ("azerbaijan",), BOX, notes=("",))
    assert repaint_photos([photo], ARTWORK, tmp_path / "out") == 2
    kanak, plain = sorted(read_photos(tmp_path / "out"), key=lambda one: one.kind)
    assert (kanak.labels, kanak.xyxy.tolist()) == (("kanak",), BOX.tolist())
    assert (plain.labels, plain.other_labels) == ((), ("plain",))
    changed = np.asarray(cv2.imread(str(kanak.path)), np.int32)[..., ::-1]
    red, green, blue = changed[110, 165]
    assert min(red, green) > 150 > 90 > blue  # the disc
    assert changed[75, 250, 1] < 90  # the blue is dark
    assert abs(changed[150, 250] - image[150, 250]).max() < 12  # the green is as it was
    assert abs(changed[200:, 300:] - image[200:, 300:].astype(np.int32)).mean() < 3
    bare = np.asarray(cv2.imread(str(plain.path)), np.uint8)[..., ::-1]
    inside = np.ascontiguousarray(bare[98:122, 150:210])
    assert (find_bands(inside) == 1).mean() > 0.95  # no crescent is left


def test_boxes_that_were_rejected_or_are_in_portraits_stay(tmp_path: Path) -> None:
    write_photo(tmp_path, draw_scene())
    photo = Photo(tmp_path / "azerbaijan" / "a__1.png", "azerbaijan", ("azerbaijan",), BOX, notes=("",))
    assert repaint_photos([photo], ARTWORK, tmp_path / "out", rejected={"a__1.png:0"}) == 0
    framed = replace(photo, notes=("portrait with flag",))
    assert repaint_photos([framed], ARTWORK, tmp_path / "out") == 0


def test_without_an_emblem_no_disc_is_laid() -> None:
    image = draw_scene()
    cloth = replace(find_cloth(image, BOX[0]), emblem=np.zeros((1, 1), np.bool_))
    before = image.copy()
    cloth = replace(cloth, emblem=np.zeros(cloth.bands.shape, np.bool_))
    assert not repaint(image, cloth, (0, 53, 173), np.full((20, 20, 4), 255, np.uint8))
    assert np.array_equal(image, before)


# Cut-outs


def cut_scene(tmp_path: Path, image: NDArray[np.uint8], note: str = "") -> list[RealCloth]:
    write_photo(tmp_path, image)
    photo = Photo(tmp_path / "azerbaijan" / "a__1.png", "azerbaijan", ("azerbaijan",), BOX, notes=(note,))
    return list(cut_cloths([photo], ARTWORK))


def test_a_flag_is_cut_out_with_its_emblem_and_as_kanak(tmp_path: Path) -> None:
    azerbaijan, kanak = cut_scene(tmp_path, draw_scene())
    assert (azerbaijan.label, kanak.label) == ("azerbaijan", "kanak")
    height, width = azerbaijan.emblem.shape
    assert (abs(width - 200) < 8, abs(height - 100) < 8) == (True, True)
    assert (azerbaijan.rgba[..., 3] > 127).mean() > 0.95
    assert 0.002 < (azerbaijan.emblem > 0).mean() < 0.06
    assert 0.1 < (kanak.emblem > 0).mean() < 0.3  # the disc is 0.17 of the flag


def test_what_is_not_clear_or_not_fit_is_not_cut_out(tmp_path: Path) -> None:
    image = draw_scene()
    assert cut_scene(tmp_path, image, "in a portrait") == []
    image[60:160, 80:280] = np.random.default_rng(1).integers(0, 255, (100, 200, 3))
    assert cut_scene(tmp_path, image) == []


def test_cut_out_flags_are_kept_and_put_into_pictures(tmp_path: Path) -> None:
    cloths = cut_scene(tmp_path, draw_scene())
    assert save_cloths(tmp_path / "flags.npz", cloths * 6) == 12
    read = load_cloths(tmp_path / "flags.npz", "train")
    assert (len(read["azerbaijan"]), len(read["kanak"])) == (4, 6)  # one in ten is held out
    assert np.array_equal(read["kanak"][0].rgba, cloths[1].rgba)
    for seed in range(8):
        laid = lay_cloth(read["azerbaijan"][0], 60, np.random.default_rng(seed))
        assert laid.colour.shape == (*laid.alpha.shape, 4)
        assert 50 < max(laid.alpha.shape) < 85
        assert laid.colour[..., 3].max() > 100
