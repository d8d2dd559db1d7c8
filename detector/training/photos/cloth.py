"""A box with an Azerbaijani flag in a photo in, its cloth out: the band of each pixel, and the emblem."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WORK_SIDE = 320  # pixels of a box's longer side while its cloth is looked for, at most
BORDER = 0.2  # of the box's longer side, looked at around it
BLUE, RED, GREEN = (84, 128), (168, 192), (34, 84)  # hues, half degrees; red goes on after 180
MIN_SATURATION, MIN_VALUE = 55, 28
MIN_BAND = 0.06  # of the cloth, from which a band is seen
MIN_FILLED = 0.22  # of the box
MIN_AGREEING = 0.6  # of the cloth that has a band's colour, the emblem apart
GRABCUT_ROUNDS = 2
MAX_HOLE = 0.03  # of the cloth, up to which a hole in it is filled
MIN_PALER = 50  # levels of green and blue together, by which the emblem is paler than the red
MAX_EMBLEM = 0.85  # of two thirds of the flag's height

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
    opened = cv2.morphologyEx(cloth.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    cloth = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel) > 0  # where bands meet, colours mix
    count, parts, stats, _ = cv2.connectedComponentsWithStats(cloth.astype(np.uint8))
    kept = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] > 0.08 * cloth.sum()]
    return _fill_holes(np.asarray(np.isin(parts, kept), np.bool_))


def _fill_holes(cloth: Mask) -> Mask:
    """Small ones: parts of the emblem, folds that shine."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats((~cloth).astype(np.uint8), connectivity=4)
    small = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] < MAX_HOLE * cloth.sum()]
    return np.asarray(cloth | np.isin(parts, small), np.bool_)


def _find_emblem(image: Image, bands: NDArray[np.int32]) -> Mask:
    """What is pale, lies within the red and is no larger than crescent and star can be."""
    red, none = (bands == 1).astype(np.uint8), np.zeros(bands.shape, np.bool_)
    way = find_way(bands)
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


def find_way(bands: NDArray[np.int32]) -> tuple[NDArray[np.float64], float] | None:
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
