"""Measures how painted-in flags are found: python -m scripts.measure_parts PHOTOS REPAINTED LABELS..."""

import csv
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from detector.cli import run_script
from detector.copies import (
    MAX_DISTANCE,
    MAX_EDGE_DISTANCE,
    distances,
    find_luma,
    hash_edges,
    hash_whole_and_inside,
    have_same_edges,
)
from detector.frames import read_image
from detector.pictures import PART_SIDE, NoHold, Part, find_part, shrink
from scripts.measure_copies import CHANGES, recode

Box = tuple[float, float, float, float]
Change = Callable[[Image.Image], Image.Image]
MARK = "repaint__"  # before the original's name in that of a repainted photo
AS_IT_IS = "as it is"
CROPPED = "cropped"


def find_overlap(a: Box, b: Box) -> float:
    """Shared area of two boxes, of the area of both."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return shared / (sum(areas) - shared)


def read_boxes(labels: list[Path], label: str) -> dict[str, list[Box]]:
    """Boxes of a flag in pixels, by name of the photo."""
    boxes: dict[str, list[Box]] = defaultdict(list)
    for path in labels:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["class"] == label and Path(row["file"]).name.startswith(MARK):
                    left, top, right, bottom = (float(row[side]) for side in ("x1", "y1", "x2", "y2"))
                    boxes[Path(row["file"]).name].append((left, top, right, bottom))
    return boxes


def compare(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Part | None:
    """As a scan does; None also where nothing holds."""
    try:
        return find_part(shrink(first, PART_SIDE), shrink(second, PART_SIDE))
    except NoHold:
        return None


def is_copy(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> bool:
    """Whether their hashes are near enough for one cluster, or their edges run alike."""
    sides = [
        [np.frombuffer(one.bits, np.uint8) for one in hash_whole_and_inside(image, find_luma(image))]
        for image in (first, second)
    ]
    if any(distances(a[None], b[None])[0] <= MAX_DISTANCE for a in sides[0] for b in sides[1]):
        return True
    edges = [np.frombuffer(hash_edges(image), np.uint8) for image in (first, second)]
    near = distances(edges[0][None], edges[1][None])[0] <= MAX_EDGE_DISTANCE
    return bool(near) and have_same_edges(shrink(first, PART_SIDE), shrink(second, PART_SIDE))


def measure_repainted(
    photos: dict[str, Path], repainted: dict[str, Path], boxes: dict[str, list[Box]]
) -> None:
    """Prints for each repainted photo whether it is in the cluster of its original, and what is marked."""
    ways: dict[str, Change] = {AS_IT_IS: lambda picture: picture, "quality 70": lambda one: recode(one, 70)}
    for way, change in ways.items():
        together = marked = at_flag = 0
        for name, path in sorted(repainted.items()):
            original = read_image(photos[name.removeprefix(MARK)])
            image = np.asarray(change(Image.fromarray(read_image(path))))
            part, joined = compare(image, original), is_copy(image, original)
            height, width = image.shape[:2]
            overlap = 0.0
            if part:
                box = (part.left * width, part.top * height, part.right * width, part.bottom * height)
                overlap = max(find_overlap(box, one) for one in boxes[name])
            together, marked, at_flag = together + joined, marked + bool(part), at_flag + (overlap >= 0.5)
            print(
                f"  {name[len(MARK) :][:50]:50} one cluster {joined}, marked {bool(part)}, IoU {overlap:.2f}"
            )
        print(f"{way}: of {len(repainted)} repainted {together} in one cluster, {marked} marked,")
        print(f"  {at_flag} with a box that covers half of the flag's and its own together")


def main(
    photos: Annotated[Path, typer.Argument(help="Folder of photos, among them the originals.")],
    repainted: Annotated[list[Path], typer.Argument(help="Folders of repainted ones.")],
    labels: Annotated[list[Path] | None, typer.Option(help="Tables of their boxes.")] = None,
    label: Annotated[str, typer.Option(help="The flag painted in.")] = "kanak",
    limit: Annotated[int, typer.Option(help="So many photos for false marks, at random.")] = 100,
    seed: int = 0,
) -> None:
    """Prints what is marked of repainted photos, and how often copies are that were only compressed."""
    cv2.setNumThreads(1)
    found = [path for path in sorted(photos.rglob("*.jpg")) if not path.name.startswith(MARK)]
    of_name = {path.name: path for path in found}
    boxes = read_boxes(labels or [], label)
    originals = {path.name: path for folder in repainted for path in folder.glob(f"{MARK}*")}
    measure_repainted(of_name, {name: path for name, path in originals.items() if name in boxes}, boxes)
    order = np.random.default_rng(seed).permutation(len(found))[:limit]
    compared = wrong = 0
    for name, change in CHANGES.items():
        if name.startswith(CROPPED):
            continue
        marks = 0
        for number in order:
            image = read_image(found[number])
            marks += compare(np.asarray(change(Image.fromarray(image))), image) is not None
        print(f"{name:34} {marks} of {len(order)} copies marked wrongly")
        compared, wrong = compared + len(order), wrong + marks
    print(f"in all {wrong} of {compared}")


if __name__ == "__main__":
    run_script(main)
