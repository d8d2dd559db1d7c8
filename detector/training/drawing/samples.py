"""Nothing but this project's own drawings in, the demo's photos and videos with their truth out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing.artwork import draw_artwork
from detector.training.drawing.cloth import Scene, Shapes, load_bank, simulate
from detector.training.drawing.cloth_scenes import SCENES
from detector.training.drawing.render import Camera, Cutout, Light, render_cloth
from detector.training.drawing.scenery import SCENERY, Picture, draw_person

WIDTH, HEIGHT = 960, 640  # pixels of a photo
VIDEO_WIDTH, VIDEO_HEIGHT = 640, 360
FRAMES_PER_SECOND = 12
QUALITY = 84  # of JPEG
LIGHT = Light(
    direction=np.array([-0.35, 0.55, 0.76], np.float32), ambient=0.4, translucency=0.6, creases=0.12
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hung:
    """One flag of a sample."""

    label: str
    """``azerbaijan``, ``kanak``, or another word for what must be left alone."""
    state: str
    """A kind of shape of the bank."""
    number: int
    """Of the shape within its kind."""
    place: tuple[float, float]
    """Upper left corner as a share of the picture."""
    size: float
    """Longer side as a share of the picture's width."""
    pole: bool = True
    yaw: float = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One photo of the demo."""

    name: str
    scene: str
    seed: int
    flags: tuple[Hung, ...]
    figures: tuple[tuple[float, float, float], ...] = ()
    """People in front: x, foot and height as shares of the picture."""
    darkness: float = 0.0


@dataclass(frozen=True, slots=True)
class Truth:
    """One row of truth.csv."""

    file: str
    label: str
    left: int
    top: int
    right: int
    bottom: int
    first_seconds: float
    last_seconds: float


@dataclass(frozen=True, slots=True)
class Workshop:
    """What samples are made with."""

    artworks: Mapping[str, NDArray[np.uint8]]
    bank: Mapping[str, Shapes]


def open_workshop(datasets: Path) -> Workshop:
    """Reads artwork and shapes from the project's ``datasets`` folder and draws the look-alikes."""
    artworks = {
        name: draw_artwork(datasets / "artwork" / f"{name}.svg", 400) for name in ("azerbaijan", "kanak")
    }
    artworks["armenia"] = _draw_bands((217, 0, 18), (0, 51, 160), (242, 168, 0))
    artworks["hungary"] = _draw_bands((205, 42, 62), (245, 245, 245), (67, 111, 77))
    artworks["plain"] = draw_artwork(datasets / "artwork" / "azerbaijan.svg", 400, without=["emblem"])
    return Workshop(artworks, load_bank(datasets / "cloth.npz"))


