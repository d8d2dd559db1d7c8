"""Weights from several points of one training in, their mean out.

The mean of models that were fine-tuned from each other is often better than each (Wortsman and others 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def average(shares: Mapping[Path, float], out: Path) -> Path:
    """Writes the mean of weights of ultralytics or of classifiers, each with its share; they add up to 1."""
    import torch

    if abs(sum(shares.values()) - 1) > 1e-6:
        raise ValueError(f"shares add up to {sum(shares.values())}, not to 1")
    saved = [torch.load(path, map_location="cpu", weights_only=False) for path in shares]
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
