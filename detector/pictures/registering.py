"""Two pictures that look the same in, the second laid over the first and what differs between them out."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.copies import lie_alike

FEATURES = 3000  # of ORB (Rublee et al. 2011, https://doi.org/10.1109/ICCV.2011.6126544)
MIN_INLIERS = 12  # points that one similarity explains; fewer hold for any two pictures
RANSAC_PIXELS = 4.0
RATIO = 0.8  # Lowe's: a match must be this much nearer than the next
ALIGN_SIDE = 512  # pixels at which the fit is made finer
ECC_STEPS = 60
CLEARLY = 100  # points, with which it need not be tried whether the mirror image fits better
TRIM = 0.7  # share of pixels, the most alike, that brightness is matched by
ROUNDS = 4
SAMPLES = 10_000  # pixels that brightness is matched by
NOISE_LEVELS = 12.0  # of 255: what codecs leave after matching
NOISE_SIGMAS = 6.0
MOST_NOISE_LEVELS = 36.0  # more is no noise: most of the picture was painted over
SMALLEST_SHARE = 0.0005  # of the picture: a smaller spot is no change
MIN_CUT_POINTS = 25  # where two pictures need not look the same as a whole
MIN_CUT_COVERED = 0.3  # of the picture that may be cut out; a screenshot has margins
MAX_CUT_DIFFERING = 0.1  # of what both have: 0.2 for two people at the same desk, 0 for cuts
PART_SIDE = 640  # pixels at which copies are searched for parts that differ
MIN_PART_SHARE = 0.0015  # of the picture; with the next, of repainted flags the smallest is 0.0022
MIN_PART_LEVELS = 22.0  # of 255, that a part differs by on average
JOINED_SHARE = 0.02  # of the long side: regions so near each other are one part
MARK = (255, 0, 160)  # a colour that neither flags nor grey pictures have

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Registration:
    """The second picture, as the first would show it."""

    second: Image
    """In the size, place and brightness of the first; black where it has nothing."""
    covered: NDArray[np.bool_]
    """Mask of the first picture's pixels of which the second has something."""
    mirrored: bool
    points: int
    """How many of both agree; with fewer than `MIN_INLIERS` the second was only made as large as the
    first."""


@dataclass(frozen=True, slots=True)
class Change:
    """In what two registered pictures differ."""

    picture: Image
    """The first one faded, with what differs marked."""
    share: float
    """Of the pixels that both have, those that differ."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where a picture shows something else than its copy: shares of its width and height, 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float
    share: float
    """Of the picture's pixels, those of this part that differ."""


class NoHold(Exception):  # noqa: N818 (it says what is missing)
    """Two pictures have too little in common to be laid over each other."""


def register(first: Image, second: Image) -> Registration:
    """Lays the second over the first, mirrored where that fits better, and matches its brightness."""
    return _lay(first, second, _find_place(first, second))


def find_change(first: Image, registration: Registration) -> Change:
    """What differs beyond the noise of codecs and of laying one over the other."""
    differs, apart, inside = _find_differing(first, registration)
    faded = np.repeat((_grey(first) * 0.5 + 110)[..., None], 3, axis=2)
    strength = np.clip(apart / 96, 0.35, 1)[..., None] * differs[..., None]
    picture = faded * (1 - strength) + np.array(MARK, np.float32) * strength
    picture[~registration.covered] = 255
    return Change(picture.clip(0, 255).astype(np.uint8), float(differs.sum()) / max(1, int(inside.sum())))


def is_cut_out(part: Image, whole: Image) -> bool:
    """Whether one picture is cut out of the other, mirrored or not, but for a small part painted over.

    Many points agree in other pictures of the same room, too: there what is in front differs. Both should be
    shrunk to `PART_SIDE` before.
    """
    place = _find_place(part, whole)
    if place.points < MIN_CUT_POINTS:
        return False
    registration = _lay(part, whole, place)
    if registration.covered.mean() < MIN_CUT_COVERED:
        return False
    differs, _, inside = _find_differing(part, registration)
    return float(differs.sum()) <= MAX_CUT_DIFFERING * float(inside.sum())


