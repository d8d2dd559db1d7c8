"""What reading media gives: frames, how they were chosen, how much was read."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.formats import Kind
from detector.frames.timeline import Timeline

PHOTO_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture with its time."""

    index: int
    """Count of the frames of its stream that are shown before it, whether or not they were decoded, and
    `STREAM_FRAMES` for each stream before its own."""
    time_seconds: float
    """Presentation time minus the start of the stream; 0 for photos."""
    image: NDArray[np.uint8]
    """Upright RGB, shape (height, width, 3); only to be read."""
    resolution_wh: tuple[int, int]
    """Pixels of the file's own picture; more than those of `image` where that was decoded smaller."""
    page: int = 0
    """Count of the pictures of the file before this one; 0 for the one that viewers show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which frames of a video are given out."""

    every_seconds: float = 1.0
    """One frame from each span of this length, the sharpest of those that `Sampled` decodes; 0 gives all."""
    keyframes: bool = False
    """Only frames that decode without others."""
    photo_side: int = 0
    """Pixels that the long side of a JPEG photo must have at least: a larger one is decoded at a half, a
    quarter or an eighth where that leaves as many, which is much faster. With 0 it is not."""
    photo_bytes: int = PHOTO_BYTES
    """Memory that decoding a photo may take. A JPEG is decoded smaller to need no more, others refused."""
    max_seconds: float = float("inf")
    """Working time after which reading a file ends with a reason."""


@dataclass(slots=True)
class Coverage:
    """What has been read of one file; counts up while its frames are read."""

    kind: Kind
    width: int = 0
    """Pixels of the first upright frame; 0 while none is known."""
    height: int = 0
    frames_read: int = 0
    """Frames given out."""
    frames_unreadable: int = 0
    """Damaged packets and frames, passed over or given out in part."""
    read_seconds: float = 0.0
    """End of the last frame that was decoded or passed over."""
    declared_seconds: float = 0.0
    """Length the file claims; 0 when it claims none."""
    captured_at: str = ""
    """Time of capture the file claims, ISO 8601, with its offset from UTC if that is known."""
    notes: list[str] = field(default_factory=list)
    """What the row's reason is to say besides a failure: what was not looked at, or not taken as it is."""
    timelines: dict[int, Timeline] = field(default_factory=dict, compare=False)
    """Of the streams of a video that have been read, by number; `read_spans` needs them."""
