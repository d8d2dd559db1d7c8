"""Chance in, photos and clips out that are unrelated to each other: work to measure a scan's speed with."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing.materials import Picture, open_photo
from detector.training.drawing.samples import Hung, Workshop, hang_flags
from detector.training.drawing.scenery import SCENERY, draw_person

MEGAPIXELS = 0.5, 12.0  # of photos
DRAWN_WH = 960, 640  # pixels, enlarged afterwards
SCENES = (
    "street",
    "square",
    "sky",
)  # the others differ in little but their colours
SHARE = 0.6, 0.9  # of a drawn scene's sides that is kept
FLAG_SIZE = 0.12, 0.4  # of the picture's width
FRAMES_PER_SECOND = 30
VIEW = 0.8  # of a scene's sides that a clip shows at once
GRAIN = 10


def make_photo(
    path: Path,
    number: int,
    workshop: Workshop,
    *,
    flag: bool,
    background: Path | None = None,
    megapixels: tuple[float, float] = MEGAPIXELS,
) -> None:
    """Writes a JPEG that belongs to its number, with one flag or none, before a photo if one is given."""
    rng = np.random.default_rng([1, number])
    scene = _make_scene(workshop, rng, flag=flag, background=background)
    height, width = scene.shape[:2]
    pixels = np.exp(rng.uniform(*np.log(megapixels))) * 1e6
    scale = (pixels / (height * width)) ** 0.5
    image = cv2.resize(scene, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_CUBIC)
    image = cv2.add(image, _draw_grain(rng, image.shape))
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 93))]
    cv2.imwrite(str(path), image[..., ::-1], quality)


def make_clip(
    path: Path,
    number: int,
    workshop: Workshop,
    *,
    flag: bool,
    seconds: int,
    resolution_wh: tuple[int, int] = (1920, 1080),
    background: Path | None = None,
) -> None:
    """Writes an H.264 clip of a camera moving over a scene, with a flag throughout or none."""
    rng = np.random.default_rng([2, number])
    width, height = resolution_wh
    scene = _make_scene(workshop, rng, flag=flag, background=background, place=(0.3, 0.4))
    scene = np.asarray(cv2.resize(scene, (round(width / VIEW), round(height / VIEW))), np.uint8)
    grain = _draw_grain(rng, (height, width, 3))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(seconds * FRAMES_PER_SECOND):
            way = (1 + np.sin(index / 90)) / 2
            left, top = int(way * (scene.shape[1] - width)), int((1 - way) * (scene.shape[0] - height))
            view = scene[top : top + height, left : left + width]
            filmed = np.asarray(cv2.add(view, np.roll(grain, index * 7, axis=1)), np.uint8)
            frame = av.VideoFrame.from_ndarray(filmed, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _make_scene(
    workshop: Workshop,
    rng: np.random.Generator,
    *,
    flag: bool,
    background: Path | None,
    place: tuple[float, float] = (0.1, 0.5),
) -> NDArray[np.uint8]:
    """A scene of its own; a flag's corner lies between the shares `place` of its sides."""
    picture = open_photo(background) if background else _draw_scene(rng)
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture[:, ::-1])
    if flag:
        label, shape = str(rng.choice(["azerbaijan", "kanak"])), int(rng.integers(1000))
        left, top = rng.uniform(*place), rng.uniform(*place) * 0.5
        size = rng.uniform(*FLAG_SIZE)
        hung = Hung(label=label, state="wave", number=shape, place=(left, top), size=size, pole=False)
        hang_flags(workshop, picture, [hung], rng)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _draw_scene(rng: np.random.Generator) -> Picture:
    """Part of a drawn scene, with people in front."""
    width, height = DRAWN_WH
    picture = SCENERY[str(rng.choice(SCENES))](rng, width, height)
    for _ in range(int(rng.integers(1, 5))):
        tall = rng.uniform(0.3, 0.9) * height
        draw_person(picture, rng.uniform(0, width), rng.uniform(0.8, 1.3) * height, tall, rng)
    share = rng.uniform(*SHARE)
    left, top = (int(rng.uniform(0, side * (1 - share))) for side in DRAWN_WH)
    part = picture[top : top + int(height * share), left : left + int(width * share)]
    return np.asarray(cv2.resize(part, DRAWN_WH, interpolation=cv2.INTER_CUBIC), np.float32)


def _draw_grain(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.repeat(rng.integers(0, GRAIN, (*shape[:2], 1), np.uint8), 3, axis=2)
