"""A data set and start weights in, trained weights out: ultralytics' trainer, made quick on CPU and GPU."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.offline import import_ultralytics

WARM_UP_BATCHES = 30
FINAL_SHARE = 0.02  # of the learning rate, at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Settings of a run; what is not here keeps ultralytics' default."""

    epochs: int = 4
    batch: int = 16
    size: int = 480
    """Pixels of a side in training, on average."""
    scale_range: float = 0.34
    """Each batch is this share smaller or larger at most: up to 640 px, so that flags fill a whole photo."""
    learning_rate: float = 0.002
    mosaic: float = 0.3
    """Share of pictures made of four."""
    zoom: float = 0.4
    """Each picture is this share smaller or larger at most."""
    freeze: int = 0
    """Number of first layers that stay as they are."""
    minutes: float = 0
    """The run ends after this time at the latest, its learning rate with it; 0 sets no limit."""
    point_minutes: float = 8
    """A point of the run is kept every so often, beside what ultralytics keeps after an epoch."""
    threads: int = 2
    workers: int = 1
    """Processes that prepare pictures."""
    device: str = "cpu"
    """``cpu`` or ``cuda:0``."""
    seed: int = 0


def train(start: str, data: Path, out: Path, options: TrainOptions | None = None) -> Path:
    """Fine-tunes ``start`` on ``data``, returns the last weights; goes on with a stopped run in ``out``."""
    options = options or TrainOptions()
    out = out.absolute()  # ultralytics puts what is relative into a folder of its own
    last = out / "weights" / "last.pt"
    with _quick_cpu():
        trainer_class = _make_trainer_class(options)
        overrides: dict[str, Any] = {
            "model": str(last if last.exists() else start),
            "data": str(data),
            "epochs": options.epochs,
            "time": options.minutes / 60 or None,
            "batch": options.batch,
            "imgsz": options.size,
            "lr0": options.learning_rate,
            "mosaic": options.mosaic,
            "seed": options.seed,
            "freeze": options.freeze or None,
            "project": str(out.parent),
            "name": out.name,
            "exist_ok": True,
            "device": options.device,
            "workers": options.workers,
            "cache": False,  # decoding costs little; 10,000 pictures in memory, much
            "optimizer": "AdamW",
            "warmup_epochs": 0,
            "close_mosaic": 1,
            "val": False,
            "plots": False,
            "save_period": 1,
            "multi_scale": options.scale_range,
            "amp": "bf16" if options.device != "cpu" else False,  # on a CPU: see _quick_cpu
            "deterministic": options.device == "cpu",
            "hsv_h": 0.008,
            "hsv_s": 0.35,
            "hsv_v": 0.3,
            "scale": options.zoom,
            "degrees": 4.0,
            "translate": 0.1,
            "fliplr": 0.5,
            "nbs": options.batch,
            "verbose": False,
            "resume": last.exists(),
        }
        trainer_class(overrides=overrides).train()
    return last


@contextmanager
def _quick_cpu() -> Iterator[None]:
    """bfloat16 where the processor has it, and the memory order its convolutions like: much faster."""
    import_ultralytics()
    import torch

    with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
        yield


def _make_trainer_class(options: TrainOptions) -> Any:
    import torch
    from ultralytics.models.yolo.detect import DetectionTrainer

    class Trainer(DetectionTrainer):  # type: ignore[misc]
        model: Any

        def setup_model(self) -> Any:
            found = super().setup_model()
            torch.set_num_threads(options.threads)  # ultralytics leaves one core idle
            self.model = self.model.to(memory_format=torch.channels_last)
            return found

        def anneal(self) -> None:
            """Lowers the learning rate batch by batch, by time where it is short; ultralytics: by epoch."""
            self.batches = getattr(self, "batches", self.start_epoch * len(self.train_loader)) + 1
            done = self.batches / (options.epochs * len(self.train_loader))
            if options.minutes:
                done = max(done, (time.time() - self.train_time_start) / (60 * options.minutes))
            warm = min(1.0, self.batches / WARM_UP_BATCHES)
            rate = (
                options.learning_rate
                * warm
                * (FINAL_SHARE + (1 - FINAL_SHARE) * (1 + math.cos(math.pi * min(done, 1))) / 2)
            )
            for group in self.optimizer.param_groups:
                group["lr"] = rate

        def keep_point(self) -> None:
            """Saves the averaged weights as they are now: to go on from, or for ``average``."""
            minutes = (time.time() - self.train_time_start) / 60
            if minutes < options.point_minutes * (getattr(self, "points", 0) + 1):
                return
            self.points = getattr(self, "points", 0) + 1
            model = deepcopy(self.ema.ema).half().to(memory_format=torch.contiguous_format)
            model.criterion = None
            saved = {"model": None, "ema": model, "train_args": vars(self.args), "epoch": -1}
            torch.save(saved, self.wdir / f"point{self.points:02d}.pt")

        def final_eval(self) -> None:
            """Nothing: `evaluate` measures, and looking at all pictures once more takes minutes."""

        def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
            self.anneal()
            self.keep_point()
            batch = super().preprocess_batch(batch)
            batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
            return batch

    return Trainer
