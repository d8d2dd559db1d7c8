"""Photos with boxed flags in, the cloth of those flags cut out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing import RealCloth, open_photo
from detector.training.photos.cloth import Cloth, find_cloth
from detector.training.photos.recolour import repaint
from detector.training.photos.repainted import AZERBAIJAN, BLUES, KANAK, draw_disc
from detector.training.photos.truth import Photo

MIN_SIDE, MAX_SIDE = 60, 400  # pixels of the box's longer side; of what is kept
UNFIT = ("portrait", "print", "face paint", "facade", "paper", "picture", "screen", "hidden")
MIN_AGREEING = 0.75  # of the cloth that has a band's colour
CHANGED = 12  # levels, from which a pixel shows the disc


def cut_cloths(
    photos: Sequence[Photo], artwork: Path, *, rejected: Collection[str] = ()
) -> Iterator[RealCloth]:
    """Every flag of Azerbaijan whose cloth is clear, and the same as a Kanak flag where its emblem is seen.

    Notes and ``rejected`` are as for `repaint_photos`.
    """
    disc = draw_disc(artwork)
    for photo in photos:
        image = open_photo(photo.path).astype(np.uint8)
        for number, (label, note, box) in enumerate(zip(photo.labels, photo.notes, photo.xyxy, strict=True)):
            fit = label == AZERBAIJAN and not any(word in note for word in UNFIT)
            if not fit or (box[2:] - box[:2]).max() < MIN_SIDE or f"{photo.path.name}:{number}" in rejected:
                continue
            cloth = find_cloth(image, box)
            if not cloth.is_clear or cloth.agreeing < MIN_AGREEING or not cloth.emblem.any():
                continue
            yield _cut(AZERBAIJAN, image, cloth, cloth.emblem)
            kanak, bare = image.copy(), image.copy()
            blue = BLUES[number % len(BLUES)]
            if repaint(kanak, cloth, blue, disc) and repaint(bare, cloth, blue, None):
                laid = np.abs(kanak.astype(np.int16) - bare).max(axis=2) > CHANGED
                yield _cut(KANAK, kanak, cloth, laid[_find_window(cloth)])


def _find_window(cloth: Cloth) -> tuple[slice, slice]:
    x, y = cloth.corner
    height, width = cloth.bands.shape
    return slice(y, y + height), slice(x, x + width)


def _cut(label: str, image: NDArray[np.uint8], cloth: Cloth, emblem: NDArray[np.bool_]) -> RealCloth:
    inside = (cloth.bands >= 0).astype(np.uint8)
    alpha = cv2.GaussianBlur(cv2.erode(inside, np.ones((3, 3))) * 255, (0, 0), 0.8)
    rgba = np.dstack([image[_find_window(cloth)], alpha]).astype(np.uint8)
    return _trim(RealCloth(label, rgba, np.where(emblem, 255, 0).astype(np.uint8)))


def _trim(cloth: RealCloth) -> RealCloth:
    """Without empty edges, and no larger than need be."""
    y, x = np.nonzero(cloth.rgba[..., 3] > 127)
    window = slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)
    rgba, emblem = cloth.rgba[window], cloth.emblem[window]
    scale = min(1.0, MAX_SIDE / max(emblem.shape))
    size = [max(1, round(extent * scale)) for extent in emblem.shape[::-1]]
    small = [
        np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.uint8) for one in (rgba, emblem)
    ]
    return RealCloth(cloth.label, small[0], small[1])
