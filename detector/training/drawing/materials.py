"""What pictures are made of: artworks, shapes of cloth, photos, people cut out, real cloth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing.cloth import Shapes
from detector.training.drawing.designs import Designs
from detector.training.drawing.real_cloth import RealCloth
from detector.training.drawing.render import Cutout
from detector.training.drawing.repaint import Repaint

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Materials:
    """What pictures are made of."""

    designs: Designs
    bank: Mapping[str, Shapes]
    backgrounds: Sequence[Path]
    """Photos without a target flag."""
    flag_photos: Sequence[Path]
    """Photos of other flags: real look-alikes."""
    cutouts: Sequence[Cutout] = ()
    """People cut from photos, to stand before a flag."""
    repaints: Sequence[Repaint] = ()
    """Real cloth to paint as a target flag."""
    cloths: Mapping[str, Sequence[RealCloth]] = field(default_factory=dict)
    """Real target flags cut from photos, by label."""


def open_photo(path: Path) -> Picture:
    """A photo as RGB, 0 to 255."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path} is not a picture")
    return np.ascontiguousarray(image[..., ::-1]).astype(np.float32)
