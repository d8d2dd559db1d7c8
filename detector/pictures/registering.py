"""Two pictures that look the same in, the second laid over the first and what differs between them out."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FEATURES = 3000  # of ORB (Rublee et al. 2011, https://doi.org/10.1109/ICCV.2011.6126544)
MIN_INLIERS = 12  # points that one similarity explains; fewer hold for any two pictures
RANSAC_PIXELS = 4.0
RATIO = 0.8  # Lowe's: a match must be this much nearer than the next
ALIGN_SIDE = 512  # pixels at which the fit is made finer
ECC_STEPS = 60
TRIM = 0.7  # share of pixels, the most alike, that brightness is matched by
ROUNDS = 4
NOISE_LEVELS = 12.0  # of 255: what codecs leave after matching
NOISE_SIGMAS = 6.0
SMALLEST_SHARE = 0.0005  # of the picture: a smaller spot is no change
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


@dataclass(frozen=True, slots=True)
class Change:
    """In what two registered pictures differ."""

    picture: Image
    """The first one faded, with what differs marked."""
    share: float
    """Of the pixels that both have, those that differ."""


def register(first: Image, second: Image) -> Registration:
    """Lays the second over the first, mirrored where that fits better, and matches its brightness."""
    grey = _grey(first)
    candidates = []
    for mirrored in (False, True):
        image = np.ascontiguousarray(second[:, ::-1]) if mirrored else second
        matrix, inliers = _find_similarity(grey, _grey(image))
        candidates.append((inliers, not mirrored, image, matrix))
    inliers, straight, image, matrix = max(candidates, key=lambda one: one[:2])
    if inliers < MIN_INLIERS:  # nothing to hold on to: as large as the other, and as it stands
        image, straight = second, True
        matrix = np.array(
            [[first.shape[1] / second.shape[1], 0, 0], [0, first.shape[0] / second.shape[0], 0]], np.float32
        )
    matrix = _refine(grey, _grey(image), matrix)
    size = (first.shape[1], first.shape[0])
    laid = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
    whole = np.full(image.shape[:2], 255, np.uint8)
    covered = cv2.warpAffine(whole, matrix, size, flags=cv2.INTER_NEAREST) == 255
    return Registration(_match_brightness(first, laid.astype(np.uint8), covered), covered, not straight)


def find_change(first: Image, registration: Registration) -> Change:
    """What differs beyond the noise of codecs and of laying one over the other."""
    blurred = [cv2.GaussianBlur(one, (0, 0), 1.5).astype(np.float32) for one in (first, registration.second)]
    apart = np.abs(blurred[0] - blurred[1]).max(axis=2)
    apart = np.minimum(apart, _least_around(blurred[0], blurred[1]))  # an edge half a pixel off is none
    inside = cv2.erode(registration.covered.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    apart[~inside] = 0
    typical = float(np.median(apart[inside])) if inside.any() else 0.0
    differs = (apart > max(NOISE_LEVELS, NOISE_SIGMAS * typical)).astype(np.uint8)
    differs = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    differs = _without_spots(closed.astype(np.uint8))
    faded = np.repeat((_grey(first) * 0.5 + 110)[..., None], 3, axis=2)
    strength = np.clip(apart / 96, 0.35, 1)[..., None] * differs[..., None]
    picture = faded * (1 - strength) + np.array(MARK, np.float32) * strength
    picture[~registration.covered] = 255
    return Change(picture.clip(0, 255).astype(np.uint8), float(differs.sum()) / max(1, int(inside.sum())))


def _find_similarity(first: Image, second: Image) -> tuple[NDArray[np.float32], int]:
    """Matrix (2, 3) that maps the second onto the first, and how many points agree with it."""
    orb = cv2.ORB_create(FEATURES)  # type: ignore[attr-defined]
    (points, words), (others, other_words) = (
        orb.detectAndCompute(first, None),
        orb.detectAndCompute(second, None),
    )
    nothing = np.eye(2, 3, dtype=np.float32)
    if words is None or other_words is None or len(words) < 2 or len(other_words) < 2:
        return nothing, 0
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(other_words, words, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < RATIO * pair[1].distance]
    if len(good) < MIN_INLIERS:
        return nothing, 0
    source = np.array([others[one.queryIdx].pt for one in good], np.float32)
    target = np.array([points[one.trainIdx].pt for one in good], np.float32)
    cv2.setRNGSeed(1)
    matrix, mask = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PIXELS, maxIters=2000
    )
    inliers = int(np.sum(mask))
    return (np.asarray(matrix, np.float32), inliers) if inliers else (nothing, 0)


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
    matched = second.astype(np.float32)
    for channel in range(3):
        target, source = (
            first[..., channel][covered].astype(float),
            matched[..., channel][covered].astype(float),
        )
        if len(source) < 100:
            return second
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
        if 0.3 < gain < 3:
            matched[..., channel] = gain * matched[..., channel] + offset
    matched[~covered] = 0
    return matched.clip(0, 255).astype(np.uint8)


def _least_around(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each pixel how far the first is from all that the second has within a pixel around."""
    around = np.ones((3, 3), np.uint8)
    below = cv2.erode(second, around) - first
    above = first - cv2.dilate(second, around)
    return np.asarray(np.maximum(0, np.maximum(below, above)).max(axis=2), np.float32)


def _without_spots(mask: Image) -> Image:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    large = stats[:, cv2.CC_STAT_AREA] >= SMALLEST_SHARE * mask.size
    large[0] = False
    return large[labels].astype(np.uint8) if count > 1 else mask


def _grey(image: Image) -> Image:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8)
