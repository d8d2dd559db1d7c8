"""A video's timeline in, which of its packets need no decoding out, packet by packet."""

import av
import numpy as np

from detector.frames.frame import Sampling
from detector.frames.timeline import Timeline, holds_frame

SKIPPING = ("h264", "hevc", "mpeg4", "mpeg2video")  # decoders that can be told so for each packet
SKIPPING_ALWAYS = ("libdav1d",)  # those that must be told before their first, and heed it to the end
CANDIDATES = 4  # frames of a span that are enough where the next span has a key frame to begin with
MAX_UNREFERRED = 16  # frames in a row that no other is built on: x264 writes no more (X264_BFRAME_MAX)


def find_shortcut(
    stream: av.VideoStream, sampling: Sampling, timeline: Timeline | None
) -> "OnlyKeyFrames | Sampled | None":
    """How to read a video; None when all of it must be decoded."""
    if sampling.keyframes:
        return OnlyKeyFrames()
    if not timeline or not timeline.is_counted or not sampling.every_seconds:
        return None
    return Sampled(stream, timeline, sampling.every_seconds)


def skip_unreferred(stream: av.VideoStream, *, skip: bool) -> None:
    """Whether the decoder passes over frames that no other is built on, from the next packet on."""
    if stream.codec_context.name in SKIPPING:
        stream.codec_context.skip_frame = "NONREF" if skip else "DEFAULT"


class OnlyKeyFrames:
    """Nothing but the frames that decode without others."""

    def passes_over(self, number: int, packet: "av.Packet[av.VideoStream]") -> bool:
        """Whether a packet of the stream is not to be decoded."""
        return number >= 0 and not packet.is_keyframe

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
        shown = np.flatnonzero(timeline.shown)
        spans = (timeline.seconds[shown] / every_seconds).astype(np.int64)
        is_key = timeline.keys[shown]
        first_key = dict(zip(spans[is_key][::-1].tolist(), shown[is_key][::-1].tolist(), strict=True))
        names, counts = np.unique(spans, return_counts=True)
        self._next_key = {
            span: first_key[after]
            for span, after in zip(names[:-1].tolist(), names[1:].tolist(), strict=True)
            if after in first_key
        }
        sparse = names[(counts <= MAX_UNREFERRED) & ~np.isin(names, list(first_key))]
        self._whole = np.zeros(len(timeline.seconds), np.bool_)
        self._whole[shown[np.isin(spans, sparse)]] = True
        if stream.codec_context.name in SKIPPING_ALWAYS and not self._whole.any():
            stream.codec_context.skip_frame = "NONREF"
        self._number = -1
        self._resume_at = 0
        self._span, self._candidates = -1, 0

    def passes_over(self, number: int, packet: "av.Packet[av.VideoStream]") -> bool:
        """Whether a packet of the stream is not to be decoded; prepares the decoder if it is."""
        if number < 0:
            return False
        self._number = number
        if number < self._resume_at:
            return True
        if number == self._resume_at and number:
            self._stream.codec_context.flush_buffers()
        if holds_frame(packet):
            skip_unreferred(self._stream, skip=not self._whole[number : number + 1].any())
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
