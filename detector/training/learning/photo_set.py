"""Real photos with boxes in, a data set in YOLO's layout out: pieces of them, in stated shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from detector.model import EITHER, OTHER
from detector.training.drawing import TARGETS, open_photo
from detector.training.learning.dataset import CHUNK, SAVED_QUALITY, format_labels, is_held_out
from detector.training.photos import Photo, cut_piece, frame_single, read_photos

SINGLES = "flag_crops"  # a folder whose photos are filled by one other flag each
SHARES: Mapping[str, float] = {  # of pieces, by folder
    "azerbaijan": 0.46,
    "kanak": 0.18,
    EITHER: 0.05,
    "other_flags": 0.14,
    "backgrounds": 0.1,
    SINGLES: 0.07,
}
NEGATIVES = ("other_flags", "backgrounds", SINGLES)  # of which one in ten is held out by its content
UNTOLD = ("paper",)  # words of notes on boxes that are not to be learned from


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoSet:
    """Which real photos, and what is made of them; the same makes the same pieces."""

    folders: tuple[Path, ...]
    """Folders as `read_photos` reads them."""
    without: tuple[str, ...] = ()
    """Sources (the start of file names) that are held out."""
    only: tuple[str, ...] = ()
    """Sources that alone are used, if any are named; photos without a target are left out then."""
    seed: int = 1
    size: int = 512
    """Pixels of a side."""


def read_set(photo_set: PhotoSet) -> dict[str, list[Photo]]:
    """The photos to learn from by folder."""
    found: dict[str, list[Photo]] = {}
    for photo in (one for folder in photo_set.folders for one in read_photos(folder)):
        if photo.kind not in SHARES or is_unseen(photo):
            continue
        if photo.source in photo_set.without or (photo_set.only and photo.source not in photo_set.only):
            continue
        if not any(word in note for note in photo.notes for word in UNTOLD):
            found.setdefault(photo.kind, []).append(photo)
    return found


def is_unseen(photo: Photo) -> bool:
    """Whether a photo without a target is held out from training."""
    return photo.kind in NEGATIVES and not photo.labels and is_held_out(photo.path)


def make_pieces(
    photo_set: PhotoSet, out: Path, count: int, *, split: str = "train", workers: int = 2
) -> None:
    """Writes ``count`` pieces as `dataset.make_dataset` does; those that exist are not made again."""
    for kind in ("images", "labels", "others"):
        (out / kind / split).mkdir(parents=True, exist_ok=True)
    starts = range(0, count, CHUNK)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(partial(_write_chunk, photo_set, out, split, count), starts))


_READ: dict[str, Mapping[str, Sequence[Photo]]] = {}


def _write_chunk(photo_set: PhotoSet, out: Path, split: str, count: int, start: int) -> None:
    cv2.setNumThreads(1)
    key = repr(photo_set)
    if key not in _READ:
        _READ[key] = read_set(photo_set)
    photos = _READ[key]
    names = [name for name in SHARES if photos.get(name)]
    shares = np.array([SHARES[name] for name in names])
    for index in range(start, min(start + CHUNK, count)):
        stem = f"photo-{photo_set.seed}-{index:06d}"
        label_path = out / "labels" / split / f"{stem}.txt"
        if label_path.exists():
            continue
        rng = np.random.default_rng([photo_set.seed, index])
        among = photos[names[int(rng.choice(len(names), p=shares / shares.sum()))]]
        photo = among[int(rng.integers(len(among)))]
        image = open_photo(photo.path).astype(np.uint8)
        if photo.kind == SINGLES:
            photo = frame_single(photo, image.shape, OTHER)
        piece = cut_piece(image, photo, photo_set.size, rng)
        path = out / "images" / split / f"{stem}.jpg"
        cv2.imwrite(str(path), piece.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, SAVED_QUALITY])
        lines = list(format_labels(piece.image, piece.labels, piece.xyxy))
        target = [label in TARGETS for label in piece.labels]
        for folder, wanted in (("others", False), ("labels", True)):
            chosen = [line for line, one in zip(lines, target, strict=True) if one == wanted]
            (out / folder / split / f"{stem}.txt").write_text("".join(chosen), encoding="ascii")
