"""Crops in, a trained classifier out: the backbone of a detector with a layer that tells kinds apart."""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.model import EITHER, OTHER, PADDING_GREY, cut_square
from detector.offline import import_ultralytics
from detector.training.drawing import KINDS
from detector.training.learning.crops import CROP_CONTEXT
from detector.training.learning.revive import revive

INPUT_SIZE = 160  # pixels
CONTEXT = 1.25  # sides of the box
LAYERS = 11  # of YOLO11's backbone, down to a 32nd of the input
SHARES: Mapping[tuple[str, str], float] = {  # of a batch, by kind and where a crop is from
    ("azerbaijan", "real"): 0.07,
    ("azerbaijan", "seen"): 0.08,
    ("azerbaijan", "drawn"): 0.05,
    ("azerbaijan", "proposed"): 0.02,
    ("kanak", "real"): 0.05,
    ("kanak", "seen"): 0.06,
    ("kanak", "drawn"): 0.05,
    ("kanak", "proposed"): 0.02,
    (EITHER, "real"): 0.04,
    (EITHER, "seen"): 0.04,
    (EITHER, "drawn"): 0.05,
    (EITHER, "proposed"): 0.02,
    (OTHER, "real"): 0.07,
    (OTHER, "seen"): 0.05,
    (OTHER, "drawn"): 0.1,
    (OTHER, "proposed"): 0.05,
    (OTHER, "photo"): 0.22,
    (OTHER, "window"): 0.03,
}
WARM_BATCHES = 100
REVIVING_CROPS = 256
SMOOTHING = 0.05  # of the labels
DROPOUT = 0.2
TELLING_COLOUR = 28  # levels between the channels of a quarter of the pixels
SAY_EVERY = 60  # seconds

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a classifier is trained."""

    crops: Path
    """Folder of ``make_crops`` and ``make_photo_crops``."""
    base: Path
    """Detector's .pt whose backbone is the start."""
    out: Path
    """File of the trained weights; written every minute."""
    minutes: float
    resume: Path | None = None
    """Weights of an earlier run to go on from, instead of those of the base; or a released .onnx."""
    batch: int = 96
    backbone_rate: float = 3e-4
    head_rate: float = 8e-4
    weight_decay: float = 0.05
    threads: int = 1
    """Of the network; a second one adds little beside the process that prepares crops."""
    workers: int = 1
    """Processes that prepare crops; 0 prepares them in this one."""
    device: str = "cpu"
    """``cpu`` or ``cuda:0``."""
    seed: int = 1


def build_network(base: Path) -> Any:
    """The torch module: crops (n, 3, size, size) in 0..1 in, a logit for each of ``KINDS`` (n, kinds) out."""
    import torch

    class Network(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            detector = import_ultralytics().YOLO(str(base)).model.float()
            self.body = torch.nn.Sequential(*detector.model[:LAYERS])
            with torch.inference_mode():
                channels = self.body(torch.zeros(1, 3, INPUT_SIZE, INPUT_SIZE)).shape[1]
            self.drop = torch.nn.Dropout(DROPOUT)
            self.head = torch.nn.Linear(channels, len(KINDS))

        def forward(self, images: Any) -> Any:
            return self.head(self.drop(self.body(images).float().mean((2, 3))))

    return Network()


def train(options: Options) -> Path:
    """Trains for the minutes given and writes the running mean of the weights (Polyak and Juditsky 1992)."""
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    network = build_network(options.base)
    if options.resume and options.resume.suffix == ".onnx":
        drawn = itertools.islice(draw_crops(options.crops / "train", [options.seed, 0]), REVIVING_CROPS)
        pictures = np.stack([crop for crop, _ in drawn]).transpose(0, 3, 1, 2)
        revive(options.resume, network, torch.from_numpy(pictures).float() / 255)
    elif options.resume:
        network.load_state_dict(torch.load(options.resume))
    network.to(options.device, memory_format=torch.channels_last)
    network.requires_grad_(True)
    mean = deepcopy(network)
    body = list(network.body.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in body if p.ndim > 1], "lr": options.backbone_rate},
            {"params": [p for p in body if p.ndim <= 1], "lr": options.backbone_rate, "weight_decay": 0.0},
            {"params": network.head.parameters(), "lr": options.head_rate},
        ],
        weight_decay=options.weight_decay,
    )
    rates = [group["lr"] for group in optimizer.param_groups]
    network.train()
    started = said = time.monotonic()
    losses: list[float] = []
    for batch, labels in _load_batches(options):
        done = (time.monotonic() - started) / 60 / options.minutes
        if done >= 1:
            break
        share = min(1, len(losses) / WARM_BATCHES) * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * share
        images = (batch.to(options.device).float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.autocast(torch.device(options.device).type, torch.bfloat16):
            logits = network(images)
        loss = torch.nn.functional.cross_entropy(
            logits.float(), labels.to(options.device), label_smoothing=SMOOTHING
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        losses.append(loss.item())
        _follow(mean, network, len(losses))
        if time.monotonic() - said > SAY_EVERY:
            said = time.monotonic()
            crops = len(losses) * options.batch
            speed, loss_now = crops / (said - started), float(np.mean(losses[-200:]))
            logger.info("%.0f %%: %d crops, %.0f a second, loss %.3f", 100 * done, crops, speed, loss_now)
            _save(mean, options.out)
    _save(mean, options.out)
    logger.info("%d crops", len(losses) * options.batch)
    return options.out


def _save(network: Any, out: Path) -> None:
    import torch

    torch.save({name: values.cpu() for name, values in network.state_dict().items()}, out)


def _follow(mean: Any, network: Any, steps: int) -> None:
    import torch

    keep = min(0.999, (1 + steps) / (20 + steps))
    with torch.no_grad():
        for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(keep).add_(new, alpha=1 - keep)
            else:
                old.copy_(new)


def _load_batches(options: Options) -> Any:
    import torch

    class Stream(torch.utils.data.IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Iterator[tuple[Any, int]]:
            worker = torch.utils.data.get_worker_info()
            cv2.setNumThreads(1)
            for image, kind in draw_crops(
                options.crops / "train", [options.seed, worker.id if worker else 0]
            ):
                yield torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))), kind

    return torch.utils.data.DataLoader(
        Stream(),
        batch_size=options.batch,
        num_workers=options.workers,
        prefetch_factor=4 if options.workers else None,
    )


