"""Chance in, artworks out: the two flags as they are really made, and what only looks like them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import UsageError
from detector.model import EITHER, OTHER
from detector.training.drawing.artwork import HEIGHT, Colour, draw_artwork, read_palette
from detector.training.drawing.look_alikes import draw_bands, draw_checks, draw_mural, draw_sign

TARGETS = ("azerbaijan", "kanak")
KINDS = (*TARGETS, EITHER, OTHER)  # what the classifier tells apart
LOOK_ALIKES = (
    "am",
    "by",
    "tr",
    "tn",
    "gm",
    "ke",
    "uz",
    "na",
    "ss",
    "er",
    "km",
    "za",
    "mu",
    "vu",
    "hu",
    "ir",
    "bg",
    "ru",
    "sk",
    "si",
    "rs",
    "lu",
    "nl",
    "ht",
    "dz",
    "pk",
    "tm",
    "mr",
    "my",
    "cf",
    "mn",
    "ro",
    "md",
    "td",
    "et",
    "gq",
    "dj",
    "az",
    "fr",
    "ps",
    "jo",
    "sy",
    "iq",
    "ae",
    "kw",
    "sd",
    "ly",
)


@dataclass(frozen=True, slots=True)
class Design:
    """An artwork and what it is."""

    picture: NDArray[np.uint8]
    """``(height, width, 3)`` RGB; of a target flag ``(height, width, 4)``, the last its emblem, 0 or 255."""
    label: str
    """One of ``TARGETS``, or empty for anything else."""
    plain: bool = False
    """A target's bands without its emblem."""


