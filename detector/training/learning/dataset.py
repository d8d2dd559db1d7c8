"""Materials in, a data set in YOLO's folder layout out: images, boxes, and what made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import UsageError
from detector.training.drawing import (
    KINDS,
    TARGETS,
    Materials,
    load_bank,
    load_cloths,
    load_cutouts,
    load_designs,
    load_repaints,
    make_example,
)

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
HELD_OUT_EVERY = 10  # one photo in ten of each folder is kept for calibration: no picture in two splits
SAVED_QUALITY = 93  # of JPEG: above what pictures were already degraded to
CHUNK = 16  # pictures a worker makes at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a data set is made from; the same recipe makes the same files."""

    artwork: Path
    """Folder of the SVG files drawn by this project."""
    bank: Path
    """File of simulated cloth."""
    flags: Path
    """Folder of other nations' flags as PNG."""
    backgrounds: tuple[Path, ...]
    """Folders of photos without a target flag."""
    flag_photos: tuple[Path, ...] = ()
    """Folders of photos of other flags."""
    cutouts: Path | None = None
    """File of people cut from photos."""
    repaints: Path | None = None
    """File of real cloth prepared for repainting."""
    cloths: Path | None = None
    """File of real target flags cut from photos."""
    seed: int = 1
    """Of the whole set; each picture has its own stream."""
    size: int = 448
    """Pixels of a side."""


def make_dataset(recipe: Recipe, out: Path, *, counts: dict[str, int], workers: int = 2) -> Path:
    """Writes ``counts[split]`` pictures of each split and ``data.yaml``; returns the latter.

    ``others/`` holds the boxes of flags that are no target, for `evaluate`: numbers as in `KINDS`.
    Pictures that exist already are not made again, so a stopped run goes on where it was.
    """
    for split in counts:
        for kind in ("images", "labels", "others"):
            (out / kind / split).mkdir(parents=True, exist_ok=True)
    tasks = [(split, start) for split, count in counts.items() for start in range(0, count, CHUNK)]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(partial(_write_chunk, recipe, out, counts), tasks))
    names = "\n".join(f"  {number}: {name}" for number, name in enumerate(TARGETS))
    data = out / "data.yaml"
    lines = [f"path: {out.resolve()}", *(f"{split}: images/{split}" for split in counts), "names:", names]
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "recipe.json").write_text(json.dumps(describe_recipe(recipe), indent=1) + "\n", encoding="utf-8")
    return data


def describe_recipe(recipe: Recipe) -> dict[str, str | int]:
    """The seed, the size and a digest of every photo used, by split."""
    described: dict[str, str | int] = {"seed": recipe.seed, "size": recipe.size}
    for split in ("train", "val"):
        photos = [*find_photos(recipe.backgrounds, split), *find_photos(recipe.flag_photos, split)]
        digests = "".join(hash_file(path) for path in photos)
        described[f"{split}_photos"] = len(photos)
        described[f"{split}_sha256"] = hashlib.sha256(digests.encode()).hexdigest()
    return described


def find_photos(folders: Sequence[Path], split: str) -> list[Path]:
    """The photos of a split, ``train`` or another, in a stable order; by content, so copies stay together."""
    photos = [
        path
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in PHOTO_SUFFIXES
    ]
    return [path for path in photos if is_held_out(path) == (split != "train")]


def is_held_out(photo: Path) -> bool:
    """Whether a photo is in no training picture: by its content, so that copies stay together."""
    return int(hash_file(photo)[:8], 16) % HELD_OUT_EVERY == 0


def hash_file(path: Path) -> str:
    """SHA-256 of the content, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_materials(recipe: Recipe, split: str) -> Materials:
    """Everything that the pictures of a split are made of, and nothing of another split."""
    bank = load_bank(recipe.bank)
    chosen = {
        name: shapes[(np.arange(len(shapes)) % HELD_OUT_EVERY > 0) == (split == "train")]
        for name, shapes in bank.items()
    }
    backgrounds = find_photos(recipe.backgrounds, split)
    if not backgrounds:
        places = ", ".join(str(folder) for folder in recipe.backgrounds)
        raise UsageError(f"no photos in {places} for the split {split}, which gets its own: more are needed")
    return Materials(
        designs=load_designs(recipe.artwork, recipe.flags),
        bank=chosen,
        backgrounds=backgrounds,
        flag_photos=find_photos(recipe.flag_photos, split),
        cutouts=load_cutouts(recipe.cutouts, split) if recipe.cutouts else (),
        repaints=load_repaints(recipe.repaints, split) if recipe.repaints else (),
        cloths=load_cloths(recipe.cloths, split) if recipe.cloths else {},
    )


_LOADED: dict[tuple[str, str], Materials] = {}


def _write_chunk(recipe: Recipe, out: Path, counts: dict[str, int], task: tuple[str, int]) -> None:
    cv2.setNumThreads(1)
    split, start = task
    for index in range(start, min(start + CHUNK, counts[split])):
        name = f"{recipe.seed}-{index:06d}"
        label_path = out / "labels" / split / f"{name}.txt"
        if label_path.exists():
            continue
        example = make_example(
            share_materials(recipe, split), split_seed(recipe.seed, split), index, size=recipe.size
        )
        image_path = out / "images" / split / f"{name}.jpg"
        cv2.imwrite(str(image_path), example.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, SAVED_QUALITY])
        others = format_labels(example.image, example.other_labels, example.other_xyxy)
        (out / "others" / split / f"{name}.txt").write_text("".join(others), encoding="ascii")
        targets = format_labels(example.image, example.labels, example.xyxy)
        label_path.write_text("".join(targets), encoding="ascii")


def share_materials(recipe: Recipe, split: str) -> Materials:
    """``load_materials``, once for each process."""
    key = (repr(recipe), split)
    if key not in _LOADED:
        _LOADED.clear()
        _LOADED[key] = load_materials(recipe, split)
    return _LOADED[key]


def split_seed(seed: int, split: str) -> int:
    """The seed of a split's pictures: no picture is in two splits."""
    return seed * 100 + (0 if split == "train" else 1)


def format_labels(
    image: NDArray[np.uint8], labels: Sequence[str], xyxy: NDArray[np.float32]
) -> Iterator[str]:
    """Lines of YOLO's text format: number in ``KINDS``, centre and size as shares of the picture."""
    height, width = image.shape[:2]
    for label, (left, top, right, bottom) in zip(labels, xyxy, strict=True):
        shares = (
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        )
        yield f"{KINDS.index(label)} " + " ".join(f"{share:.6f}" for share in shares) + "\n"