def draw_crops(folder: Path, seed: Sequence[int]) -> Iterator[tuple[Image, int]]:
    """Crops as the classifier sees them, changed by chance, with their numbers in ``KINDS``; for ever."""
    rng = np.random.default_rng(list(seed))
    groups = {(kind, source): sorted((folder / kind).glob(f"{source}*.jpg")) for kind, source in SHARES}
    known = [key for key, paths in groups.items() if paths]
    shares = np.array([SHARES[key] for key in known])
    while True:
        key = known[int(rng.choice(len(known), p=shares / shares.sum()))]
        path = groups[key][int(rng.integers(len(groups[key])))]
        crop = cv2.imread(str(path))
        if crop is None:
            raise ValueError(f"{path} is not a picture")
        window = _cut_window(np.ascontiguousarray(crop[..., ::-1]).astype(np.uint8), rng)
        flag = key[0] != OTHER
        if flag and not is_telling(window):
            continue
        changed = change(window.copy(), rng)
        yield window if flag and not is_telling(changed) else changed, KINDS.index(key[0])


def is_telling(window: Image) -> bool:
    """Whether the middle of a window has enough colour for a flag to be told, as not in the dark."""
    edge = len(window) // 5
    middle = window[edge:-edge, edge:-edge].astype(np.int16)
    return bool(np.percentile(np.ptp(middle, axis=2), 75) >= TELLING_COLOUR)


def _cut_window(crop: Image, rng: np.random.Generator) -> Image:
    """About the middle of a stored crop, moved, scaled, turned, slanted, stretched and mirrored by chance."""
    side = len(crop) / CROP_CONTEXT * float(np.exp(rng.normal(0, 0.16)))
    centre = len(crop) / 2 + rng.normal(0, 0.075 * side, 2)
    box = np.array([*(centre - side / 2), *(centre + side / 2)])
    window = cut_square(crop, box, size=INPUT_SIZE, context=CONTEXT)
    if rng.random() < 0.6:
        middle = np.full(2, INPUT_SIZE / 2)
        turn = cv2.getRotationMatrix2D(middle.tolist(), float(rng.normal(0, 9)), 1)[:, :2]
        stretch = np.diag(np.exp(rng.normal(0, 0.15, 2)))
        matrix = turn @ np.array([[1, rng.normal(0, 0.12)], [rng.normal(0, 0.12), 1]]) @ stretch
        window = np.asarray(
            cv2.warpAffine(
                window,
                np.column_stack([matrix, middle - matrix @ middle]),
                (INPUT_SIZE, INPUT_SIZE),
                borderValue=(PADDING_GREY,) * 3,
            ),
            np.uint8,
        )
    return np.ascontiguousarray(window[:, ::-1] if rng.random() < 0.5 else window)


def change(crop: Image, rng: np.random.Generator) -> Image:
    """Another camera, light, compression or something in front."""
    size = len(crop)
    if rng.random() < 0.35:
        side = max(12, int(size * rng.uniform(0.15, 0.7)))
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        how = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
        crop = np.asarray(cv2.resize(small, (size, size), interpolation=how), np.uint8)
    picture: NDArray[Any] = crop.astype(np.float32)
    if rng.random() < 0.8:
        grey = picture.mean(axis=2, keepdims=True)
        picture = grey + rng.uniform(0.55, 1.35) * (picture - grey)
        picture = (picture - 128) * rng.uniform(0.7, 1.3) + 128 + rng.uniform(-35, 35)
        balance = np.array([rng.uniform(0.88, 1.12), 1, rng.uniform(0.85, 1.12)])
        picture = 255 * np.clip(picture * balance / 255, 0, 1) ** rng.uniform(0.7, 1.5)
    if rng.random() < 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.8)))
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(2, 12), picture.shape)
    crop = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))])
        crop = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    for _ in range(int(rng.integers(1, 3)) if rng.random() < 0.3 else 0):
        left, top = (int(rng.uniform(0, 0.9) * size) for _ in range(2))
        part = crop[
            top : top + int(rng.uniform(0.1, 0.5) * size), left : left + int(rng.uniform(0.1, 0.4) * size)
        ]
        part[:] = rng.integers(0, 256, 3) if rng.random() < 0.5 else part.mean((0, 1)) * rng.uniform(0.2, 1)
    return crop