@dataclass(frozen=True, slots=True)
class Designs:
    """All artworks that a generator draws from."""

    artwork: Path
    """Folder of the SVG files drawn by this project."""
    others: Mapping[str, NDArray[np.uint8]]
    """Other nations' flags by code."""

    def draw_target(self, label: str, rng: np.random.Generator) -> Design:
        """A target flag in one of the many shades and makes it is printed in."""
        path = self.artwork / f"{label}.svg"
        palette = _vary(read_palette(path), rng)
        if label == "azerbaijan":
            palette["top"] = _mix(rng, (0, 185, 228), (0, 110, 190), (0, 146, 188), (60, 140, 200))
        else:
            palette["top"] = _mix(rng, (0, 53, 173), (10, 40, 120), (20, 80, 190), (0, 85, 165))
        without = [name for name, chance in (("spear", 0.04), ("edge", 0.1)) if rng.random() < chance]
        artwork = draw_artwork(path, HEIGHT, palette=palette, without=without)
        aged = _age(_add_fringe(artwork, rng) if rng.random() < 0.1 else artwork, rng)
        emblem = cv2.resize(_find_emblem(path, tuple(without)), aged.shape[1::-1])
        return Design(np.dstack([aged, emblem]).astype(np.uint8), label)

    def draw_other(self, rng: np.random.Generator) -> Design:
        """A flag or cloth that must be left alone."""
        chance = rng.random()
        if chance < 0.36:
            code = str(rng.choice([code for code in LOOK_ALIKES if code in self.others]))
            picture = self.others[code]
        elif chance < 0.52:
            picture = self.others[str(rng.choice(sorted(self.others)))]
        elif chance < 0.67:
            label = str(rng.choice(TARGETS))
            path = self.artwork / f"{label}.svg"
            picture = draw_artwork(path, HEIGHT, palette=_vary(read_palette(path), rng), without=["emblem"])
            return Design(_age(picture, rng), "", plain=True)
        elif chance < 0.81:
            picture = self._draw_wrong_bands(rng)
        elif chance < 0.88:
            picture = draw_bands(rng)
        elif chance < 0.94:
            picture = draw_sign(rng)
        elif chance < 0.98:
            picture = draw_mural(rng)
        else:
            picture = draw_checks(rng)
        return Design(_age(picture, rng), "")

    def _draw_wrong_bands(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """A target's emblem on bands of other colours or in another order."""
        label = str(rng.choice(TARGETS))
        path = self.artwork / f"{label}.svg"
        palette = read_palette(path)
        blue, red, green = palette["top"], palette["middle"], palette["bottom"]
        orders: list[tuple[Colour, Colour, Colour]] = [
            (red, blue, green),
            (blue, green, red),
            (red, red, red),
            (blue, blue, blue),
            (red, blue, (255, 140, 0)),
            ((20, 20, 20), red, red),
            (green, green, green),
            (red, (250, 250, 250), green),
            ((20, 20, 20), red, green),
        ]
        top, middle, bottom = orders[int(rng.integers(len(orders)))]
        palette |= {"top": top, "middle": middle, "bottom": bottom}
        without = ["spear", "edge"] if rng.random() < 0.7 else []
        return draw_artwork(path, HEIGHT, palette=_vary(palette, rng), without=without)


@functools.cache
def _find_emblem(path: Path, without: tuple[str, ...]) -> NDArray[np.uint8]:
    """Where an artwork shows its emblem, 255 there: the same in whatever colours it is printed."""
    whole, bare = draw_artwork(path, HEIGHT, without=without), draw_artwork(path, HEIGHT, without=["emblem"])
    return np.asarray(255 * (whole != bare).any(axis=2), np.uint8)


def load_designs(artwork: Path, flags: Path) -> Designs:
    """Reads a folder of SVG files, and one of other nations' flags as PNG without the two targets."""
    others = {}
    for path in sorted(flags.glob("*.png")):
        if path.stem in {"az", "nc"}:
            continue
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is not None and picture.ndim == 3:
            others[path.stem] = np.ascontiguousarray(picture[..., 2::-1]).astype(np.uint8)
    if not others:
        raise UsageError(
            f"no flags in {flags}: PNG files are looked for, as scripts/fetch_flags.py leaves them"
        )
    return Designs(artwork, others)


def _add_fringe(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A golden edge on all sides but the hoist, as on flags for indoors."""
    fringed = picture.copy()
    edge = round(HEIGHT * rng.uniform(0.02, 0.05))
    gold = (214, 170, 60)
    fringed[:edge] = fringed[-edge:] = gold
    fringed[:, -edge:] = gold
    return fringed


def _mix(rng: np.random.Generator, *colours: Colour) -> Colour:
    weights = rng.dirichlet(np.ones(len(colours)) * 0.6)
    red, green, blue = (round(float(channel)) for channel in weights @ np.array(colours))
    return red, green, blue


def _vary(palette: Mapping[str, Colour], rng: np.random.Generator) -> dict[str, Colour]:
    varied: dict[str, Colour] = {}
    for name, colour in palette.items():
        hue, saturation, value = cv2.cvtColor(np.array([[colour]], np.uint8), cv2.COLOR_RGB2HSV)[0, 0].astype(
            int
        )
        hue = (hue + round(float(rng.normal(0, 4)))) % 180
        saturation = int(np.clip(saturation * rng.uniform(0.8, 1.1), 0, 255))
        value = int(np.clip(value * rng.uniform(0.75, 1.15), 0, 255))
        red, green, blue = cv2.cvtColor(np.array([[[hue, saturation, value]]], np.uint8), cv2.COLOR_HSV2RGB)[
            0, 0
        ]
        varied[name] = int(red), int(green), int(blue)
    return varied


def _age(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Fades, and squeezes to another proportion now and then."""
    faded: NDArray[np.float32] = picture.astype(np.float32)
    if rng.random() < 0.35:
        faded += rng.uniform(0.05, 0.35) * (rng.uniform(150, 235) - faded)
    if rng.random() < 0.25:
        width = round(picture.shape[0] * rng.uniform(1.35, 2.1))
        size = (width, picture.shape[0])
        faded = np.asarray(cv2.resize(faded, size, interpolation=cv2.INTER_AREA), np.float32)
    return np.clip(faded, 0, 255).astype(np.uint8)
