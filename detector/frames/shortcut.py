"""A video's timeline in, which of its packets need no decoding out, packet by packet."""

import av
import numpy as np

from detector.frames.frame import Sampling
from detector.frames.timeline import Clock, Timeline, holds_frame

SKIPPING = ("h264", "hevc", "mpeg4", "mpeg2video")  # decoders that can be told so for each packet
CANDIDATES = 4  # frames of a span that are enough where the next span has a key frame to begin with
MAX_UNREFERRED = 16  # frames in a row that no other is built on: x264 writes no more (X264_BFRAME_MAX)


def find_shortcut(
    stream: av.VideoStream, sampling: Sampling, timeline: Timeline | None
) -> "OnlyKeyFrames | Sampled | None":
    """How to read a video; None when all of it must be decoded."""
    if sampling.keyframes:
        return OnlyKeyFrames()
    return Sampled(stream, timeline, sampling.every_seconds) if timeline and sampling.every_seconds else None


def skip_unreferred(stream: av.VideoStream, *, skip: bool) -> None:
    """Whether the decoder passes over frames that no other is built on, from the next packet on."""
    if stream.codec_context.name in SKIPPING:
        stream.codec_context.skip_frame = "NONREF" if skip else "DEFAULT"


class OnlyKeyFrames:
    """Nothing but the frames that decode without others."""

    def passes_over(self, packet: "av.Packet[av.VideoStream]") -> bool:
        """Whether the next packet of the stream is not to be decoded."""
        return packet.size > 0 and not packet.is_keyframe

    def saw(self, picture: av.VideoFrame, seconds: float) -> None:
        """See `Sampled`."""


class Sampled:
    """What is decoded of a video of which one frame in each span is wanted, and no more.

    Frames that no other is built on are passed over, except in spans so sparse that they may hold no others.
    When `CANDIDATES` frames of a span are there and the next span has a key frame, all up to that is passed
    over. What is decoded is the same to the last pixel as in a video decoded whole.
    """

    def __init__(self, stream: av.VideoStream, timeline: Timeline, every_seconds: float) -> None:
        self._stream = stream
        self._every_seconds = every_seconds
        clock = Clock(stream, timeline)
        seconds = np.maximum(0.0, (timeline.stored - (clock.start or 0)) * clock.time_base)
        spans = (seconds / every_seconds).astype(np.int64)
        keys = np.flatnonzero(np.isin(timeline.stored, timeline.keys))
        first_key = dict(zip(spans[keys[::-1]].tolist(), keys[::-1].tolist(), strict=True))
        names, counts = np.unique(spans, return_counts=True)
        self._next_key = {
            span: first_key[after]
            for span, after in zip(names[:-1].tolist(), names[1:].tolist(), strict=True)
            if after in first_key
        }
        sparse = names[(counts <= MAX_UNREFERRED) & ~np.isin(names, list(first_key))]
        self._whole = np.isin(spans, sparse)
        self._number = -1
        self._resume_at = 0
        self._span, self._candidates = -1, 0

    def passes_over(self, packet: "av.Packet[av.VideoStream]") -> bool:
        """Whether the next packet of the stream is not to be decoded; prepares the decoder if it is."""
        if not holds_frame(packet):
            return False
        self._number += 1
        if self._number < self._resume_at:
            return True
        if self._number == self._resume_at and self._number:
            self._stream.codec_context.flush_buffers()
        skip_unreferred(self._stream, skip=not self._whole[self._number : self._number + 1].any())
        return False

    def saw(self, picture: av.VideoFrame, seconds: float) -> None:
        """Takes note of a decoded frame."""
        span = int(seconds / self._every_seconds)
        if span != self._span:
            self._span, self._candidates = span, 0
        self._candidates += not picture.is_corrupt
        key = self._next_key.get(span, -1)
        if self._candidates >= CANDIDATES and key > self._number:
            self._resume_at = key
