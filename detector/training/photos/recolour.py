"""An Azerbaijani flag in a photo in, the same cloth without its emblem or as a Kanak flag out.

Both flags have the same three bands, so that folds, light and what stands before them stay as they are: the
blue is darkened, crescent and star are filled up from around them, and a disc is laid there in the light of
the cloth. This needs no place on the flag, and so works on limp cloth, of which a strip is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing import Colour

WORK_SIDE = 320  # pixels of a box's longer side while its cloth is looked for, at most
BORDER = 0.2  # of the box's longer side, looked at around it
BLUE, RED, GREEN = (84, 128), (168, 192), (34, 84)  # hues, half degrees; red goes on after 180
MIN_SATURATION, MIN_VALUE = 55, 28
MIN_BAND = 0.06  # of the cloth, from which a band is seen
MIN_FILLED = 0.22  # of the box
MIN_AGREEING = 0.6  # of the cloth that has a band's colour, the emblem apart
GRABCUT_ROUNDS = 2
MIN_PALER = 50  # levels of green and blue together, by which the emblem is paler than the red
MAX_EMBLEM = 0.85  # of two thirds of the flag's height
DISC_SIZE = 1.9  # of the emblem's height: 0.66 of the flag's to about 0.35
LOOSE = 0.6  # of a pixel's own tint, beside its band's, that stays

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cloth:
    """A flag's cloth in a photo."""

    corner: tuple[int, int]
    """Left and top of the window in the photo."""
    bands: NDArray[np.int32]
    """``(height, width)``: 0 blue, 1 red, 2 green, -1 no cloth. The emblem counts as red."""
    emblem: Mask
    """``(height, width)``."""
    filled: float
    """Share of the box that is cloth."""
    agreeing: float
    """Share of the cloth that has the colour of a band, the emblem apart."""

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the cloth that each band covers."""
        count = max(int((self.bands >= 0).sum()), 1)
        return tuple(float((self.bands == number).sum() / count) for number in range(3))

    @property
    def is_clear(self) -> bool:
        """Whether two bands are seen, on enough cloth, without much that is none of them."""
        return (
            sorted(self.shares)[1] >= MIN_BAND and self.filled >= MIN_FILLED and self.agreeing >= MIN_AGREEING
        )


def find_cloth(image: Image, box: NDArray[np.floating]) -> Cloth:
    """The flag's cloth in an RGB photo: what has its colours, by GrabCut (Rother and others 2004)."""
    left, top, right, bottom = (round(float(edge)) for edge in box)
    border = max(3, round(BORDER * max(right - left, bottom - top)))
    x, y = max(0, left - border), max(0, top - border)
    window = image[y : bottom + border, x : right + border]
    scale = min(1.0, WORK_SIDE / max(right - left, bottom - top))
    small = np.asarray(cv2.resize(window, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    inside = np.zeros(small.shape[:2], np.bool_)
    edges = [round(edge * scale) for edge in (top - y, bottom - y, left - x, right - x)]
    inside[edges[0] : edges[1], edges[2] : edges[3]] = True
    hue = find_bands(small)
    cloth = _cut(small, hue, inside)
    votes = np.stack([cv2.GaussianBlur((hue == n).astype(np.float32), (0, 0), 2.5) for n in range(3)])
    bands = np.where(hue >= 0, hue, votes.argmax(axis=0))
    bands = np.where(cloth, bands, -1).astype(np.int32)
    emblem = _find_emblem(small, np.where(hue >= 0, bands, -1))
    bands[emblem] = 1
    size = window.shape[1::-1]
    bands, marked = (
        cv2.resize(one.astype(np.float32), size, interpolation=cv2.INTER_NEAREST) for one in (bands, emblem)
    )
    agreeing = (cloth & (hue >= 0)).sum() / max(int((cloth & ~emblem).sum()), 1)
    filled = cloth.sum() / max(int(inside.sum()), 1)
    return Cloth((x, y), bands.astype(np.int32), marked > 0.5, float(filled), float(agreeing))


def find_bands(image: Image) -> NDArray[np.int32]:
    """The band whose colour each pixel has, or -1."""
    hsv = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 0.8), cv2.COLOR_RGB2HSV).astype(np.int32)
    hue, coloured = hsv[..., 0], (hsv[..., 1] >= MIN_SATURATION) & (hsv[..., 2] >= MIN_VALUE)
    bands = np.full(image.shape[:2], -1, np.int32)
    for number, (low, high) in enumerate((BLUE, RED, GREEN)):
        bands[coloured & ((hue >= low) & (hue < high) | (hue + 180 < high))] = number
    return bands


