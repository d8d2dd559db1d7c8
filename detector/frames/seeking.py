"""A video that was read before in, frames out of its middle."""

import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

import av
import av.container
import numpy as np
from numpy.typing import NDArray

from detector.frames.counting import let_mark, mark, marked
from detector.frames.decoding import Decoder
from detector.frames.display import read_display, to_rgb
from detector.frames.frame import Coverage
from detector.frames.opening import opened
from detector.frames.running import SLACK_SECONDS
from detector.frames.sharpest import Candidate
from detector.frames.shortcut import skip_unreferred
from detector.frames.timeline import UNKNOWN, Timeline, remember_timeline

LEAPS_SECONDS = (0, 1, 10, 100)  # before where a frame is: in some containers a leap arrives late
SAME_TIME_SECONDS = 1e-4  # stamps are finer, rounding is not
MAX_PACKETS_ASTRAY = 1000  # after a leap, until one is met that is known


def decode_spans(
    path: Path,
    stream_number: int,
    spans: Sequence[tuple[float, float]],
    timeline: Timeline,
    give_up_at: float,
) -> Iterator[Candidate]:
    """Frames within spans (start, end) of seconds, in order and apart."""
    asked = [np.flatnonzero(_within(timeline, start, end)) for start, end in spans]
    wanted = np.zeros(len(timeline.index), np.bool_)
    wanted[np.concatenate(asked or [np.empty(0, np.int64)])] = True
    pictures: Iterator[tuple[int, Candidate]] = iter(())
    reached = UNKNOWN
    for numbers, (_, end) in zip(asked, spans, strict=True):
        missing = set(numbers.tolist())
        if not missing:
            continue
        begin = timeline.key_before(int(numbers[timeline.seconds[numbers].argmin()]))
        if reached < 0 or begin > reached:
            pictures = _decode_from(path, stream_number, timeline, begin, wanted, give_up_at)
        for number, candidate in pictures:
            reached = max(reached, number)
            if number in missing:
                missing.remove(number)
                yield candidate
            elif candidate.time_seconds > end:
                pictures = chain([(number, candidate)], pictures)
                break
            if not missing:
                break


def read_at(
    path: Path, stream_number: int, index: int, time_seconds: float, give_up_at: float
) -> NDArray[np.uint8] | None:
    """The frame of this index, upright RGB; None when it is not found without reading all before it."""
    status = path.stat()
    timeline = remember_timeline(path, stream_number, status.st_mtime_ns, status.st_size)
    if not timeline:
        return None
    apart = np.abs(timeline.seconds - time_seconds)
    numbers = np.flatnonzero(
        timeline.index == index if timeline.is_counted else timeline.shown & (apart <= SAME_TIME_SECONDS)
    )
    if len(numbers) != 1:
        return None
    target = int(numbers[0])
    wanted = np.zeros(len(timeline.index), np.bool_)
    wanted[target] = True
    begin = timeline.key_before(target)
    for number, candidate in _decode_from(path, stream_number, timeline, begin, wanted, give_up_at):
        if number == target:
            return to_rgb(candidate.picture, candidate.display)
        if candidate.time_seconds > timeline.seconds[target] + SLACK_SECONDS:
            return None
    return None


def _within(timeline: Timeline, start: float, end: float) -> NDArray[np.bool_]:
    seconds = timeline.seconds
    return np.asarray((timeline.index >= 0) & (seconds >= start) & (seconds <= end))


def _decode_from(
    path: Path,
    stream_number: int,
    timeline: Timeline,
    begin: int,
    wanted: NDArray[np.bool_],
    give_up_at: float,
) -> Iterator[tuple[int, Candidate]]:
    """Frames of packet `begin` and those that follow, each with its packet's number; of those that are not
    wanted only such as others are built on."""
    leaps = LEAPS_SECONDS if timeline.can_seek and begin else ()
    for back_seconds in (*leaps, None):
        with opened(path, stream_number) as (container, stream):
            leapt = back_seconds is not None and _leap(
                container, stream, timeline.stamps[begin], back_seconds
            )
            packets = _number_packets(container, stream, timeline, begin, give_up_at, leapt=leapt)
            first = next(packets, None)
            if first:
                yield from _decode(chain([first], packets), stream, timeline, wanted)
                return


def _leap(
    container: av.container.InputContainer, stream: av.VideoStream, stamp: int, back_seconds: int
) -> bool:
    """Whether the container could be made to go on so much before a stamp; it begins at its start if not."""
    try:
        container.seek(int(stamp) - round(back_seconds / float(stream.time_base or 1)), stream=stream)
    except av.FFmpegError:
        return False
    return True


def _number_packets(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    timeline: Timeline,
    begin: int,
    give_up_at: float,
    *,
    leapt: bool,
) -> "Iterator[tuple[int, av.Packet[av.VideoStream]]]":
    """Packets from `begin` on, each with its number; none when a leap led astray."""
    number, astray = UNKNOWN if leapt else 0, 0
    for one in container.demux():
        if time.monotonic() > give_up_at:
            return
        if one.stream is not stream:
            continue
        packet = cast("av.Packet[av.VideoStream]", one)
        if not packet.size:
            if number > begin:
                yield UNKNOWN, packet
            continue
        if number < 0:
            number, astray = timeline.find(packet), astray + 1
            if number > begin or astray > MAX_PACKETS_ASTRAY:
                return
            if number < 0:
                continue
        if number >= begin:
            yield number, packet
        number += 1


def _decode(
    packets: "Iterator[tuple[int, av.Packet[av.VideoStream]]]",
    stream: av.VideoStream,
    timeline: Timeline,
    wanted: NDArray[np.bool_],
) -> Iterator[tuple[int, Candidate]]:
    let_mark(stream)
    decoder, display = Decoder(Coverage("video")), read_display(stream)
    for number, packet in packets:
        if 0 <= number < len(wanted):
            mark(packet, number)
            skip_unreferred(stream, skip=not wanted[number])
        for picture in decoder.decode(packet):
            row = marked(picture)
            if row >= 0:
                index, seconds = int(timeline.index[row]), float(timeline.seconds[row])
                yield row, Candidate(index, seconds, picture, display)
