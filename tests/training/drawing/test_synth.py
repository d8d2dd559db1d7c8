import cv2
import numpy as np
import pytest

from detector.model.classifier import EITHER, OTHER
from detector.training.drawing.cloth import load_bank
from detector.training.drawing.designs import TARGETS, Design, load_designs
from detector.training.drawing.flags import make_flag
from detector.training.drawing.materials import Materials
from detector.training.drawing.prints import print_flat
from detector.training.drawing.render import Cutout
from detector.training.drawing.repaint import paint, prepare, prepare_upright
from detector.training.drawing.synth import MIN_SIDE, make_example
from tests.conftest import REPOSITORY

DATASETS = REPOSITORY / "datasets"


@pytest.fixture(scope="module")
def materials(tmp_path_factory: pytest.TempPathFactory) -> Materials:
    folder = tmp_path_factory.mktemp("materials")
    rng = np.random.default_rng(0)
    photos = []
    for number in range(4):
        noise = cv2.resize(
            rng.integers(90, 150, (12, 16, 3), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC
        )
        photos.append(folder / f"{number}.png")
        cv2.imwrite(str(photos[-1]), noise)
    (folder / "flags").mkdir()
    bands = np.repeat(np.array([[0, 0, 200], [255, 255, 255], [0, 150, 0]], np.uint8), 30, axis=0)
    cv2.imwrite(str(folder / "flags" / "hu.png"), np.repeat(bands[:, None], 180, axis=1))
    designs = load_designs(DATASETS / "artwork", folder / "flags")
    return Materials(
        designs=designs, bank=load_bank(DATASETS / "cloth.npz"), backgrounds=photos, flag_photos=photos[:1]
    )


def test_a_picture_depends_on_seed_and_index_alone(materials: Materials) -> None:
    first = make_example(materials, 1, 7)
    make_example(materials, 1, 8)
    again = make_example(materials, 1, 7)
    assert (first.image == again.image).all()
    assert first.labels == again.labels
    assert (first.xyxy == again.xyxy).all()
    assert not (make_example(materials, 2, 7).image == first.image).all()


def test_boxes_lie_in_the_picture_and_are_large_enough(materials: Materials) -> None:
    count = 0
    others: list[str] = []
    for index in range(40):
        example = make_example(materials, 3, index, size=320)
        assert example.image.shape == (320, 320, 3)
        assert len(example.labels) == len(example.xyxy)
        assert set(example.labels) <= set(TARGETS)
        if len(example.xyxy):
            assert example.xyxy.min() >= 0
            assert example.xyxy.max() <= 320
            sides = (example.xyxy[:, 2:] - example.xyxy[:, :2]).max(axis=1)
            assert sides.min() >= MIN_SIDE
        others += example.other_labels
        assert len(example.other_labels) == len(example.other_xyxy)
        count += len(example.labels)
    assert count > 15
    assert set(others) == {EITHER, OTHER}


def test_boxes_are_tight_to_the_cloth(materials: Materials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Green cloth on grey: the box of a lone flag is where the picture changes, within two pixels."""
    monkeypatch.setattr(
        "detector.training.drawing.synth.degrade_picture", lambda picture, _: picture.astype(np.uint8)
    )
    monkeypatch.setattr("detector.training.drawing.synth._draw_pole", lambda *_: None)
    checked = 0
    for index in range(100):
        example = make_example(materials, 5, index, size=320)
        colourful = np.ptp(example.image.astype(int), axis=2) > 90
        x = np.nonzero(colourful)[1]
        if len(example.labels) != 1 or len(x) == 0:
            continue
        left, top, right, bottom = example.xyxy[0]
        outside = colourful.copy()
        outside[max(0, int(top) - 2) : int(bottom) + 2, max(0, int(left) - 2) : int(right) + 2] = False
        if outside.any():
            continue  # another flag, that is none of ours, is in the picture
        assert abs(x.min() - left) <= 2 + 0.25 * (right - left)
        checked += 1
    assert checked > 5


@pytest.mark.parametrize("state", ["wave", "two_hands"])
def test_where_a_flag_shows_its_emblem_is_known(materials: Materials, state: str) -> None:
    rng = np.random.default_rng(4)
    for _ in range(4):
        design = materials.designs.draw_target("kanak", rng)
        colour = make_flag(design, 200, materials, rng, state=state).cutout.colour
        yellow = np.minimum(colour[..., 0], colour[..., 1]) - colour[..., 2] > 70
        emblem = colour[..., 3] > 128
        assert emblem.any()
        assert (yellow & emblem).sum() > 0.8 * yellow.sum()


def test_how_much_of_an_emblem_is_seen_is_measured(materials: Materials) -> None:
    examples = [make_example(materials, 3, index, size=320) for index in range(40)]
    seen = np.concatenate([example.emblems for example in examples])
    assert len(seen) == sum(len(example.labels) for example in examples)
    assert seen.min() < 0.2
    assert 0.7 < np.median(seen) < 1.4


def test_a_limp_target_shows_more_than_one_band(materials: Materials) -> None:
    bands = np.zeros((90, 180, 3), np.uint8)
    for number in range(3):
        bands[30 * number : 30 * number + 30, :, number] = 255
    for seed in range(12):
        rng = np.random.default_rng(seed)
        cutout = make_flag(Design(bands, "kanak"), 80, materials, rng, state="limp").cutout
        seen = cutout.colour.argmax(axis=2)[cutout.alpha > 0.9]
        assert np.sort(np.bincount(seen, minlength=3) / len(seen))[1] > 0.04


def make_flag_photo() -> np.ndarray:
    photo = np.full((240, 320, 3), (120, 150, 120), np.uint8)
    for number, colour in enumerate(((217, 0, 18), (0, 51, 160), (242, 168, 0))):
        photo[40 + 50 * number : 90 + 50 * number, 40:280] = colour
    return photo


def test_a_flag_of_three_bands_is_prepared_and_painted_anew() -> None:
    cloth = prepare(make_flag_photo(), ((217, 0, 18), (0, 51, 160), (242, 168, 0)))
    assert cloth is not None
    artwork = np.zeros((90, 180, 3), np.uint8)
    artwork[:30], artwork[60:] = (0, 0, 250), (0, 250, 0)
    cutout: Cutout = paint(cloth, artwork, size=200, mirrored=False)
    height, width = cutout.alpha.shape
    assert abs(width - 200) <= 2
    assert int(cutout.colour[height // 8, width // 2].argmax()) == 2
    assert int(cutout.colour[-height // 8, width // 2].argmax()) == 1
    u = cloth.uv[cloth.uv.shape[0] // 2, :, 0]
    assert u[5] < 0.15
    assert u[-5] > 0.85


def test_a_flag_of_upright_bands_is_painted_with_its_hoist_in_place() -> None:
    colours = ((245, 130, 30), (240, 240, 240), (0, 155, 95))
    photo = np.full((240, 320, 3), (120, 90, 160), np.uint8)
    for number, colour in enumerate(colours):
        photo[50:190, 40 + 80 * number : 120 + 80 * number] = colour
    cloth = prepare_upright(photo, colours)
    assert cloth is not None
    rows, columns = cloth.alpha.shape
    assert columns > rows
    hoist, fly = cloth.uv[rows // 2, 5], cloth.uv[rows // 2, -6]
    top, bottom = cloth.uv[5, columns // 2], cloth.uv[-6, columns // 2]
    assert hoist[0] < 0.1 < 0.9 < fly[0]
    assert top[1] < 0.15 < 0.85 < bottom[1]
    assert abs(cloth.uv[rows // 2, columns // 3][0] - 1 / 3) < 0.04


def test_a_poster_shows_the_flag_in_waves(materials: Materials) -> None:
    design = Design(np.full((90, 180, 3), (0, 0, 255), np.uint8), "kanak")
    blues = set()
    for seed in range(12):
        print_ = print_flat(design, 120, materials, np.random.default_rng(seed))
        assert print_.colour.shape[:2] == print_.alpha.shape
        assert abs(max(print_.alpha.shape) - 120) < 40
        blues.add(len(np.unique(print_.colour[print_.alpha > 0.99][:, 2].round())) > 100)
    assert blues == {True, False}  # some in light and shade, some flat


def test_a_photo_without_the_bands_is_not_repainted() -> None:
    assert prepare(np.full((100, 160, 3), 128, np.uint8), ((217, 0, 18), (0, 51, 160), (242, 168, 0))) is None
