"""Packets of a video in, when each of its frames is shown and which number it has out."""

import functools
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import av.container
import numpy as np
from numpy.typing import NDArray

from detector.frames.opening import opened
from detector.frames.running import describe, run_on

FRAME_A_PACKET = ("h264", "hevc", "mpeg4", "mpeg2video", "vp9", "libdav1d", "mjpeg")  # FFmpeg's decoders
MAX_VIDEO_FRAMES = 4_000_000  # a stream; 18 hours at 60 frames a second
TIMELINE_SECONDS = 60.0  # of work to read a stream's packets again
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is known of each packet (n,) of a stream, in the order of the file."""

    stamps: NDArray[np.int64]
    """Presentation times as the file has them, in the stream's unit."""
    places: NDArray[np.int64]
    """Where in the file they lie, in bytes."""
    keys: NDArray[np.bool_]
    """Whether a frame is shown that decodes without others."""
    seconds: NDArray[np.float64]
    """Time since the stream's start; it runs on where the clock does not. -1 for what is never shown."""
    index: NDArray[np.int64]
    """Count of the frames shown before it; -1 where nothing is shown, or where that is not known."""
    notes: tuple[str, ...] = ()
    """What is to be said of the clock."""
    skipped_seconds: float = 0.0
    """By how much the clock leapt ahead."""
    can_seek: bool = False
    """Whether a stamp and a place say which packet it is: where several share a place, as in MPEG program
    streams, what is met after a leap is not cut into packets as it was before."""

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Whether a frame of each packet (n,) is shown."""
        return self.seconds >= 0

    @property
    def is_counted(self) -> bool:
        """Whether each frame's index is known."""
        return bool((self.index[self.shown] >= 0).all())

    def key_before(self, number: int) -> int:
        """The packet to begin with so that packet `number` is decoded; the first where there is none."""
        keys = np.flatnonzero(self.keys[: number + 1] & (self.seconds[: number + 1] <= self.seconds[number]))
        return int(keys[-1]) if len(keys) else 0

    def find(self, packet: "av.Packet[av.VideoStream]") -> int:
        """Number of a packet that was met after a leap in the file; -1 where that is not sure."""
        if packet.pts is None or packet.pos is None:
            return UNKNOWN
        same = np.flatnonzero((self.stamps == packet.pts) & (self.places == packet.pos))
        return int(same[0]) if len(same) == 1 else UNKNOWN


def read_timeline(path: Path, number: int, give_up_at: float) -> Timeline | None:
    """The timeline of a stream as packets tell it, without decoding; of codecs that show frames of other
    packets without each frame's index. None where packets do not tell, or `give_up_at` is past.

    Raises MediaError when the file cannot be opened.
    """
    with opened(path, number) as (container, stream):
        return read_packets(container, stream, give_up_at)


def read_packets(
    container: av.container.InputContainer, stream: av.VideoStream, give_up_at: float
) -> Timeline | None:
    """`read_timeline` of a file that was just opened."""
    rows = PacketRows()
    try:
        for one in container.demux():
            if time.monotonic() > give_up_at:
                return None
            if one.stream is not stream or not one.size:
                continue
            packet = cast("av.Packet[av.VideoStream]", one)
            if packet.pts is None or len(rows.stamps) >= MAX_VIDEO_FRAMES:
                return None
            rows.add(packet, decodes_alone=rows.key_count != 1 or _decodes_alone(packet, stream))
    except av.FFmpegError:
        return None
    return rows.timeline(stream)


@functools.lru_cache(4)
def remember_timeline(path: Path, number: int, _changed_ns: int, _size: int) -> Timeline | None:
    """`read_timeline` within `TIMELINE_SECONDS`; the newest few are kept."""
    return read_timeline(path, number, time.monotonic() + TIMELINE_SECONDS)


class PacketRows:
    """Packets of a stream, noted one by one."""

    def __init__(self) -> None:
        self.stamps, self.places = array("q"), array("q")
        self.keys, self.held = array("b"), array("b")
        self.key_count = 0

    def add(self, packet: "av.Packet[av.VideoStream]", *, decodes_alone: bool) -> None:
        """Notes the next one; `decodes_alone` is what it claims if it is a key frame."""
        held = holds_frame(packet)
        key = held and packet.is_keyframe and decodes_alone
        self.key_count += key
        self.stamps.append(packet.pts or 0)
        self.places.append(UNKNOWN if packet.pos is None else packet.pos)
        self.keys.append(key)
        self.held.append(held)

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Stamps, places and keys of `Timeline`."""
        stamps, places = np.frombuffer(self.stamps, np.int64), np.frombuffer(self.places, np.int64)
        return stamps, places, np.frombuffer(self.keys, np.bool_)

    def timeline(self, stream: av.VideoStream) -> Timeline | None:
        """None where there is no frame to begin with."""
        if not self.key_count or not stream.time_base:
            return None
        stamps, places, keys = self.arrays()
        held = np.flatnonzero(np.frombuffer(self.held, np.bool_))
        time_base = float(stream.time_base)
        start = int(stamps[held].min()) if stream.start_time is None else stream.start_time
        running = run_on(stamps[held], keys[held], start, 1 / time_base)
        seconds = np.full(len(stamps), -1.0)
        seconds[held] = np.maximum(0.0, running.ticks * time_base)
        index = np.full(len(stamps), UNKNOWN, np.int64)
        if stream.codec_context.name in FRAME_A_PACKET:
            index[held[running.order]] = np.arange(len(held))
        return Timeline(
            *(stamps, places, keys, seconds, index),
            notes=tuple(describe(running, time_base)),
            skipped_seconds=sum(ticks for _, ticks in running.jumps) * time_base,
            can_seek=not running.restarts
            and bool(places.min() >= 0 and len(np.unique(places)) == len(places)),
        )


def holds_frame(packet: "av.Packet[av.VideoStream]") -> bool:
    """Whether a frame of the packet is shown; some before the start are there only for others to build on."""
    return packet.size > 0 and not packet.is_discard


def _decodes_alone(packet: "av.Packet[av.VideoStream]", stream: av.VideoStream) -> bool:
    """Whether a key frame is one: in streams renewed strip by strip it is only called so."""
    if stream.codec_context.name not in FRAME_A_PACKET or not packet.is_keyframe:
        return True
    try:
        pictures = [*packet.decode(), *stream.codec_context.decode(None)]
    except av.FFmpegError:
        return False
    finally:
        stream.codec_context.flush_buffers()
    return any(picture.pts == packet.pts for picture in pictures)