def find_part(first: Image, second: Image) -> Part | None:
    """The largest part in which two copies of a picture show something else, as where a flag was painted in.

    Where too few points agree, as where the flag is nearly all, one is stretched onto the other if their
    edges run alike. None where they show the same. Raises NoHold when they cannot be laid over each other, so
    that nothing is known. Both should be shrunk to `PART_SIDE` before.
    """
    place = _find_place(first, second)
    if place.points < MIN_INLIERS:
        as_it_stands, mirrored = lie_alike(first, second)
        if not (as_it_stands or mirrored):
            raise NoHold
        place = _stretch(first, second, mirrored=not as_it_stands)
    registration = _lay(first, second, place)
    differs, apart, _ = _find_differing(first, registration)
    reach = round(JOINED_SHARE * max(differs.shape)) | 1
    joined = cv2.dilate(differs, np.ones((reach, reach), np.uint8))
    count, labels, _, _ = cv2.connectedComponentsWithStats(joined.astype(np.uint8))
    regions = [(labels == number) & (differs > 0) for number in range(1, count)]
    clear = [region for region in regions if apart[region].mean() >= MIN_PART_LEVELS]
    largest = max(clear, key=lambda region: int(region.sum()), default=np.zeros(differs.shape, bool))
    share = float(largest.mean())
    if share < MIN_PART_SHARE:
        return None
    height, width = differs.shape
    rows, columns = np.flatnonzero(largest.any(axis=1)), np.flatnonzero(largest.any(axis=0))
    left, right = columns[0] / width, (columns[-1] + 1) / width
    return Part(float(left), float(rows[0] / height), float(right), float((rows[-1] + 1) / height), share)


def _find_differing(
    first: Image, registration: Registration
) -> tuple[Image, NDArray[np.float32], NDArray[np.bool_]]:
    """Masks of what differs and of what can be compared, and by how many levels each pixel differs."""
    blurred = [cv2.GaussianBlur(one, (0, 0), 1.5).astype(np.float32) for one in (first, registration.second)]
    apart = _most(np.abs(blurred[0] - blurred[1]))
    apart = np.minimum(apart, _least_around(blurred[0], blurred[1]))  # an edge half a pixel off is none
    inside = cv2.erode(registration.covered.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    apart[~inside] = 0
    typical = float(np.median(apart[inside])) if inside.any() else 0.0
    limit = min(max(NOISE_LEVELS, NOISE_SIGMAS * typical), MOST_NOISE_LEVELS)
    differs = (apart > limit).astype(np.uint8)
    opened = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    return _without_spots(closed.astype(np.uint8)), apart, inside


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a second picture lies on a first."""

    matrix: NDArray[np.float32]
    """(2, 3), from the second, mirrored or not, to the first."""
    mirrored: bool
    points: int


def _find_place(first: Image, second: Image) -> _Place:
    """The place with which most points agree; as large as the other, and as it stands, where few do."""
    seen = _find_points(_grey(first))
    best = _find_similarity(seen, _grey(second), mirrored=False)
    if best.points < CLEARLY:
        turned = _find_similarity(seen, _grey(np.ascontiguousarray(second[:, ::-1])), mirrored=True)
        best = max(best, turned, key=lambda one: one.points)
    if best.points >= MIN_INLIERS:
        return best
    return replace(_stretch(first, second, mirrored=False), points=best.points)


def _stretch(first: Image, second: Image, *, mirrored: bool) -> _Place:
    """The place in which the second is as large as the first."""
    matrix = [[first.shape[1] / second.shape[1], 0, 0], [0, first.shape[0] / second.shape[0], 0]]
    return _Place(np.array(matrix, np.float32), mirrored, points=0)


def _lay(first: Image, second: Image, place: _Place) -> Registration:
    image = np.ascontiguousarray(second[:, ::-1]) if place.mirrored else second
    matrix = _refine(_grey(first), _grey(image), place.matrix)
    size = (first.shape[1], first.shape[0])
    laid = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
    whole = np.full(image.shape[:2], 255, np.uint8)
    covered = cv2.warpAffine(whole, matrix, size, flags=cv2.INTER_NEAREST) == 255
    matched = _match_brightness(first, laid.astype(np.uint8), covered)
    return Registration(matched, covered, place.mirrored, place.points)


def _find_points(image: Image) -> tuple[NDArray[np.float32], Image]:
    """Places (n, 2) of points, and what tells them from others (n, 32)."""
    orb = cv2.ORB_create(FEATURES)  # type: ignore[attr-defined]
    points, words = orb.detectAndCompute(image, None)
    if words is None:
        return np.empty((0, 2), np.float32), np.empty((0, 32), np.uint8)
    return np.array([point.pt for point in points], np.float32), words


def _find_similarity(first: tuple[NDArray[np.float32], Image], second: Image, *, mirrored: bool) -> _Place:
    """Where the second lies on the picture with these points."""
    (points, words), (others, other_words) = first, _find_points(second)
    nothing = _Place(np.eye(2, 3, dtype=np.float32), mirrored, 0)
    if len(words) < 2 or len(other_words) < 2:
        return nothing
    apart, nearest = cv2.batchDistance(other_words, words, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=2)
    good = np.flatnonzero(apart[:, 0] < RATIO * apart[:, 1])
    if len(good) < MIN_INLIERS:
        return nothing
    cv2.setRNGSeed(1)
    matrix, mask = cv2.estimateAffinePartial2D(
        others[good],
        points[nearest[good, 0]],
        method=cv2.RANSAC,
        ransacReprojThreshold=RANSAC_PIXELS,
        maxIters=2000,
    )
    inliers = int(np.sum(mask))
    return _Place(np.asarray(matrix, np.float32), mirrored, inliers) if inliers else nothing


def _refine(first: Image, second: Image, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The matrix, fitted to the pixels (Evangelidis and Psarakis 2008, ECC); as it was where that fails."""
    scale = min(1.0, ALIGN_SIDE / max(first.shape))
    size = (max(8, round(first.shape[1] * scale)), max(8, round(first.shape[0] * scale)))
    small = cv2.resize(first, size, interpolation=cv2.INTER_AREA)
    laid = cv2.warpAffine(second, matrix, (first.shape[1], first.shape[0]))
    moved = cv2.resize(laid, size, interpolation=cv2.INTER_AREA)
    seen = cv2.warpAffine(np.full(second.shape, 255, np.uint8), matrix, (first.shape[1], first.shape[0]))
    mask = cv2.resize(seen, size, interpolation=cv2.INTER_NEAREST)
    warp = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ECC_STEPS, 1e-5)
    try:
        _, warp = cv2.findTransformECC(small, moved, warp, cv2.MOTION_AFFINE, stop, mask, 5)  # type: ignore[assignment]
    except cv2.error:
        return matrix
    warp = np.asarray(warp, np.float32)
    warp[:, 2] /= scale
    if np.abs(warp[:, :2] - np.eye(2)).max() > 0.05 or np.abs(warp[:, 2]).max() > 0.03 * max(first.shape):
        return matrix  # it went astray
    back = cv2.invertAffineTransform(warp)  # ECC maps the first's pixels to the second's
    return np.asarray(np.vstack([back, [0, 0, 1]])[:2] @ np.vstack([matrix, [0, 0, 1]]), np.float32)