def _cut(image: Image, hue: NDArray[np.int32], inside: Mask) -> Mask:
    marks = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    marks[inside] = cv2.GC_PR_BGD
    marks[inside & (hue >= 0)] = cv2.GC_PR_FGD
    sure = cv2.erode(((hue == 1) | (hue == 2)).astype(np.uint8), np.ones((3, 3))) > 0
    marks[inside & sure] = cv2.GC_FGD
    if (marks == cv2.GC_FGD).sum() < 20 or (~inside).sum() < 20:
        return np.asarray(inside & (hue >= 0), np.bool_)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    whole = (0, 0, *marks.shape[::-1])
    cv2.grabCut(image, marks, whole, *models, GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    cloth = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    kernel = np.ones((3, 3), np.uint8)
    cloth = cv2.morphologyEx(cloth.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    count, parts, stats, _ = cv2.connectedComponentsWithStats(cloth.astype(np.uint8))
    kept = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] > 0.08 * cloth.sum()]
    return np.asarray(np.isin(parts, kept), np.bool_)


def _find_emblem(image: Image, bands: NDArray[np.int32]) -> Mask:
    """What is pale, lies within the red and is no larger than crescent and star can be."""
    red, none = (bands == 1).astype(np.uint8), np.zeros(bands.shape, np.bool_)
    way = _find_way(bands)
    pixels = image.astype(np.int32)
    if way is None or red.sum() < 12:
        return none
    contours, _ = cv2.findContours(red, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    around = np.zeros(red.shape, np.uint8)
    cv2.drawContours(around, [cv2.convexHull(max(contours, key=cv2.contourArea))], -1, 1, -1)
    near = cv2.dilate(((bands == 0) | (bands == 2)).astype(np.uint8), np.ones((3, 3), np.uint8))
    reds = pixels[red > 0]
    pale = pixels[..., 1] + pixels[..., 2] > np.median(reds[:, 1] + reds[:, 2]) + MIN_PALER
    pale &= (np.abs(pixels[..., 1] - pixels[..., 2]) < 45) & (around > 0) & (near == 0)
    pale &= pixels[..., 0] > np.percentile(reds[:, 0], 25)
    count, parts, stats, centres = cv2.connectedComponentsWithStats(pale.astype(np.uint8))
    if count < 2:
        return none
    biggest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    length = way[1]
    close = np.linalg.norm(centres - centres[biggest], axis=1) < 0.5 * length
    found: Mask = np.isin(parts, [n for n in range(1, count) if close[n]])
    y, x = np.nonzero(found)
    if len(x) < 5 or max(np.ptp(x), np.ptp(y)) > MAX_EMBLEM * length:
        return none
    return found


def _find_way(bands: NDArray[np.int32]) -> tuple[NDArray[np.float64], float] | None:
    """The direction from the blue to the green, and two thirds of the flag's height; none on one band."""
    places = {
        n: np.argwhere(bands == n).mean(axis=0)[::-1]
        for n in range(3)
        if (bands == n).sum() >= max(MIN_BAND * (bands >= 0).sum(), 1)
    }
    if len(places) < 2:
        return None
    first, last = min(places), max(places)
    step = (places[last] - places[first]) * 2 / (last - first)
    length = float(np.linalg.norm(step))
    return (step / length, length) if length > 3 else None


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
    way = _find_way(cloth.bands)
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


def choose_cloths(image: Image, boxes: Sequence[NDArray[np.floating]]) -> list[Cloth | None]:
    """The cloth in each box, none where it is not clear."""
    found = [find_cloth(image, box) for box in boxes]
    return [one if one.is_clear else None for one in found]
