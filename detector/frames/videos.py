"""Videos in, frames out, through FFmpeg."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import cast

import av
import av.container

from detector.errors import MediaError, NotReadError
from detector.frames.counting import Counter
from detector.frames.decoding import Decoder, where
from detector.frames.display import read_display
from detector.frames.frame import Coverage, Frame, Sampling
from detector.frames.opening import MAX_STREAMS, choose_stream, find_streams, opened, opened_container
from detector.frames.parts import MAX_PARTS, find_parts
from detector.frames.sharpest import Candidate, pick_sharpest, whole_frame
from detector.frames.shortcut import find_shortcut
from detector.frames.timeline import MAX_VIDEO_FRAMES, Timeline, read_packets, read_timeline
from detector.ids import STREAM_FRAMES

MAX_MISSING_SECONDS = 1.0  # and MAX_MISSING_SHARE: declared lengths are rounded and audio may outlast video
MAX_MISSING_SHARE = 0.05
MAX_REST_BYTES = 65_536  # and MAX_REST_SHARE of what was read: an index may lie there
MAX_REST_SHARE = 0.25
EPOCH_YEAR = 1970  # writers that know no time leave 1904 or 1970


def read_video(path: Path, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """The frames of a video, stream after stream. Raises MediaError and its kinds.

    A recording that was appended to the first has streams of its own, whose time begins again.
    """
    give_up_at = time.monotonic() + sampling.max_seconds
    try:
        parts = find_parts(path)
    except OSError as error:
        raise MediaError(f"cannot be read: {error.strerror or error}") from error
    broken: list[MediaError] = []
    for number in range(min(len(parts), MAX_PARTS)):
        name = f"recording {number + 1}: " if number else ""
        try:
            yield from _read_part(path, number, sampling, coverage, give_up_at)
        except MediaError as error:
            broken.append(type(error)(f"{name}{error}"))
    if len(parts) > MAX_PARTS:
        coverage.notes.append(f"more than {MAX_PARTS} recordings in one file; the others are not looked at")
    elif len(parts) > 1:
        coverage.notes.append(f"{len(parts)} recordings in one file, each looked at by itself")
    if broken:
        raise broken[0]


def _read_part(
    path: Path, part: int, sampling: Sampling, coverage: Coverage, give_up_at: float
) -> Iterator[Frame]:
    first, noted = part * MAX_STREAMS, len(coverage.notes)
    known: dict[int, Timeline | None] = {}
    with opened_container(path, part) as container:
        streams = [first + one for one in find_streams(container)]
        with suppress(NotReadError):  # told when its turn comes
            stream = choose_stream(container, streams[0] - first)
            known[streams[0]] = read_packets(container, stream, give_up_at)
    broken: list[MediaError] = []
    unread: list[NotReadError] = []
    for number in streams[:MAX_STREAMS]:
        own, name = Coverage("video"), f"video stream {number}: " if len(streams) > 1 else ""
        try:
            if number not in known:
                known[number] = read_timeline(path, number, give_up_at)
            for frame in _read_stream(path, number, known[number], sampling, own, give_up_at):
                yield replace(frame, index=number * STREAM_FRAMES + frame.index)
        except NotReadError as error:
            unread.append(error)
            own.notes.append(f"not looked at: {error}")
        except MediaError as error:
            broken.append(type(error)(f"{name}{error}"))
        finally:
            _add_stream(coverage, own, name)
            if own.timelines:
                coverage.timelines[number] = own.timelines[0]
    if len(unread) == len(streams):
        del coverage.notes[noted:]
        raise unread[0]
    if len(streams) > MAX_STREAMS:
        coverage.notes.append(f"{len(streams) - MAX_STREAMS} more video streams are not looked at")
    if broken:
        raise broken[0]


def _add_stream(coverage: Coverage, part: Coverage, name: str) -> None:
    coverage.frames_unreadable += part.frames_unreadable
    coverage.read_seconds = max(coverage.read_seconds, part.read_seconds)
    coverage.declared_seconds = max(coverage.declared_seconds, part.declared_seconds)
    coverage.captured_at = coverage.captured_at or part.captured_at
    coverage.notes += [f"{name}{note}" for note in part.notes]


def _read_stream(
    path: Path,
    number: int,
    timeline: Timeline | None,
    sampling: Sampling,
    coverage: Coverage,
    give_up_at: float,
) -> Iterator[Frame]:
    with opened(path, number) as (container, stream):
        coverage.declared_seconds = _declared_seconds(container, stream)
        coverage.captured_at = _video_capture_time(container)
        reading = _Reading(container, stream, sampling, coverage, give_up_at)
        every = 0 if sampling.keyframes else sampling.every_seconds
        for candidate in pick_sharpest(reading.candidates(timeline), every):
            yield whole_frame(candidate)


def _video_capture_time(container: av.container.InputContainer) -> str:
    """Apple's creationdate, which has an offset, before the container's own time, which is in UTC."""
    for name in ("com.apple.quicktime.creationdate", "creation_time"):
        with suppress(ValueError):
            taken = datetime.fromisoformat(container.metadata.get(name, ""))
            if taken.year > EPOCH_YEAR:
                return taken.isoformat(timespec="seconds").replace("+00:00", "Z")
    return ""


def _declared_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    seconds = (container.duration or 0) / av.time_base
    if container.format.name.startswith("matroska") and stream.start_time and stream.time_base:
        seconds -= float(stream.start_time * stream.time_base)  # it counts from 0, not from the first frame
    return max(seconds, 0.0)


class _Reading:
    """One stream, read from its start to its end."""

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        sampling: Sampling,
        coverage: Coverage,
        give_up_at: float,
    ) -> None:
        self.container = container
        self.stream = stream
        self.sampling = sampling
        self.coverage = coverage
        self.give_up_at = give_up_at

    def candidates(self, timeline: Timeline | None) -> Iterator[Candidate]:
        """Decoded frames in order of presentation. Raises MediaError when the file breaks off or is cut."""
        coverage, counter = self.coverage, Counter(self.stream, timeline)
        display = read_display(self.stream)
        decoder = Decoder(coverage, alone=self.sampling.keyframes)
        shortcut = find_shortcut(self.stream, self.sampling, timeline)
        try:
            for packet in self._packets(timeline.skipped_seconds if timeline else 0.0):
                number = counter.number(packet)
                if shortcut and shortcut.passes_over(number, packet):
                    decoder.pass_over(packet)
                    self._reach(counter.pass_over(number), counter.clock.seconds_long(packet))
                    continue
                for picture in decoder.decode(packet):
                    index, seconds = counter.count(picture)
                    self._reach(seconds, counter.clock.seconds_long(picture))
                    if shortcut:
                        shortcut.saw(picture, seconds)
                    yield Candidate(index, seconds, picture, display)
                    if index + 1 >= MAX_VIDEO_FRAMES:
                        raise MediaError(f"stopped after {MAX_VIDEO_FRAMES} frames{where(coverage)}")
        finally:
            known = counter.timeline()
            coverage.timelines = {0: known} if known else {}
            coverage.notes += known.notes if known else counter.clock.notes
        if not counter.decoded:
            raise MediaError(f"no frame could be decoded{decoder.last_error}")
        decoder.check()

    def _packets(self, skipped_seconds: float) -> "Iterator[av.Packet[av.VideoStream]]":
        """Packets of the stream. Raises MediaError at the end when the file is shorter than it claims."""
        coverage, declared = self.coverage, self.coverage.declared_seconds
        coverage.declared_seconds = max(0.0, declared - skipped_seconds)
        ends: dict[int, int] = {}  # of each stream, in its own ticks: sound may end last
        place = 0
        for packet in self.container.demux():
            if time.monotonic() > self.give_up_at:
                raise MediaError(f"stopped by the time limit{where(coverage)}")
            if packet.pts is not None:
                number, end = packet.stream_index, packet.pts + (packet.duration or 0)
                ends[number] = max(end, ends.get(number, end))
            place = max(place, (packet.pos or 0) + packet.size)
            if packet.stream is self.stream:
                yield cast("av.Packet[av.VideoStream]", packet)
        missing = declared - max(self._reached(ends), coverage.read_seconds)
        if missing > max(MAX_MISSING_SECONDS, MAX_MISSING_SHARE * declared):
            raise MediaError(f"cut short{where(coverage)}")
        left = (self.container.size or 0) - place
        if place and left > max(MAX_REST_BYTES, MAX_REST_SHARE * place):
            coverage.notes.append(
                f"what lies behind its end was not looked at: {left} of {place + left} bytes"
            )

    def _reached(self, ends: Mapping[int, int]) -> float:
        """Seconds at which the last stream ends that has a clock."""
        seconds = 0.0
        for stream in self.container.streams:
            if stream.index in ends and stream.time_base:
                ticks = ends[stream.index] - (stream.start_time or 0)
                seconds = max(seconds, float(ticks * stream.time_base))
        return seconds

    def _reach(self, seconds: float, seconds_long: float) -> None:
        if seconds >= 0:
            self.coverage.read_seconds = max(self.coverage.read_seconds, seconds + seconds_long)
