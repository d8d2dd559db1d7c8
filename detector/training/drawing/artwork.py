"""SVG artwork in, RGBA pictures of flags out: the two flags this project draws, in the colours asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import numpy as np
from numpy.typing import NDArray

SUBPIXEL_BITS = 4
CURVE_POINTS = 96
OVERSAMPLING = 2

HEIGHT = 256  # pixels of an artwork, enough for a flag that fills the picture
Colour = tuple[int, int, int]


def draw_artwork(
    path: Path,
    height: int,
    *,
    palette: Mapping[str, Colour] | None = None,
    without: Collection[str] = (),
) -> NDArray[np.uint8]:
    """Draws an SVG file of rects, circles, ellipses and polygons as an RGB picture ``height`` pixels high.

    ``palette`` gives another colour to all shapes of a class (``top``, ``middle``, ``disc`` ...);
    shapes of a class in ``without`` are left out.
    """
    root = ET.parse(path).getroot()  # noqa: S314 - our own files
    view_width, view_height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    scale = height * OVERSAMPLING / view_height
    canvas = np.zeros((height * OVERSAMPLING, round(view_width * scale), 3), np.uint8)
    for element in root:
        classes = element.attrib.get("class", "").split()
        outline = _find_outline(element)
        if outline.size == 0 or set(classes) & set(without):
            continue
        colour = _read_colour(element.attrib["fill"])
        for name in classes:
            colour = (palette or {}).get(name, colour)
        points = np.round(outline * scale * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(canvas, [points], colour, cv2.LINE_AA, SUBPIXEL_BITS)
    size = (canvas.shape[1] // OVERSAMPLING, height)
    return np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), np.uint8)


def read_palette(path: Path) -> dict[str, Colour]:
    """The colour of each class of shapes in an SVG file, ``emblem`` (a group, not a colour) left out."""
    palette: dict[str, Colour] = {}
    for element in ET.parse(path).getroot():  # noqa: S314 - our own files
        for name in element.attrib.get("class", "").split():
            if name != "emblem":
                palette[name] = _read_colour(element.attrib["fill"])
    return palette


def _read_colour(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _find_outline(element: ET.Element) -> NDArray[np.float64]:
    numbers = {
        key: float(text)
        for key, text in element.attrib.items()
        if key in {"x", "y", "cx", "cy", "r", "rx", "ry"}
    }
    match element.tag.rpartition("}")[2]:
        case "rect":
            left, top = numbers.get("x", 0.0), numbers.get("y", 0.0)
            right, bottom = left + float(element.attrib["width"]), top + float(element.attrib["height"])
            return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        case "circle" | "ellipse":
            angles = np.linspace(0, 2 * np.pi, CURVE_POINTS, endpoint=False)
            radii = numbers.get("rx", numbers.get("r", 0.0)), numbers.get("ry", numbers.get("r", 0.0))
            centre = numbers["cx"], numbers["cy"]
            return np.column_stack([np.cos(angles), np.sin(angles)]) * radii + centre
        case "polygon":
            return np.array([pair.split(",") for pair in element.attrib["points"].split()], np.float64)
        case _:
            return np.zeros((0, 2))
