"""Real photos with boxes in, crops of their flags out: the truth, and what the detector proposes there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from detector.model import EITHER, OTHER, suppress
from detector.training.drawing import KINDS, MIN_PLAIN_SIZE, TARGETS, open_photo
from detector.training.learning.crops import share_model, write_crop
from detector.training.learning.dataset import hash_file
from detector.training.learning.photo_set import SINGLES, PhotoSet, read_set
from detector.training.photos import Photo, frame_single

PROPOSED = 0.003  # confidence from which the detector's boxes are crops
VIEWS = (1.0, 0.6, 0.36)  # times: sizes a photo is proposed from, each as it is and mirrored
MAX_PROPOSED = 24  # of one view
SAME_CROP = 0.85  # overlap from which one crop will do
SAME_IOU, PART_IOU, APART_IOU = 0.5, 0.3, 0.1
COVERED = 0.3  # of a box that shows a target flag: then it is not called other
HIDDEN = "emblem hidden"  # a note
UNTAUGHT = ("facade", "standard")  # words of notes on boxes that are taught as nothing

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]


def make_photo_crops(
    photo_set: PhotoSet, weights: Path, out: Path, *, split: str = "train", workers: int = 2
) -> None:
    """Writes crops to ``SPLIT/KIND`` as `crops.make_crops` does; photos that are done are not done again.

    Names begin with ``real`` (the truth), ``seen`` (what the detector proposes that is a flag of the kind, or
    a good part of one) or ``photo`` (what it proposes that is none).
    """
    for kind in KINDS:
        (out / split / kind).mkdir(parents=True, exist_ok=True)
    photos = [photo for among in read_set(photo_set).values() for photo in among]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(partial(_write_photo, weights, out / split), photos, chunksize=4))


def name_kinds(photo: Photo) -> list[str]:
    """What a person could say of each box: with its emblem hidden a large flag might be either.

    Empty where it is to be taught as nothing.
    """
    kinds = []
    for label, box, note in zip(
        photo.labels, photo.xyxy, photo.notes or [""] * len(photo.labels), strict=True
    ):
        large = (box[2:] - box[:2]).max() >= MIN_PLAIN_SIZE
        taught = not any(word in note for word in UNTAUGHT)
        kinds.append((EITHER if HIDDEN in note and large else label) if taught else "")
    return [*kinds, *photo.other_labels]


def _write_photo(weights: Path, out: Path, photo: Photo) -> None:
    digest = hash_file(photo.path)[:12]
    done = out / f"{digest}.done"
    if done.exists():
        return
    cv2.setNumThreads(1)
    image = open_photo(photo.path).astype(np.uint8)
    if photo.kind == SINGLES:
        photo = frame_single(photo, image.shape, OTHER)
    kinds, truth = name_kinds(photo), np.vstack([photo.xyxy, photo.other_xyxy])
    for number, (kind, box) in enumerate(zip(kinds, truth, strict=True)):
        if kind:
            write_crop(image, box, out / kind / f"real-{photo.kind}-{digest}-{number}.jpg")
    proposed = propose(image, weights) if photo.kind != SINGLES else truth[:0]
    crowd = any("crowd" in note for note in photo.notes)
    for number, (source, kind, box) in enumerate(_label(proposed, kinds, truth)):
        if kind and not (crowd and source == "photo"):
            write_crop(image, box, out / kind / f"{source}-{photo.kind}-{digest}-{number}.jpg")
    done.touch()


def propose(image: Image, weights: Path) -> Boxes:
    """What the detector sees in an image and its mirror image, looked at in several sizes."""
    model, width = share_model(weights, "standard"), image.shape[1]
    found = []
    for scale in VIEWS:
        view = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        as_is, mirrored = model.detect([view, np.ascontiguousarray(view[:, ::-1])], PROPOSED)
        turned = (mirrored.xyxy / scale) * [-1, 1, -1, 1] + [width, 0, width, 0]
        found += [as_is.xyxy[:MAX_PROPOSED] / scale, turned[:MAX_PROPOSED, [2, 1, 0, 3]]]
    boxes = np.vstack(found).astype(np.float32)
    order = np.linspace(1, 0.5, len(boxes))
    return boxes[suppress(boxes, order, SAME_CROP)]


def _label(boxes: Boxes, kinds: Sequence[str], truth: Boxes) -> Iterator[tuple[str, str, Boxes]]:
    """Where each proposal is from and what it shows; what lies half on a flag is left out."""
    overlap = sv.box_iou_batch(boxes, truth) if len(boxes) and len(truth) else np.zeros((len(boxes), 1))
    targets = truth[[kind != OTHER for kind in kinds]]
    for box, row in zip(boxes, overlap, strict=True):
        if row.max() >= PART_IOU:
            kind = kinds[int(row.argmax())]
            if row.max() >= SAME_IOU or kind in TARGETS:
                yield "seen", kind, box
        elif row.max() < APART_IOU and not _covers(box, targets):
            yield "photo", OTHER, box


def _covers(box: Boxes, targets: Boxes) -> bool:
    shared = (np.minimum(targets[:, 2:], box[2:]) - np.maximum(targets[:, :2], box[:2])).clip(0)
    return bool((shared.prod(axis=1) / max(float(np.prod(box[2:] - box[:2])), 1.0) > COVERED).any())
