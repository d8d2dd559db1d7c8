"""Decoded pictures of a stream in, the index and the time of each out."""

from array import array
from dataclasses import replace

import av
import numpy as np
from numpy.typing import NDArray

from detector.frames.running import MAX_JUMP_SECONDS, SLACK_SECONDS
from detector.frames.timeline import UNKNOWN, PacketRows, Timeline


def let_mark(stream: av.VideoStream) -> None:
    """From now on a picture tells of which packet it is."""
    stream.codec_context.copy_opaque = True


def mark(packet: "av.Packet[av.VideoStream]", number: int) -> None:
    """Gives a packet a number, for its pictures to tell."""
    packet.opaque = (number,)  # a new object: PyAV keeps marks by identity, and loses numbers that are shared


def marked(picture: av.VideoFrame) -> int:
    """Number of the packet that a picture was in; -1 where that is not known."""
    return picture.opaque[0] if isinstance(picture.opaque, tuple) else UNKNOWN


class Counter:
    """Numbers a stream's packets and frames as they come from its start: by its timeline as far as that is
    known, else one by one. No two frames have the same index."""

    def __init__(self, stream: av.VideoStream, timeline: Timeline | None) -> None:
        let_mark(stream)
        self.clock = Clock(stream)
        self.packets = 0
        self.decoded = 0
        self._passed_over = 0
        self._known = timeline
        self._rows = PacketRows()
        self._index, self._seconds = array("q"), array("d")
        self._is_counted = bool(timeline and timeline.is_counted)  # once: it looks at all packets
        self._given = np.zeros(len(timeline.index) if timeline else 0, np.bool_)

    def number(self, packet: "av.Packet[av.VideoStream]") -> int:
        """The packet's number, which its pictures will tell; -1 for the last, which holds none."""
        if not packet.size:
            return UNKNOWN
        mark(packet, self.packets)
        self.packets += 1
        self._index.append(UNKNOWN)
        self._seconds.append(-1.0)
        if not self._known:
            self._rows.add(packet, decodes_alone=True)
        return self.packets - 1

    def pass_over(self, number: int) -> float:
        """Takes note of a packet that is not decoded; the time of its frame, -1 where that is not known."""
        self._passed_over += 1
        return self._seconds_of(number)

    def count(self, picture: av.VideoFrame) -> tuple[int, float]:
        """Index and time of the next frame that was decoded."""
        number = marked(picture)
        seconds = self._seconds_of(number)
        if seconds < 0:
            seconds = self.clock.seconds(picture)
        index = self.decoded + self._passed_over
        if self._known and self._is_counted:
            index = self._look_up(self._known.index, number)
        elif number >= 0 and self._index[number] < 0:
            self._index[number], self._seconds[number] = index, seconds
        self.decoded += 1
        return index, seconds

    def timeline(self) -> Timeline | None:
        """The timeline, with the index of each frame that was counted; None where nothing is known."""
        if self._known and self._is_counted:
            return self._known
        if not self.decoded:
            return None
        counted = np.frombuffer(self._index, np.int64)
        if self._known:
            index = np.full(len(self._known.index), UNKNOWN, np.int64)
            index[: len(counted)] = counted
            return replace(self._known, index=index)
        stamps, places, keys = self._rows.arrays()
        notes = tuple(self.clock.notes)
        return Timeline(stamps, places, keys, np.frombuffer(self._seconds), counted, notes)

    def _seconds_of(self, number: int) -> float:
        return float(self._known.seconds[number]) if self._known and number >= 0 else -1.0

    def _look_up(self, table: NDArray[np.int64], number: int) -> int:
        index = int(table[number])
        if number < 0 or index < 0 or self._given[index]:
            return len(table) + self.decoded  # of no packet that is known: counted behind all others
        self._given[index] = True
        return index


class Clock:
    """Presentation times of frames as they come, counted from the start; run on where the stream's do not."""

    def __init__(self, stream: av.VideoStream) -> None:
        self.notes: list[str] = []
        self.time_base = float(stream.time_base or 0)
        rate = stream.average_rate or stream.guessed_rate
        self.usual_seconds = 1 / float(rate) if rate else 0.0
        self._start = stream.start_time
        self._first: int | None = None
        self._latest = 0.0
        self._shift = 0.0
        self._has_begun = False

    def seconds(self, picture: av.VideoFrame) -> float:
        """Time of a frame; one without a time stamp follows the one before."""
        stamp = picture.pts if picture.pts is not None else picture.dts
        if stamp is None:
            self._latest += self.usual_seconds if self._has_begun else 0.0
            self._has_begun = True
            return self._latest
        self._has_begun = True
        if self._start is None:
            self._start = stamp
        seconds = max(0.0, (stamp - self._start) * self.time_base + self._shift)
        if self._first is None:
            self._first = stamp
        elif self._is_set(stamp, seconds):
            after = self._latest + self.usual_seconds
            self.notes.append(f"its clock does not run on at {after:.1f} s: times do")
            self._shift += after - seconds
            self._first, seconds = stamp, after
        self._latest = seconds
        return seconds

    def seconds_long(self, one: "av.VideoFrame | av.Packet[av.VideoStream]") -> float:
        """How long a frame is shown."""
        return one.duration * self.time_base if one.duration else self.usual_seconds

    def _is_set(self, stamp: int, seconds: float) -> bool:
        """Whether the clock begins again or leaps."""
        back = self._latest - seconds
        begins = back > 0 and self._first is not None and stamp <= self._first
        return begins or back > SLACK_SECONDS or -back > MAX_JUMP_SECONDS
