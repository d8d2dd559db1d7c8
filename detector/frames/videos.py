"""Videos in, frames out, through FFmpeg."""

import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import cast

import av
import av.container
import av.stream
import numpy as np
from numpy.typing import NDArray

from detector.errors import MediaError, UnsupportedMediaError
from detector.frames.frame import Coverage, Frame, Landmark, Sampling
from detector.frames.sharpest import Candidate, pick_sharpest, to_rgb, whole_frame
from detector.sources import SIGNATURE_BYTES, find_container

MAX_VIDEO_PIXELS = 8192 * 8192  # a frame; 8K video has half of it
MAX_VIDEO_FRAMES = 4_000_000  # a file; 18 hours at 60 frames a second
MAX_BAD_PACKETS = 64  # in a row; past this nothing useful follows and the video counts as broken off
MAX_MISSING_SECONDS = 1.0  # and MAX_MISSING_SHARE: declared lengths are rounded and audio may outlast video
MAX_MISSING_SHARE = 0.05
EPOCH_YEAR = 1970  # writers that know no time leave 1904 or 1970
SAME_TIME_SECONDS = 1e-4  # stamps are finer, rounding is not


def read_video(path: Path, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """The frames of a video. Raises UnsupportedMediaError or MediaError."""
    with opened(path) as (container, stream):
        coverage.declared_seconds = _declared_seconds(container, stream)
        coverage.captured_at = _video_capture_time(container)
        decoded = _decode(container, stream, sampling, coverage)
        every = 0 if sampling.keyframes else sampling.every_seconds
        for candidate in pick_sharpest(decoded, every):
            yield whole_frame(candidate)


@contextmanager
def opened(path: Path) -> "Iterator[tuple[av.container.InputContainer, av.VideoStream]]":
    """The container and its video stream; what FFmpeg and the file system say inside becomes MediaError."""
    try:
        with path.open("rb") as file:
            demuxer = find_container(file.read(SIGNATURE_BYTES))
        # The demuxer is named and only the file protocol allowed: a playlist or a reference to another file
        # or address inside a stranger's video is never followed.
        options = {"protocol_whitelist": "file", "enable_drefs": "0"}
        with av.open(f"file:{path}", format=demuxer, options=options, metadata_errors="replace") as container:
            yield container, _video_stream(container)
    except av.FFmpegError as error:
        raise MediaError(f"cannot be read on: {_reason(error)}") from error
    except OSError as error:
        raise MediaError(f"cannot be read: {error.strerror or error}") from error


def _video_stream(container: av.container.InputContainer) -> av.VideoStream:
    if not container.streams.video:
        raise UnsupportedMediaError("no picture in it, only sound or data")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None or not context.codec:
        raise MediaError("its video codec is unknown to FFmpeg")
    if context.width * context.height > MAX_VIDEO_PIXELS:
        raise MediaError(f"too large: {context.width} × {context.height} pixels a frame")
    context.options = {"max_pixels": str(MAX_VIDEO_PIXELS)}
    context.thread_count = 1  # workers are the parallelism
    return stream


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
    clock = _Clock(stream)
    decoder = _Decoder(coverage)
    give_up_at = time.monotonic() + sampling.max_seconds
    index = 0
    for packet in _read_packets(container, stream, coverage):
        if time.monotonic() > give_up_at:
            raise MediaError(f"stopped by the time limit{_where(coverage)}")
        if sampling.keyframes and packet.size and not packet.is_keyframe:
            index += 1
            continue
        for picture in decoder.decode(packet):
            seconds = clock.seconds(picture)
            if picture.key_frame and picture.pts is not None and coverage.lacks_landmark(seconds):
                coverage.landmarks.append(Landmark(picture.pts, index, seconds))
            coverage.read_seconds = max(coverage.read_seconds, clock.frame_end(picture, seconds))
            yield Candidate(index, seconds, picture)
            index += 1
            if index >= MAX_VIDEO_FRAMES:
                raise MediaError(f"stopped after {MAX_VIDEO_FRAMES} frames{_where(coverage)}")
    if not coverage.read_seconds:
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

    def __init__(self, coverage: Coverage) -> None:
        self.coverage = coverage
        self.bad_in_a_row = 0
        self.last_error = ""

    def decode(self, packet: "av.Packet[av.VideoStream]") -> list[av.VideoFrame]:
        try:
            pictures = packet.decode()
        except av.FFmpegError as error:
            self.coverage.frames_unreadable += 1
            self.bad_in_a_row += 1
            self.last_error = f": {_reason(error)}"
            if self.bad_in_a_row > MAX_BAD_PACKETS:
                raise MediaError(f"broken off{_where(self.coverage)}{self.last_error}") from error
            return []
        self.coverage.frames_unreadable += packet.is_corrupt or any(
            picture.is_corrupt for picture in pictures
        )
        if pictures:
            self.bad_in_a_row = 0
        return pictures


def _where(coverage: Coverage) -> str:
    return f" at {coverage.read_seconds:.1f} of {coverage.declared_seconds:.1f} s"


class _Clock:
    """Presentation times of one stream, counted from its start."""

    def __init__(self, stream: av.VideoStream) -> None:
        self.time_base = float(stream.time_base or 0)
        self.start: int | None = stream.start_time
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
        self.latest = max(0.0, (stamp - self.start) * self.time_base)
        return self.latest

    def frame_end(self, picture: av.VideoFrame, seconds: float) -> float:
        return seconds + (picture.duration * self.time_base if picture.duration else self.usual_seconds)


def _reason(error: av.FFmpegError) -> str:
    """FFmpeg's own words; its last log line says more than the error's name."""
    level_name_message = cast("tuple[int, str, str] | None", error.log)  # its own type hint is wrong
    return level_name_message[2].strip() if level_name_message else str(error.strerror)


def decode_from(
    container: av.container.InputContainer, stream: av.VideoStream, start: float, landmarks: list[Landmark]
) -> Iterator[Candidate]:
    """Frames from a landmark before `start` on; indices are counted from landmarks."""
    before = bisect_right(landmarks, start, key=lambda one: one.time_seconds)
    mark = landmarks[max(0, before - 2)]  # one further back than needed: seeking in MPEG-TS arrives late
    index_at = {one.stamp: one.index for one in landmarks}
    clock, decoder = _Clock(stream), _Decoder(Coverage("video"))
    clock.start = mark.stamp - round(mark.time_seconds / clock.time_base)
    container.seek(mark.stamp, stream=stream)
    index = -1
    for packet in container.demux(stream):
        for picture in decoder.decode(packet):
            stamp = -1 if picture.pts is None else picture.pts
            index = index_at.get(stamp, -1 if index < 0 else index + 1)
            if index >= 0:
                yield Candidate(index, clock.seconds(picture), picture)
            elif clock.seconds(picture) > start:
                return


def read_at(path: Path, time_seconds: float, *, seek: bool) -> NDArray[np.uint8] | None:
    """The frame at a time, found by seeking there or by reading from the start; None when it is not there."""
    with opened(path) as (container, stream):
        clock, decoder = _Clock(stream), _Decoder(Coverage("video"))
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
