"""Media in, Frames out: the only package that opens photos and videos."""

from detector.frames.decoders import ffmpeg_version, find_video_decoders, try_photos, try_video
from detector.frames.frame import Coverage, Frame, Sampling
from detector.frames.reading import read_frame_at, read_frames, read_image, read_spans
from detector.frames.repeats import Repeats

__all__ = [
    "Coverage",
    "Frame",
    "Repeats",
    "Sampling",
    "ffmpeg_version",
    "find_video_decoders",
    "read_frame_at",
    "read_frames",
    "read_image",
    "read_spans",
    "try_photos",
    "try_video",
]
