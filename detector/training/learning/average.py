"""Weights from several points of one training in, their mean out.

The mean of models that were fine-tuned from each other is often better than each (Wortsman and others 2022).
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detector.errors import UsageError


def average(shares: Mapping[Path, float], out: Path) -> Path:
    """Writes the mean of weights of ultralytics or of classifiers, each with its share; they add up to 1.

    Raises UsageError where they do not, or where a file holds no weights.
    """
    import torch

    if abs(sum(shares.values()) - 1) > 1e-6:
        raise UsageError(f"shares add up to {sum(shares.values())}, not to 1")
    saved = [_load(path) for path in shares]
    whole = "model" in saved[0]  # a classifier is saved as its state alone
    models = [(one.get("ema") or one["model"]).float() for one in saved] if whole else []
    states = [model.state_dict() for model in models] or saved
    mean = {}
    for key, first in states[0].items():
        parts = [share * state[key].float() for share, state in zip(shares.values(), states, strict=True)]
        mean[key] = sum(parts) if first.is_floating_point() else first
    if whole:
        models[0].load_state_dict(mean)
        mean = {**saved[0], "model": models[0], "ema": None}
    torch.save(mean, out)
    return out


def _load(path: Path) -> dict[str, Any]:
    import torch

    try:
        saved = torch.load(path, map_location="cpu", weights_only=False)  # our own: it may run what it holds
    except (pickle.UnpicklingError, EOFError, RuntimeError):
        saved = None
    if not isinstance(saved, dict):
        raise UsageError(f"{path} holds no weights; name a .pt of train.py or train_classifier.py")
    return saved
