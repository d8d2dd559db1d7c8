"""An Azerbaijani flag in a photo in, the same cloth without its emblem or as a Kanak flag out.

Both flags have the same three bands, so that folds, light and what stands before them stay as they are: the
blue is darkened, crescent and star are filled up from around them, and a disc is laid there in the light of
the cloth. This needs no place on the flag, and so works on limp cloth, of which a strip is seen.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing import Colour
from detector.training.photos.cloth import Cloth, find_way

DISC_SIZE = 1.9  # of the emblem's height: 0.66 of the flag's to about 0.35
LOOSE = 0.6  # of a pixel's own tint, beside its band's, that stays

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def repaint(image: Image, cloth: Cloth, blue: Colour | None, disc: Image | None) -> bool:
    """Changes the photo: darkens the blue, takes the emblem out and lays a disc (RGBA) there.

    Without a disc the emblem goes. Returns whether that is done: where no place for a disc is found, not.
    """
    x, y = cloth.corner
    height, width = cloth.bands.shape
    window = image[y : y + height, x : x + width]
    bare = _take_out(window, cloth)
    painted = bare.astype(np.float32)
    if blue is not None:
        painted = _tint(painted, cloth.bands == 0, _expose(painted, cloth, blue))
    done = disc is None or _lay_disc(painted, bare, cloth, disc)
    if not done:
        return False
    soft = cv2.GaussianBlur((cloth.bands >= 0).astype(np.float32), (0, 0), 0.7)[..., None]
    keep = window.astype(np.float32)
    window[:] = np.clip(keep + soft * (painted - keep), 0, 255).astype(np.uint8)
    return True


def _take_out(window: Image, cloth: Cloth) -> Image:
    if not cloth.emblem.any():
        return window.copy()
    radius = max(1, round(0.012 * max(window.shape[:2])))
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    wide = cv2.dilate(cloth.emblem.astype(np.uint8), kernel)
    return np.asarray(cv2.inpaint(window, wide, 2 * radius, cv2.INPAINT_TELEA), np.uint8)


def _expose(picture: NDArray[np.float32], cloth: Cloth, colour: Colour) -> NDArray[np.float32]:
    """The colour as this photo would show it: as much lighter or darker as it shows red and green."""
    wanted = {1: (237, 41, 57), 2: (0, 155, 72)}
    levels = [
        np.median(picture[cloth.bands == n].max(axis=1)) / max(paint)
        for n, paint in wanted.items()
        if (cloth.bands == n).any()
    ]
    return np.asarray(colour, np.float32) * float(np.clip(np.mean(levels or [1.0]), 0.25, 1.3))


def _tint(picture: NDArray[np.float32], mask: Mask, colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gives a band another colour; its light and some of each pixel's own tint stay."""
    if not mask.any():
        return picture
    usual = np.median(picture[mask], axis=0)
    light = (picture.mean(axis=2) / max(float(usual.mean()), 1))[..., None]
    changed = colour * light + LOOSE * (picture - usual * light)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)[..., None]
    return np.asarray(picture + soft * (changed - picture), np.float32)


def _lay_disc(picture: NDArray[np.float32], bare: Image, cloth: Cloth, disc: Image) -> bool:
    place = _find_disc(cloth)
    if place is None:
        return False
    centre, size, down = place
    up_angle = np.arctan2(down[0], down[1])
    half = disc.shape[0] / 2
    turn = np.array([[np.cos(up_angle), np.sin(up_angle)], [-np.sin(up_angle), np.cos(up_angle)]])
    turn = turn @ np.diag(size / (2 * half))
    matrix = np.column_stack([turn, centre - turn @ np.array([half, half])])
    extent = picture.shape[1::-1]
    factor = min(1.0, 1.5 * float(size.max()) / disc.shape[0])
    small = cv2.resize(disc, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    matrix[:, :2] /= factor
    laid = cv2.warpAffine(small, matrix, extent, flags=cv2.INTER_LINEAR).astype(np.float32)
    light = cv2.GaussianBlur(bare.max(axis=2).astype(np.float32), (0, 0), 1.0)
    for number in range(3):
        band = cloth.bands == number
        if band.any():
            light[band] /= max(float(np.percentile(light[band], 60)), 20)
    level = float(np.clip(np.percentile(bare[cloth.bands == 1].max(axis=1), 60) / 237, 0.2, 1.2))
    shade = np.clip(cv2.medianBlur(light.astype(np.float32), 3), 0.3, 1.4)[..., None] * level
    alpha = laid[..., 3:] / 255 * (cloth.bands >= 0)[..., None]
    picture += alpha * (laid[..., :3] * shade - picture)
    return bool(alpha.sum() > 0.3 * size.prod() * np.pi / 4)


def _find_disc(
    cloth: Cloth,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Middle, width and height, and the way down the bands; none where no emblem is seen."""
    way = find_way(cloth.bands)
    y, x = np.nonzero(cloth.emblem)
    if len(x) < 5 or way is None:
        return None
    down, length = way[0].astype(np.float64), way[1]
    places = np.column_stack([x, y]) @ np.column_stack([down[::-1] * [1, -1], down])
    low, high = (np.percentile(places, share, axis=0) for share in (2, 98))
    across, height = np.maximum(high - low + 1, 2)
    height = float(np.clip(DISC_SIZE * height, 0.75 * length, 1.15 * length))
    width = float(np.clip(DISC_SIZE * 0.85 * across, 0.45 * height, 1.2 * height))
    centre = np.linalg.solve(np.vstack([down[::-1] * [1, -1], down]), (low + high) / 2)
    return np.asarray(centre, np.float64), np.array([width, height], np.float64), down
