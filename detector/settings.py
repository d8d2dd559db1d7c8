"""What every file of a scan is looked at with."""

from dataclasses import dataclass, field
from pathlib import Path

from detector.frames import Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker is told once; the same for every file.

    The defaults are for a plain look; those of a scan are in `ScanOptions`.
    """

    weights: Path | None = None
    """None where no flag is looked for and pictures are only hashed."""
    trust_weights: bool = False
    """Whether a .pt whose hash its .toml does not hold may be loaded: it can run code."""
    device: str = "cpu"
    threads: int = 1
    """Threads of one worker's network."""
    detail: str = "standard"
    """Level of detail, which sets the sizes in which the network sees an image."""
    floor: float = 0.0
    """Confidence below which detections are forgotten."""
    thresholds: tuple[float, ...] = ()
    """Confidence for each class from which a detection is shown in pictures and tables."""
    sampling: Sampling = field(default_factory=Sampling)
    densify: bool = False
    """Whether a video is looked at more closely around what was seen in it."""
    show_faces: bool = False
    picture_seconds: float = 0.0
    """Of a video, seconds of which only the best frame has a picture while the same is shown; 0: all have."""
    worker_memory: float = 0.0
    """Gigabytes that a worker may take beside what it begins with; 0 for no limit."""
    out: Path = Path()
    """Report folder; pictures are written to `frames/`, `crops/` and `almost/` in it."""
