"""Photos of other flags in, the same cloth painted as a target flag out: real folds and real light.

A flag of three known bands tells where each pixel lies on it: the borders of its bands are lines of known
height, its outline gives the four sides, and between them the place changes as evenly as it can (a harmonic
function). Its brightness within a band is the light on the cloth.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing.render import Cutout

HELD_OUT_EVERY = 10
LONG_SIDE = 384  # pixels of a prepared photo
SOLVER_SIDE = 160  # pixels at which places are solved
SOLVER_ROUNDS = 1500
MIN_SHARE, MAX_SHARE = 0.12, 0.9  # of the photo that the flag covers
MIN_BAND_SHARE = 0.2  # of the cloth that the smallest band covers
MIN_SOLIDITY = 0.83  # of the outline: ragged ones are mixed up with what is behind
MAX_COLOUR_DISTANCE = 34.0  # from a band's colour, in Lab without lightness (half weight on lightness)

Mask = NDArray[np.bool_]
Map = NDArray[np.float32]

BANDS: Mapping[str, tuple[tuple[int, int, int], ...]] = {
    "Armenia": ((217, 0, 18), (0, 51, 160), (242, 168, 0)),
    "Hungary": ((205, 42, 62), (240, 240, 240), (67, 111, 77)),
    "Iran": ((35, 159, 64), (240, 240, 240), (218, 0, 0)),
    "India": ((255, 153, 51), (240, 240, 240), (19, 136, 8)),
    "Austria": ((237, 41, 57), (240, 240, 240), (237, 41, 57)),
    "Transnistria": ((222, 0, 0), (0, 153, 51), (222, 0, 0)),
    "Dagestan": ((0, 150, 70), (10, 80, 180), (220, 30, 50)),
    "Bashkortostan": ((0, 80, 180), (240, 240, 240), (0, 140, 70)),
    "Crimea": ((10, 70, 190), (240, 240, 240), (215, 30, 45)),
    "Croatia": ((230, 20, 30), (240, 240, 240), (25, 35, 130)),
    "Honduras": ((0, 115, 207), (240, 240, 240), (0, 115, 207)),
}
UPRIGHT_BANDS: Mapping[str, tuple[tuple[int, int, int], ...]] = {  # from the hoist on
    "Belgium": ((25, 25, 25), (250, 220, 50), (235, 40, 55)),
    "Cote_d_Ivoire": ((245, 130, 30), (240, 240, 240), (0, 155, 95)),
    "Guatemala": ((73, 151, 208), (240, 240, 240), (73, 151, 208)),
    "Guinea_Guinea": ((205, 17, 38), (250, 210, 20), (0, 150, 96)),
    "Udmurtia": ((25, 25, 25), (240, 240, 240), (205, 20, 40)),
}


@dataclass(frozen=True, slots=True)
class Repaint:
    """Real cloth without its artwork."""

    uv: Map
    """``(height, width, 2)``: where on the flag each pixel lies, 0 to 1."""
    shade: Map
    """``(height, width)``: brightness of the cloth, around 1."""
    alpha: Map
    """``(height, width)``: share of each pixel that is cloth."""


def prepare(photo: NDArray[np.uint8], bands: Sequence[tuple[int, int, int]]) -> Repaint | None:
    """Cloth, place and light in an RGB photo of a flag of three horizontal bands; none if it is not clear."""
    scale = min(1.0, LONG_SIDE / max(photo.shape[:2]))
    photo = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    band = _find_bands(photo, bands)
    cloth = _largest(
        cv2.morphologyEx((band >= 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)) > 0
    )
    shares = [float((cloth & (band == number)).sum() / max(cloth.sum(), 1)) for number in range(3)]
    if (
        not MIN_SHARE < cloth.mean() < MAX_SHARE
        or min(shares) < MIN_BAND_SHARE
        or _find_solidity(cloth) < MIN_SOLIDITY
    ):
        return None
    band = _fill(band, cloth)
    uv = _solve_places(band, cloth)
    if uv is None:
        return None
    shade = _find_light(photo, band, cloth)
    alpha = cv2.GaussianBlur(cv2.erode(cloth.astype(np.float32), np.ones((3, 3))), (0, 0), 0.7)
    y, x = np.nonzero(cloth)
    window = slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)
    return Repaint(uv[window], shade[window], np.asarray(alpha, np.float32)[window])


def prepare_upright(photo: NDArray[np.uint8], bands: Sequence[tuple[int, int, int]]) -> Repaint | None:
    """The same for a flag of three upright bands, given from the hoist on."""
    turned = np.ascontiguousarray(np.rot90(photo, -1))  # the hoist, on the left, comes to lie on top
    cloth = prepare(turned, bands)
    if cloth is None:
        return None
    places = np.dstack([cloth.uv[..., 1], 1 - cloth.uv[..., 0]])
    maps = [np.ascontiguousarray(np.rot90(one)) for one in (places, cloth.shade, cloth.alpha)]
    return Repaint(*(np.asarray(one, np.float32) for one in maps))


def paint(cloth: Repaint, artwork: NDArray[np.uint8], *, size: float, mirrored: bool) -> Cutout:
    """Paints the cloth, its longer side ``size`` pixels; ``mirrored`` shows it from behind."""
    scale = size / max(cloth.alpha.shape)
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    target = max(3, round(cloth.alpha.shape[1] * scale)), max(3, round(cloth.alpha.shape[0] * scale))
    uv, shade, alpha = (
        cv2.resize(layer, target, interpolation=flags) for layer in (cloth.uv, cloth.shade, cloth.alpha)
    )
    u = 1 - uv[..., 0] if mirrored else uv[..., 0]
    factor = min(1.0, 2.5 * size / artwork.shape[1])
    small = cv2.resize(artwork, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    x, y = u * (small.shape[1] - 1), uv[..., 1] * (small.shape[0] - 1)
    colour = cv2.remap(small, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR).astype(np.float32)
    colour[..., :3] *= shade[..., None]
    return Cutout(
        np.clip(colour, 0, 255).astype(np.float32),
        np.asarray(alpha, np.float32),
        np.zeros((2, 2), np.float32),
    )


def prepare_folder(folder: Path, *, rejected: Collection[str] = ()) -> Iterable[Repaint]:
    """Cloth from every clear photo of a folder whose file names begin with a country of the bands above.

    ``rejected`` names files that a person has looked at and found wrong.
    """
    ways = [(country, bands, prepare) for country, bands in BANDS.items()]
    ways += [(country, bands, prepare_upright) for country, bands in UPRIGHT_BANDS.items()]
    for path in sorted(folder.iterdir()):
        for country, bands, prepare_as in ways:
            if not path.name.startswith(f"{country}_") or path.name in rejected:
                continue
            image = cv2.imread(str(path))
            if image is None:
                continue
            cloth = prepare_as(np.ascontiguousarray(image[..., ::-1]).astype(np.uint8), bands)
            if cloth is not None:
                yield cloth


def save_repaints(path: Path, repaints: Iterable[Repaint]) -> int:
    """Stores prepared cloth in one file; returns how many."""
    stored = {}
    for number, one in enumerate(repaints):
        stored[f"{number:04d}"] = np.dstack([one.uv, one.shade, one.alpha]).astype(np.float16)
    np.savez_compressed(path, allow_pickle=False, **stored)
    return len(stored)


def load_repaints(path: Path, split: str) -> Sequence[Repaint]:
    """The prepared cloth of a split, ``train`` or another."""
    repaints = []
    with np.load(path) as stored:
        for number, name in enumerate(sorted(stored.files)):
            if (number % HELD_OUT_EVERY > 0) == (split == "train"):
                maps = stored[name].astype(np.float32)
                repaints.append(
                    Repaint(np.ascontiguousarray(maps[..., :2]), maps[..., 2].copy(), maps[..., 3].copy())
                )
    return repaints


def _find_bands(photo: NDArray[np.uint8], bands: Sequence[tuple[int, int, int]]) -> NDArray[np.int32]:
    """The band each pixel looks like, or -1; colours first as published, then as this photo shows them."""
    lab = cv2.cvtColor(cv2.GaussianBlur(photo, (0, 0), 1.2), cv2.COLOR_RGB2LAB).astype(np.float32)
    lab *= np.array([0.5, 1, 1], np.float32)
    wanted = cv2.cvtColor(np.array([bands], np.uint8), cv2.COLOR_RGB2LAB)[0].astype(np.float32) * [0.5, 1, 1]
    top_is_bottom = bands[0] == bands[2]
    if top_is_bottom:
        wanted = wanted[:2]
    limit = MAX_COLOUR_DISTANCE * 1.6
    for _ in range(3):
        distance = np.linalg.norm(lab[:, :, None] - wanted, axis=-1)
        nearest = np.where(distance.min(axis=2) < limit, distance.argmin(axis=2), -1)
        wanted = np.array(
            [
                np.median(lab[nearest == n], axis=0) if (nearest == n).any() else wanted[n]
                for n in range(len(wanted))
            ]
        )
        limit = MAX_COLOUR_DISTANCE
    if top_is_bottom:
        middle = nearest == 1
        if middle.any():
            count, parts, stats, centres = cv2.connectedComponentsWithStats((nearest == 0).astype(np.uint8))
            order = np.argsort(-stats[1:, cv2.CC_STAT_AREA])[:2] + 1
            if count > 2:
                lower = order[int(np.argmax(centres[order, 1]))]
                nearest = np.where(parts == lower, 2, nearest)
    return np.asarray(nearest, np.int32)


def _largest(mask: Mask) -> Mask:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    biggest = parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    contours, _ = cv2.findContours(biggest.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, -1)
    return np.asarray(cv2.morphologyEx(filled, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0)


def _find_solidity(cloth: Mask) -> float:
    contours, _ = cv2.findContours(cloth.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(contours, key=cv2.contourArea)
    return float(cv2.contourArea(outline) / max(cv2.contourArea(cv2.convexHull(outline)), 1))


def _fill(band: NDArray[np.int32], cloth: Mask) -> NDArray[np.int32]:
    """Gives emblems and gaps inside the cloth the band around them."""
    votes = np.stack([cv2.GaussianBlur((band == n).astype(np.float32), (0, 0), 5) for n in range(3)])
    return np.where(cloth, votes.argmax(axis=0), -1).astype(np.int32)


def _solve_places(band: NDArray[np.int32], cloth: Mask) -> Map | None:
    scale = SOLVER_SIDE / max(cloth.shape)
    size = max(8, round(cloth.shape[1] * scale)), max(8, round(cloth.shape[0] * scale))
    small = cv2.resize(cloth.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    bands = cv2.resize(band.astype(np.int16), size, interpolation=cv2.INTER_NEAREST).astype(np.int32)
    sides = _find_sides(bands, small)
    if sides is None:
        return None
    near = [cv2.dilate((bands == n).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for n in range(3)]
    v_fixed = [
        (sides == 0, 0.0),
        (sides == 2, 1.0),
        (near[0] & near[1] & small, 1 / 3),
        (near[1] & near[2] & small, 2 / 3),
    ]
    u = _solve_harmonic(small, [(sides == 3, 0.0), (sides == 1, 1.0)], _guess(sides, 3, 1))
    v = _solve_harmonic(small, v_fixed, _guess(sides, 0, 2))
    places = cv2.resize(np.dstack([u, v]), (cloth.shape[1], cloth.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(places, 0, 1), np.float32)


def _find_sides(bands: NDArray[np.int32], cloth: Mask) -> NDArray[np.int32] | None:
    """The outline's pixels numbered by side (0 top, 1 right, 2 bottom, 3 left), -1 elsewhere."""
    contours, _ = cv2.findContours(cloth.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=len)[:, 0].astype(np.float64)
    if len(outline) < 40:
        return None
    centres = [
        np.argwhere(bands == number).mean(axis=0)[::-1] for number in (0, 2) if (bands == number).any()
    ]
    if len(centres) < 2 or np.linalg.norm(centres[1] - centres[0]) < 8:
        return None
    down = (centres[1] - centres[0]) / np.linalg.norm(centres[1] - centres[0])
    right = np.array([down[1], -down[0]])
    offset = outline - outline.mean(axis=0)
    across, along = offset @ right, offset @ down
    across, along = across / np.abs(across).max(), along / np.abs(along).max()
    corners = [int(np.argmax(a * across + b * along)) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    sides = np.full(cloth.shape, -1, np.int32)
    length = len(outline)
    forward = (corners[1] - corners[0]) % length < (corners[3] - corners[0]) % length
    for side in range(4):
        start, end = corners[side], corners[(side + 1) % 4]
        if not forward:
            start, end = end, start
        steps = (end - start) % length
        if steps > 0.6 * length or steps < 4:
            return None
        points = outline[(start + np.arange(steps + 1)) % length].astype(int)
        sides[points[:, 1], points[:, 0]] = side
    return sides


def _guess(sides: NDArray[np.int32], start: int, end: int) -> Map:
    """0 at one side, 1 at the other, between them by distance."""
    near, far = (
        cv2.distanceTransform((sides != side).astype(np.uint8), cv2.DIST_L2, 5) for side in (start, end)
    )
    return np.asarray(near / np.maximum(near + far, 1e-3), np.float32)


def _solve_harmonic(cloth: Mask, fixed: Sequence[tuple[Mask, float]], guess: Map) -> Map:
    """Laplace's equation inside the cloth by relaxation from a guess; free edges where nothing is fixed."""
    field = guess.copy()
    held = np.zeros(cloth.shape, np.bool_)
    for mask, value in fixed:
        field[mask], held = value, held | mask
    goal = field.copy()
    weight = cloth.astype(np.float32)
    count = cv2.blur(weight, (3, 3), borderType=cv2.BORDER_CONSTANT)
    inside = cloth & ~held
    for _ in range(SOLVER_ROUNDS):
        mean = cv2.blur(field * weight, (3, 3), borderType=cv2.BORDER_CONSTANT) / np.maximum(count, 1e-3)
        field = np.where(inside, mean, goal).astype(np.float32)
    outside = ~cloth
    spread = cv2.blur(field * weight, (5, 5), borderType=cv2.BORDER_CONSTANT)
    around = cv2.blur(weight, (5, 5), borderType=cv2.BORDER_CONSTANT)
    field[outside] = (spread / np.maximum(around, 1e-3))[outside]
    return field


def _find_light(photo: NDArray[np.uint8], band: NDArray[np.int32], cloth: Mask) -> Map:
    value = photo.max(axis=2).astype(np.float32)
    shade = np.ones(cloth.shape, np.float32)
    for number in range(3):
        inside = cloth & (band == number)
        shade[inside] = value[inside] / max(float(np.percentile(value[inside], 70)), 20)
    shade = np.clip(cv2.medianBlur(shade, 5), 0.25, 1.35)
    return np.asarray(cv2.GaussianBlur(shade, (0, 0), 0.8), np.float32)
