"""A video's path in, its opened container and one of its video streams out, through FFmpeg."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import av
import av.container
from av.stream import Disposition

from detector.errors import MediaError, NotReadError, UnsupportedMediaError
from detector.formats import SIGNATURE_BYTES, find_container
from detector.frames.parts import find_parts

MAX_FRAME_BYTES = (
    8192 * 8192 * 3 // 2
)  # as decoded; a decoder holds up to 16 frames. 8K in 10 bits has as many
USUAL_BITS = 12  # a pixel, of a stream that does not tell: brightness, and colour at half of the sides
ANSWER_SECONDS = 60.0  # after which FFmpeg is stopped that opens a file or looks for its next packet
MAX_STREAMS = 16  # of one recording that are looked at


@contextmanager
def opened(path: Path, number: int = 0) -> "Iterator[tuple[av.container.InputContainer, av.VideoStream]]":
    """The container and its video stream of that number, counted from 0.

    Streams of recording n, from 0, of several appended to each other count from n × `MAX_STREAMS`. What
    FFmpeg and the file system say inside becomes MediaError.
    """
    part, number = divmod(number, MAX_STREAMS)
    with opened_container(path, part) as container:
        yield container, choose_stream(container, number)


@contextmanager
def opened_container(path: Path, part: int = 0) -> Iterator[av.container.InputContainer]:
    """The same without a stream."""
    with _explained(), _open(path, part) as container:
        yield container


def find_streams(container: av.container.InputContainer) -> list[int]:
    """Numbers of the streams that show pictures: those that move, then covers and previews.

    Raises UnsupportedMediaError when there is none.
    """
    videos = container.streams.video
    if not videos:
        raise UnsupportedMediaError("no picture in it, only sound or data")
    return sorted(
        range(len(videos)), key=lambda one: bool(videos[one].disposition & Disposition.attached_pic)
    )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        raise MediaError(f"cannot be read on: {reason_of(error)}") from error
    except OSError as error:
        raise MediaError(f"cannot be read: {error.strerror or error}") from error


def _open(path: Path, part: int) -> av.container.InputContainer:
    with path.open("rb") as file:
        demuxer = find_container(file.read(SIGNATURE_BYTES))
    # The demuxer is named and only the file protocol allowed: a playlist or a reference to another file
    # or address inside a stranger's video is never followed.
    parts = find_parts(path)
    if part >= len(parts):
        raise MediaError(f"no recording {part + 1} in it")
    start, end = parts[part]
    within = f"subfile,,start,{start},end,{end},,:" if start or end else ""
    options = {"protocol_whitelist": "file,subfile" if within else "file", "enable_drefs": "0"}
    options["max_pixels"] = str(
        2 * _most_pixels(USUAL_BITS)
    )  # to look inside; what is larger has no size then
    return av.open(
        f"{within}file:{path}",
        format=demuxer,
        options=options,
        metadata_errors="replace",
        timeout=ANSWER_SECONDS,
    )


def choose_stream(container: av.container.InputContainer, number: int) -> av.VideoStream:
    """The video stream of that number, ready to be decoded. Raises MediaError."""
    if number >= len(container.streams.video):
        raise MediaError(f"no video stream {number} in it")
    stream = container.streams.video[number]
    context = stream.codec_context
    if context is None or not context.codec:
        raise NotReadError("its video codec is unknown to FFmpeg")
    bits = context.format.padded_bits_per_pixel if context.format else USUAL_BITS
    if context.width * context.height > _most_pixels(bits):
        size = f"{context.width} × {context.height} pixels of {bits} bits"
        raise MediaError(f"too large: {size} a frame, more than {MAX_FRAME_BYTES / 1e6:.0f} MB")
    context.options = {"max_pixels": str(_most_pixels(bits))}
    context.thread_count = 1  # workers are the parallelism
    return stream


def _most_pixels(bits: int) -> int:
    return MAX_FRAME_BYTES * 8 // max(1, bits)


def reason_of(error: av.FFmpegError) -> str:
    """FFmpeg's own words; its last log line says more than the error's name."""
    level_name_message = cast("tuple[int, str, str] | None", error.log)  # its own type hint is wrong
    return level_name_message[2].strip() if level_name_message else str(error.strerror)
