"""Videos in, frames out, through FFmpeg."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import cast

import av
import av.container
import av.stream
import numpy as np
from numpy.typing import NDArray

from detector.errors import MediaError
from detector.frames.frame import Coverage, Frame, Sampling
from detector.frames.opening import opened, reason_of
from detector.frames.sharpest import Candidate, pick_sharpest, to_rgb, whole_frame
from detector.frames.shortcut import find_shortcut, skip_unreferred
from detector.frames.timeline import MAX_VIDEO_FRAMES, Clock, Counter, Timeline, read_timeline

MAX_BAD_PACKETS = 64  # in a row; past this nothing useful follows and the video counts as broken off
MAX_MISSING_SECONDS = 1.0  # and MAX_MISSING_SHARE: declared lengths are rounded and audio may outlast video
MAX_MISSING_SHARE = 0.05
EPOCH_YEAR = 1970  # writers that know no time leave 1904 or 1970
SAME_TIME_SECONDS = 1e-4  # stamps are finer, rounding is not


def read_video(path: Path, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """The frames of a video. Raises UnsupportedMediaError or MediaError."""
    give_up_at = time.monotonic() + sampling.max_seconds
    coverage.timeline = read_timeline(path, give_up_at)
    with opened(path) as (container, stream):
        coverage.declared_seconds = _declared_seconds(container, stream)
        coverage.captured_at = _video_capture_time(container)
        sampling = replace(sampling, max_seconds=give_up_at - time.monotonic())
        decoded = _decode(container, stream, sampling, coverage)
        every = 0 if sampling.keyframes else sampling.every_seconds
        for candidate in pick_sharpest(decoded, every):
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


def _decode(
    container: av.container.InputContainer, stream: av.VideoStream, sampling: Sampling, coverage: Coverage
) -> Iterator[Candidate]:
    """Decoded frames in order of presentation. Raises MediaError when the file breaks off or is cut."""
    clock, counter = Clock(stream, coverage.timeline), Counter(coverage.timeline)
    decoder = _Decoder(coverage, clock, alone=sampling.keyframes)
    shortcut = find_shortcut(stream, sampling, coverage.timeline)
    give_up_at = time.monotonic() + sampling.max_seconds
    try:
        for packet in _read_packets(container, stream, coverage):
            if time.monotonic() > give_up_at:
                raise MediaError(f"stopped by the time limit{_where(coverage)}")
            if shortcut and shortcut.passes_over(packet):
                decoder.pass_over(packet)
                counter.pass_over()
                continue
            for picture in decoder.decode(packet):
                seconds = clock.seconds(picture)
                coverage.read_seconds = max(coverage.read_seconds, seconds + clock.seconds_long(picture))
                if shortcut:
                    shortcut.saw(picture, seconds)
                index = counter.index(picture)
                yield Candidate(index, seconds, picture)
                if index + 1 >= MAX_VIDEO_FRAMES:
                    raise MediaError(f"stopped after {MAX_VIDEO_FRAMES} frames{_where(coverage)}")
    finally:
        coverage.timeline = counter.timeline()
    if not counter.decoded:
        raise MediaError(f"no frame could be decoded{decoder.last_error}")


def _read_packets(
    container: av.container.InputContainer, stream: av.VideoStream, coverage: Coverage
) -> "Iterator[av.Packet[av.VideoStream]]":
    """Packets of the stream. Raises MediaError at the end when the file is shorter than it claims."""
    reached = 0.0  # by any stream: sound may end last
    for packet in container.demux():
        if packet.pts is not None and packet.time_base:
            stamp = packet.pts - (packet.stream.start_time or 0) + (packet.duration or 0)
            reached = max(reached, float(stamp * packet.time_base))
        if packet.stream is stream:
            yield cast("av.Packet[av.VideoStream]", packet)
    missing = coverage.declared_seconds - max(reached, coverage.read_seconds)
    if missing > max(MAX_MISSING_SECONDS, MAX_MISSING_SHARE * coverage.declared_seconds):
        raise MediaError(f"cut short{_where(coverage)}")


class _Decoder:
    """Decodes packets and counts the damaged ones. Raises MediaError when too many follow each other."""

    def __init__(self, coverage: Coverage, clock: Clock, *, alone: bool = False) -> None:
        self.coverage = coverage
        self.clock = clock
        self.alone = alone  # whether no frame needs another, which comes at once and in order then
        self.bad_in_a_row = 0
        self.last_error = ""

    def decode(self, packet: "av.Packet[av.VideoStream]") -> list[av.VideoFrame]:
        try:
            pictures = packet.decode()
            if self.alone and packet.size:
                pictures += packet.stream.codec_context.decode(None)
                packet.stream.codec_context.flush_buffers()
        except av.FFmpegError as error:
            self.coverage.frames_unreadable += 1
            self.bad_in_a_row += 1
            self.last_error = f": {reason_of(error)}"
            if self.bad_in_a_row > MAX_BAD_PACKETS:
                raise MediaError(f"broken off{_where(self.coverage)}{self.last_error}") from error
            return []
        self.coverage.frames_unreadable += packet.is_corrupt or any(
            picture.is_corrupt for picture in pictures
        )
        if pictures:
            self.bad_in_a_row = 0
        return pictures

    def pass_over(self, packet: "av.Packet[av.VideoStream]") -> None:
        self.coverage.frames_unreadable += packet.is_corrupt
        if packet.pts is not None:
            end = self.clock.seconds_at(packet.pts) + self.clock.seconds_long(packet)
            self.coverage.read_seconds = max(self.coverage.read_seconds, end)


def _where(coverage: Coverage) -> str:
    return f" at {coverage.read_seconds:.1f} of {coverage.declared_seconds:.1f} s"


def decode_spans(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    spans: Sequence[tuple[float, float]],
    timeline: Timeline,
) -> Iterator[Candidate]:
    """Frames within spans (start, end) of seconds, in order and apart."""
    clock = Clock(stream, timeline)
    wanted = [(clock.stamp(start), clock.stamp(end)) for start, end in spans]
    pictures: Iterator[av.VideoFrame] = iter(())
    reached = -1
    for (start, end), (first_stamp, _) in zip(spans, wanted, strict=True):
        if timeline.key_before(first_stamp) > reached or reached < 0:
            packets = _seek(container, stream, timeline, first_stamp)
            pictures = _decode_wanted(packets, stream, wanted, _Decoder(Coverage("video"), clock))
        for picture in pictures:
            if picture.pts is None:
                continue
            reached, seconds = picture.pts, clock.seconds(picture)
            if seconds > end:
                pictures = chain([picture], pictures)
                break
            if seconds >= start:
                yield Candidate(timeline.index(picture.pts), seconds, picture)


def _seek(
    container: av.container.InputContainer, stream: av.VideoStream, timeline: Timeline, stamp: int
) -> "Iterator[av.Packet[av.VideoStream]]":
    """Packets from a key frame on that is shown no later than `stamp`."""
    for seconds in (0, 1, 10, 100):  # in MPEG-TS seeking may arrive late
        target = timeline.key_before(stamp) - round(seconds / float(stream.time_base or 1))
        container.seek(target, stream=stream)
        packets = container.demux(stream)
        first = next((packet for packet in packets if timeline.is_key(packet.pts)), None)
        if first and first.pts is not None and first.pts <= stamp:
            return chain([first], packets)
    return iter(())


def _decode_wanted(
    packets: "Iterable[av.Packet[av.VideoStream]]",
    stream: av.VideoStream,
    wanted: Sequence[tuple[int, int]],
    decoder: _Decoder,
) -> Iterator[av.VideoFrame]:
    """Frames of the packets; outside the spans of wanted stamps only those that others are built on."""
    for packet in packets:
        inside = packet.pts is None or any(first <= packet.pts <= last for first, last in wanted)
        skip_unreferred(stream, skip=not inside)
        yield from decoder.decode(packet)


def read_at(path: Path, time_seconds: float, *, seek: bool) -> NDArray[np.uint8] | None:
    """The frame at a time, found by seeking there or by reading from the start; None when it is not there."""
    with opened(path) as (container, stream):
        clock = Clock(stream)
        decoder = _Decoder(Coverage("video"), clock)
        if seek:
            if clock.start is None or not clock.time_base:
                return None
            container.seek(clock.start + int(time_seconds / clock.time_base), stream=stream)
        for packet in container.demux(stream):
            for picture in decoder.decode(packet):
                apart = clock.seconds(picture) - time_seconds
                if abs(apart) <= SAME_TIME_SECONDS:
                    return to_rgb(picture)
                if apart > 0:
                    return None
    return None
