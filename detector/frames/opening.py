"""A video's path in, its opened container and video stream out, through FFmpeg."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import av
import av.container

from detector.errors import MediaError, UnsupportedMediaError
from detector.formats import SIGNATURE_BYTES, find_container

MAX_VIDEO_PIXELS = 8192 * 8192  # a frame; 8K video has half of it


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
        raise MediaError(f"cannot be read on: {reason_of(error)}") from error
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


def reason_of(error: av.FFmpegError) -> str:
    """FFmpeg's own words; its last log line says more than the error's name."""
    level_name_message = cast("tuple[int, str, str] | None", error.log)  # its own type hint is wrong
    return level_name_message[2].strip() if level_name_message else str(error.strerror)
