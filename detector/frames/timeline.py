"""Packets of a video in, when each of its frames is shown out."""

import time
from array import array
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import numpy as np
from numpy.typing import NDArray

from detector.frames.opening import opened

FRAME_A_PACKET = ("h264", "hevc", "mpeg4", "mpeg2video", "vp9", "libdav1d", "mjpeg")  # FFmpeg's decoders
MAX_VIDEO_FRAMES = 4_000_000  # a file; 18 hours at 60 frames a second


@dataclass(frozen=True, slots=True)
class Timeline:
    """When the frames of a stream are shown, in the stream's own units of time."""

    stamps: NDArray[np.int64]
    """Presentation times (n,), ascending."""
    keys: NDArray[np.int64]
    """Those of frames that decode without others, ascending; never empty."""
    stored: NDArray[np.int64]
    """All presentation times in the order of storage."""

    def index(self, stamp: int) -> int:
        """Count of the frames shown before a time."""
        return int(np.searchsorted(self.stamps, stamp))

    def is_key(self, stamp: int | None) -> bool:
        """Whether the frame shown at a time decodes without others."""
        return stamp is not None and self.key_before(stamp) == stamp

    def key_before(self, stamp: int) -> int:
        """The last key frame shown no later than a time; the first when there is none."""
        return int(self.keys[max(0, int(np.searchsorted(self.keys, stamp, "right")) - 1)])


def read_timeline(path: Path, give_up_at: float) -> Timeline | None:
    """The timeline as packets tell it, without decoding; None where they do not, or `give_up_at` is past.

    Raises MediaError when the file cannot be opened.
    """
    stored, keys = array("q"), array("q")
    with opened(path) as (container, stream):
        if stream.codec_context.name not in FRAME_A_PACKET:
            return None
        try:
            for packet in container.demux(stream):
                if not holds_frame(packet):
                    continue
                if packet.pts is None or len(stored) >= MAX_VIDEO_FRAMES or time.monotonic() > give_up_at:
                    return None
                if packet.is_keyframe and (len(keys) != 1 or _decodes_alone(packet, stream)):
                    keys.append(packet.pts)
                stored.append(packet.pts)
        except av.FFmpegError:
            return None
    timeline = _timeline_of(stored, keys)
    return timeline if timeline and len(timeline.stamps) == len(stored) else None


def _timeline_of(stored: "array[int]", keys: "array[int]") -> Timeline | None:
    if not keys:
        return None
    order = np.frombuffer(stored, np.int64)
    return Timeline(np.unique(order), np.unique(np.frombuffer(keys, np.int64)), order)


def holds_frame(packet: "av.Packet[av.VideoStream]") -> bool:
    """Whether a frame of the packet is shown; some before the start are there only for others to build on."""
    return packet.size > 0 and not packet.is_discard


def _decodes_alone(packet: "av.Packet[av.VideoStream]", stream: av.VideoStream) -> bool:
    """Whether a key frame is one: in streams renewed strip by strip it is only called so."""
    try:
        pictures = [*packet.decode(), *stream.codec_context.decode(None)]
    except av.FFmpegError:
        return False
    finally:
        stream.codec_context.flush_buffers()
    return any(picture.pts == packet.pts for picture in pictures)


class Clock:
    """Presentation times of one stream, counted from its start."""

    def __init__(self, stream: av.VideoStream, timeline: Timeline | None = None) -> None:
        self.time_base = float(stream.time_base or 0)
        self.start: int | None = stream.start_time
        if self.start is None and timeline:
            self.start = int(timeline.stamps[0])
        rate = stream.average_rate or stream.guessed_rate
        self.usual_seconds = 1 / float(rate) if rate else 0.0
        self.latest = 0.0

    def seconds(self, picture: av.VideoFrame) -> float:
        """Time of a frame; one without a time stamp follows the one before."""
        stamp = picture.pts if picture.pts is not None else picture.dts
        if stamp is None:
            self.latest += self.usual_seconds
            return self.latest
        if self.start is None:
            self.start = stamp
        self.latest = self.seconds_at(stamp)
        return self.latest

    def seconds_at(self, stamp: int) -> float:
        """Time of what is shown at a presentation time."""
        return max(0.0, (stamp - (self.start or 0)) * self.time_base)

    def stamp(self, time_seconds: float) -> int:
        """The presentation time at which a time of the stream is."""
        return (self.start or 0) + round(time_seconds / self.time_base)

    def seconds_long(self, one: "av.VideoFrame | av.Packet[av.VideoStream]") -> float:
        """How long a frame is shown."""
        return one.duration * self.time_base if one.duration else self.usual_seconds


class Counter:
    """Counts the frames of a stream as they come, by their timeline if that is known, else one by one."""

    def __init__(self, timeline: Timeline | None) -> None:
        self._known = timeline
        self._stored, self._keys = array("q"), array("q")
        self._next = 0
        self.decoded = 0

    def pass_over(self) -> None:
        """Takes note of a frame that is not decoded."""
        if not self._known:
            self._next += 1

    def index(self, picture: av.VideoFrame) -> int:
        """Count of the frames before this one, the next that was decoded; no two have the same."""
        index = self._next
        if picture.pts is not None:
            if self._known:
                index = max(index, self._known.index(picture.pts))
            else:
                self._stored.append(picture.pts)
                self._keys.extend([picture.pts] if picture.key_frame else ())
        self._next = index + 1
        self.decoded += 1
        return index

    def timeline(self) -> Timeline | None:
        """The timeline of all frames; None when it is not known of all."""
        if self._known or len(self._stored) < self._next:
            return self._known
        return _timeline_of(self._stored, self._keys)
