"""Photos of other flags in, the same cloth painted as a target flag out: real folds and real light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HELD_OUT_EVERY = 10


@dataclass(frozen=True, slots=True)
class Repaint:
    """Real cloth without its artwork."""

    photo: NDArray[np.uint8]
    """``(height, width, 3)`` RGB of the whole photo."""
    uv: NDArray[np.float32]
    """``(height, width, 2)``: where on the flag each pixel lies, 0 to 1."""
    shade: NDArray[np.float32]
    """``(height, width)``: brightness of the cloth, around 1."""
    alpha: NDArray[np.float32]
    """``(height, width)``: share of each pixel that is cloth."""


def load_repaints(path: Path, split: str) -> Sequence[Repaint]:
    """The prepared photos of a split, ``train`` or another."""
    repaints = []
    with np.load(path) as stored:
        names = sorted({name.split("/")[0] for name in stored.files})
        for number, name in enumerate(names):
            if (number % HELD_OUT_EVERY > 0) == (split == "train"):
                maps = stored[f"{name}/maps"].astype(np.float32)
                repaints.append(Repaint(stored[f"{name}/photo"], maps[..., :2], maps[..., 2], maps[..., 3]))
    return repaints