def _match_brightness(first: Image, second: Image, covered: NDArray[np.bool_]) -> Image:
    """The second with gain and offset of each channel such that most of it is as bright as the first."""
    places = np.flatnonzero(covered)
    if len(places) < 100:
        return second
    places = places[:: max(1, len(places) // SAMPLES)]
    gains, offsets = np.ones(3), np.zeros(3)
    for channel in range(3):
        target, source = (image.reshape(-1, 3)[places, channel].astype(float) for image in (first, second))
        gain, offset = _fit_line(source, target)
        if 0.3 < gain < 3:
            gains[channel], offsets[channel] = gain, offset
    matched = np.clip(second * gains.astype(np.float32) + offsets.astype(np.float32), 0, 255)
    matched[~covered] = 0
    return matched.astype(np.uint8)


def _fit_line(source: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    """Gain and offset with which the first is as the second, but for the pixels that are least alike."""
    kept = np.ones(len(source), bool)
    gain, offset = 1.0, 0.0
    for _ in range(ROUNDS):
        spread = float(source[kept].var())
        if spread < 1.0:
            break
        gain = float(np.cov(source[kept], target[kept])[0, 1]) / spread
        offset = float(target[kept].mean() - gain * source[kept].mean())
        error = np.abs(target - gain * source - offset)
        kept = error <= np.quantile(error, TRIM)
    return gain, offset


def _least_around(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each pixel how far the first is from all that the second has within a pixel around."""
    around = np.ones((3, 3), np.uint8)
    below = cv2.erode(second, around) - first
    above = first - cv2.dilate(second, around)
    return np.maximum(0, _most(np.maximum(below, above)))


def _most(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each pixel the highest channel; NumPy's maximum along so short an axis takes ten times as long."""
    return np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])


def _without_spots(mask: Image) -> Image:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    large = stats[:, cv2.CC_STAT_AREA] >= SMALLEST_SHARE * mask.size
    large[0] = False
    return large[labels].astype(np.uint8) if count > 1 else mask


def _grey(image: Image) -> Image:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8)
