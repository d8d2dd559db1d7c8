"""Pictures in, crops to train the classifier on out: squares around boxes, in a folder for each kind.

A crop holds twice what the classifier sees, so that training can move and scale its window.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from detector.model import EITHER, OTHER, Model, cut_square, load_model
from detector.training.drawing import KINDS, MIN_PLAIN_SIZE, Example, make_example, open_photo
from detector.training.learning.dataset import (
    CHUNK,
    SAVED_QUALITY,
    Recipe,
    find_photos,
    hash_file,
    share_materials,
    split_seed,
)

CROP_CONTEXT = 2.5  # sides of the box: twice what the classifier sees
MAX_SIDE, MIN_SIDE = 320, 24  # pixels of a stored crop
PROPOSED = 0.02  # confidence from which the detector's boxes on generated pictures are crops
PROPOSED_ON_PHOTO = (
    0.003  # on photos, which the detector has seen in training, it is surer that nothing is there
)
MAX_PROPOSED, MAX_ON_PHOTO, WINDOWS = 6, 40, 12  # of one picture
SAME_IOU, APART_IOU = 0.5, 0.15
UNSEEN, SEEN = 0.12, 0.35  # of an emblem: below it might as well be missing, from here on it tells the flag

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]


def make_crops(recipe: Recipe, weights: Path, out: Path, *, counts: dict[str, int], workers: int = 2) -> None:
    """Writes the crops of ``counts[split]`` generated pictures and of all photos of each split.

    Folders are ``SPLIT/KIND``; a name begins with where a crop is from: ``drawn`` (the truth of a generated
    picture), ``proposed`` (what the detector with these weights sees there), ``photo`` (what it sees in
    photos without a target flag), ``window`` (any piece of them). Chunks that exist are not made again.
    """
    for split in counts:
        for kind in KINDS:
            (out / split / kind).mkdir(parents=True, exist_ok=True)
    tasks = [(split, start) for split, count in counts.items() for start in range(0, count, CHUNK)]
    photos = [
        (split, path)
        for split in counts
        for path in find_photos([*recipe.backgrounds, *recipe.flag_photos], split)
    ]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(partial(_write_generated, recipe, weights, out, counts), tasks))
        list(pool.map(partial(_write_photo, recipe, weights, out), photos, chunksize=8))


def _write_generated(
    recipe: Recipe, weights: Path, out: Path, counts: dict[str, int], task: tuple[str, int]
) -> None:
    split, start = task
    done = out / split / f"{recipe.seed}-{start:06d}.done"
    if done.exists():
        return
    for index in range(start, min(start + CHUNK, counts[split])):
        example = make_example(
            share_materials(recipe, split), split_seed(recipe.seed, split), index, size=recipe.size
        )
        labels = [*name_kinds(example), *example.other_labels]
        xyxy = np.vstack([example.xyxy, example.other_xyxy])
        crops = [("drawn", label, box) for label, box in zip(labels, xyxy, strict=True)]
        crops += [
            ("proposed", label, box) for label, box in _label_proposed(example.image, labels, xyxy, weights)
        ]
        for number, (source, label, box) in enumerate(crop for crop in crops if crop[1]):
            name = f"{source}-{recipe.seed}-{index:06d}-{number}.jpg"
            write_crop(example.image, box, out / split / label / name)
    done.touch()


def name_kinds(example: Example) -> list[str]:
    """What a person could say of each target flag: hidden in folds its emblem might as well be missing.

    Empty where it is half seen. On small flags it is asked for in vain, and the label stays.
    """
    kinds = []
    for label, box, emblem in zip(example.labels, example.xyxy, example.emblems, strict=True):
        small = (box[2:] - box[:2]).max() < MIN_PLAIN_SIZE
        kinds.append(label if small or emblem >= SEEN else EITHER if emblem < UNSEEN else "")
    return kinds


def _label_proposed(
    image: Image, labels: Sequence[str], truth: Boxes, weights: Path
) -> Iterator[tuple[str, Boxes]]:
    """What the detector sees in a generated picture, with the truth; what lies half on a flag is left out."""
    (detections,) = share_model(weights, "fast").detect([image], PROPOSED)
    boxes = detections.xyxy[:MAX_PROPOSED]
    overlap = sv.box_iou_batch(boxes, truth) if len(boxes) and len(truth) else np.zeros((len(boxes), 1))
    for box, row in zip(boxes, overlap, strict=True):
        if row.max() >= SAME_IOU:
            yield labels[int(row.argmax())], box
        elif row.max() < APART_IOU and not _covered(box, labels, truth):
            yield OTHER, box


def _covered(box: Boxes, labels: Sequence[str], truth: Boxes) -> bool:
    """Whether a good part of the box shows a target flag."""
    flags = truth[[label != OTHER for label in labels]]
    shared = np.minimum(flags[:, 2:], box[2:]) - np.maximum(flags[:, :2], box[:2])
    area = max(float(np.prod(box[2:] - box[:2])), 1.0)
    return bool((shared.clip(0).prod(axis=1) / area > 0.3).any())


def _write_photo(recipe: Recipe, weights: Path, out: Path, task: tuple[str, Path]) -> None:
    """What the detector sees in a photo and its mirror image, and pieces of it: none shows a target."""
    split, path = task
    digest = hash_file(path)[:12]
    folder = out / split / OTHER
    if (folder / f"window-{digest}-0.jpg").exists():
        return
    image = open_photo(path).astype(np.uint8)
    height, width = image.shape[:2]
    model = share_model(weights, "standard")
    as_is, mirrored = model.detect([image, np.ascontiguousarray(image[:, ::-1])], PROPOSED_ON_PHOTO)
    turned = mirrored.xyxy * [-1, 1, -1, 1] + [width, 0, width, 0]
    boxes = np.vstack([as_is.xyxy, turned[:, [2, 1, 0, 3]]]).astype(np.float32)
    confidence = np.concatenate([np.asarray(one.confidence) for one in (as_is, mirrored)])
    rows = np.column_stack([boxes, confidence, np.zeros(len(boxes))])
    kept = boxes[sv.box_non_max_suppression(rows, 0.8)][:MAX_ON_PHOTO] if len(boxes) else boxes
    for number, box in enumerate(kept):
        write_crop(image, box, folder / f"photo-{digest}-{number}.jpg")
    rng = np.random.default_rng(int(digest, 16))
    for number in range(WINDOWS - 1, -1, -1):  # number 0 last: it says that the photo is done
        side = float(np.exp(rng.uniform(np.log(16), np.log(0.9 * min(height, width)))))
        extent = np.array([side, side * rng.uniform(0.4, 1.2)])
        corner = rng.uniform(0, 1, 2) * np.maximum([width, height] - extent, 1)
        whole = path.parent in recipe.flag_photos and number == 0
        box = np.array([0, 0, width, height]) if whole else np.concatenate([corner, corner + extent])
        write_crop(image, box, folder / f"window-{digest}-{number}.jpg")


def write_crop(image: Image, box: NDArray[np.floating], path: Path) -> None:
    """Writes the square around a box, with what training may move its window over."""
    side = float((box[2:] - box[:2]).max()) * CROP_CONTEXT
    crop = cut_square(image, box, size=int(np.clip(side, MIN_SIDE, MAX_SIDE)), context=CROP_CONTEXT)
    cv2.imwrite(str(path), crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, SAVED_QUALITY])


@functools.cache
def share_model(weights: Path, detail: str) -> Model:
    """The detector alone, once for each process."""
    cv2.setNumThreads(1)
    return load_model(weights, detail=detail, classified=False)
