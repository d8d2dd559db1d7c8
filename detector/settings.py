"""What every file of a scan is looked at with."""

from dataclasses import dataclass
from pathlib import Path

from detector.frames import Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker is told once; the same for every file."""

    weights: Path | None
    """None where no flag is looked for and pictures are only hashed."""
    trust_weights: bool
    """Whether a .pt whose hash its .toml does not hold may be loaded: it can run code."""
    device: str
    threads: int
    """Threads of one worker's network."""
    detail: str
    """Level of detail, which sets the sizes in which the network sees an image."""
    floor: float
    """Confidence below which detections are forgotten."""
    thresholds: tuple[float, ...]
    """Confidence for each class from which a detection is shown in pictures and tables."""
    sampling: Sampling
    densify: bool
    """Whether a video is looked at more closely around what was seen in it."""
    show_faces: bool
    picture_seconds: float
    """Of a video, seconds of which only the best frame has a picture while the same is shown; 0: all have."""
    worker_memory: float
    """Gigabytes that a worker may take beside what it begins with; 0 for no limit."""
    out: Path
    """Report folder; pictures are written to `frames/`, `crops/` and `almost/` in it."""