def write_samples(workshop: Workshop, samples: Sequence[Sample], out: Path) -> None:
    """Writes photos, two videos, a broken photo and ``truth.csv``."""
    out.mkdir(parents=True, exist_ok=True)
    truths: list[Truth] = []
    for sample in samples:
        image, found = draw_sample(workshop, sample)
        cv2.imwrite(str(out / sample.name), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        truths += found
    truths += write_march(workshop, out / "march.mp4")
    truths += write_flagpole(workshop, out / "flagpole.mp4")
    whole = (out / samples[0].name).read_bytes()
    (out / "broken.jpg").write_bytes(whole[: len(whole) // 12])
    with (out / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Truth.__dataclass_fields__)
        writer.writerows([getattr(truth, name) for name in Truth.__dataclass_fields__] for truth in truths)


def draw_sample(workshop: Workshop, sample: Sample) -> tuple[NDArray[np.uint8], list[Truth]]:
    """The picture of a sample as RGB, and its boxes."""
    rng = np.random.default_rng([7, sample.seed])
    picture = SCENERY[sample.scene](rng, WIDTH, HEIGHT)
    owners = hang_flags(workshop, picture, sample.flags, rng)
    before = picture.copy()
    for x, foot, tall in sample.figures:
        draw_person(picture, x * WIDTH, foot * HEIGHT, tall * HEIGHT, rng)
    owners[np.abs(picture - before).max(axis=2) > 2] = 0
    blurred = cv2.GaussianBlur(picture, (0, 0), 0.6)
    filmed = blurred * (1 - sample.darkness) + rng.normal(0, 3, picture.shape)
    truths = [
        Truth(sample.name, flag.label, *_find_box(owners == order), 0.0, 0.0)
        for order, flag in enumerate(sample.flags, 1)
        if flag.label in ("azerbaijan", "kanak")
    ]
    return np.clip(filmed, 0, 255).astype(np.uint8), truths


def hang_flags(
    workshop: Workshop, picture: Picture, flags: Sequence[Hung], rng: np.random.Generator
) -> NDArray[np.int32]:
    """Puts the flags into the picture. Gives the number of the flag that each pixel shows, 0 for none."""
    height, width = picture.shape[:2]
    owners = np.zeros((height, width), np.int32)
    for order, flag in enumerate(flags, 1):
        kind = workshop.bank[flag.state]
        cutout = _render(kind[flag.number % len(kind)], workshop.artworks[flag.label], flag, width, rng)
        _lay(picture, owners, cutout, (flag.place[0] * width, flag.place[1] * height), order, pole=flag.pole)
    return owners


def write_march(workshop: Workshop, path: Path) -> list[Truth]:
    """Six seconds of a square; a Kanak flag is carried through between the second and the fifth."""
    rng = np.random.default_rng(11)
    scene = SCENERY["square"](rng, VIDEO_WIDTH, VIDEO_HEIGHT)
    frames = 6 * FRAMES_PER_SECOND
    shapes = _fly(rng, frames)
    flag = Hung(label="kanak", state="wave", number=0, place=(0, 0), size=0.3)
    seen: list[float] = []

    def draw() -> Iterator[NDArray[np.uint8]]:
        for number, shape in enumerate(shapes):
            picture, owners = scene.copy(), np.zeros(scene.shape[:2], np.int32)
            x = VIDEO_WIDTH * (1.35 - 0.42 * number / FRAMES_PER_SECOND)
            cutout = _render(shape, workshop.artworks[flag.label], flag, VIDEO_WIDTH, rng)
            _lay(picture, owners, cutout, (x, 0.17 * VIDEO_HEIGHT + 3 * np.sin(number / 3)), 1, pole=True)
            if (owners > 0).sum() > 0.5 * (cutout.alpha > 0.5).sum():
                seen.append(number / FRAMES_PER_SECOND)
            yield _film(picture, number, rng)

    _write_video(path, draw())
    return [
        Truth(path.name, flag.label, 0, 0, VIDEO_WIDTH, VIDEO_HEIGHT, round(seen[0], 2), round(seen[-1], 2))
    ]


def write_flagpole(workshop: Workshop, path: Path) -> list[Truth]:
    """Four seconds of an Azerbaijani flag before the sky."""
    rng = np.random.default_rng(12)
    scene = SCENERY["sky"](rng, VIDEO_WIDTH, VIDEO_HEIGHT)
    frames = 4 * FRAMES_PER_SECOND
    flag = Hung(label="azerbaijan", state="wave", number=0, place=(0, 0), size=0.36)

    def draw() -> Iterator[NDArray[np.uint8]]:
        for number, shape in enumerate(_fly(rng, frames)):
            picture, owners = scene.copy(), np.zeros(scene.shape[:2], np.int32)
            cutout = _render(shape, workshop.artworks[flag.label], flag, VIDEO_WIDTH, rng)
            _lay(picture, owners, cutout, (0.32 * VIDEO_WIDTH, 0.16 * VIDEO_HEIGHT), 1, pole=True)
            yield _film(picture, number, rng)

    _write_video(path, draw())
    last = round((frames - 1) / FRAMES_PER_SECOND, 2)
    return [Truth(path.name, flag.label, 0, 0, VIDEO_WIDTH, VIDEO_HEIGHT, 0.0, last)]


def _fly(rng: np.random.Generator, frames: int) -> Iterator[Shapes]:
    scene: Scene = SCENES["wave"](rng)
    steady = np.array([[6.0, 0.8, 1.0]], np.float32)
    alone = replace(
        scene,
        start=scene.start[:1],
        ratios=scene.ratios[:1],
        wind=steady,
        steps=tuple(60 + 4 * n for n in range(frames)),
    )
    for shapes in simulate(alone, rng):
        yield shapes[0]


def _film(picture: Picture, number: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    shift = np.array([[1, 0, 1.5 * np.sin(number / 5)], [0, 1, 1.5 * np.cos(number / 7)]], np.float32)
    moved = cv2.warpAffine(
        picture, shift, (picture.shape[1], picture.shape[0]), borderMode=cv2.BORDER_REPLICATE
    )
    return np.clip(moved + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def _write_video(path: Path, frames: Iterator[NDArray[np.uint8]]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(FRAMES_PER_SECOND), options={"crf": "27", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = VIDEO_WIDTH, VIDEO_HEIGHT, "yuv420p"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def _render(
    shape: Shapes, artwork: NDArray[np.uint8], flag: Hung, width: int, rng: np.random.Generator
) -> Cutout:
    camera = Camera(yaw=flag.yaw, pitch=0.1, roll=0, distance=5)
    return render_cloth(shape, artwork, size=flag.size * width, camera=camera, light=LIGHT, rng=rng)


def _lay(
    picture: Picture,
    owners: NDArray[np.int32],
    cutout: Cutout,
    corner: tuple[float, float],
    number: int,
    *,
    pole: bool,
) -> None:
    left, top = int(corner[0]), int(corner[1])
    if pole:
        upper, lower = cutout.hoist + np.array([left, top], np.float32)
        along = lower - upper
        thickness = max(2, round(0.02 * float(np.linalg.norm(along))))
        start, end = (upper - 0.06 * along).astype(int), (lower + 1.3 * along).astype(int)
        cv2.line(picture, start.tolist(), end.tolist(), (196, 186, 168), thickness, cv2.LINE_AA)
    height, width = cutout.alpha.shape
    frame_height, frame_width = owners.shape
    rows = slice(max(0, top), min(frame_height, top + height))
    columns = slice(max(0, left), min(frame_width, left + width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    alpha = cutout.alpha[part]
    picture[rows, columns] += alpha[..., None] * (cutout.colour[part] - picture[rows, columns])
    owners[rows, columns][alpha > 0.5] = number


def _find_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    y, x = np.nonzero(mask)
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1


def _draw_bands(*colours: tuple[int, int, int]) -> NDArray[np.uint8]:
    bands = np.array(colours, np.uint8)[:, None]
    return np.asarray(cv2.resize(bands, (800, 400), interpolation=cv2.INTER_NEAREST), np.uint8)
