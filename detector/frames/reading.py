"""Media in, frames out, whatever the media is."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.errors import MediaError, NotReadError, UnsupportedMediaError
from detector.formats import SIGNATURE_BYTES, claimed_kind, find_packed, find_unread
from detector.frames.frame import PHOTO_BYTES, Coverage, Frame, Sampling
from detector.frames.motion import has_stills, read_moving_part
from detector.frames.photos import read_animation, read_photo
from detector.frames.seeking import decode_spans, read_at
from detector.frames.sharpest import PILLOW_ERRORS, Candidate, pick_sharpest, whole_frame
from detector.frames.timeline import Timeline
from detector.frames.videos import read_video
from detector.ids import STREAM_FRAMES, stream_of
from detector.sources import Media

FRAME_SECONDS = 120.0  # of work to find one frame again: the review waits for it, and some files never end


def read_frames(media: Media, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """The frames of a photo (one; a TIFF one for each page) or video, upright, RGB.

    `coverage` is kept up to date. Raises UnsupportedMediaError when there is no picture in it, NotReadError
    when there are pictures that this tool cannot read, MediaError when the file breaks off: what was
    given out before is sound.
    """
    if media.kind == "photo":
        frames = _read_photo_file(media.path, sampling, coverage)
    elif media.kind == "video":
        frames = read_video(media.path, sampling, coverage)
    else:
        raise _explain_other(media.path)
    for frame in _guarded(frames, media.path):
        if not coverage.frames_read:
            coverage.width, coverage.height = frame.resolution_wh
        coverage.frames_read += 1
        yield frame


def _read_photo_file(path: Path, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """What stands in the file, then what moves in it."""
    try:
        stills = has_stills(path)
    except OSError as error:
        raise MediaError(f"cannot be read: {error.strerror}") from error
    if stills:
        yield from read_photo(path, sampling, coverage)
    if coverage.kind == "photo":  # else all of it was an animation
        yield from read_moving_part(path, sampling, coverage)


def _guarded(frames: Iterator[Frame], path: Path) -> Iterator[Frame]:
    """The frames; whatever a decoder raises besides what it is known to raise costs this file alone."""
    try:
        yield from frames
    except MediaError:
        raise
    except Exception as error:
        said = str(error).replace(str(path), path.name)
        raise MediaError(f"its decoder failed: {type(error).__name__}: {said}") from error


def read_image(
    path: Path, *, photo_side: int = 0, index: int = 0, photo_bytes: int = PHOTO_BYTES
) -> NDArray[np.uint8]:
    """One picture of a photo, upright RGB (height, width, 3), read-only, as with `Sampling`.

    Raises MediaError.
    """
    sampling = Sampling(photo_side=photo_side, photo_bytes=photo_bytes)
    for frame in _guarded(read_photo(path, sampling, Coverage("photo")), path):
        if frame.index == index:
            return frame.image
    raise MediaError(f"no picture {index + 1} in it")


def read_spans(
    media: Media,
    spans: Sequence[tuple[float, float]],
    sampling: Sampling,
    coverage: Coverage,
    stream: int = 0,
) -> Iterator[Frame]:
    """The sharpest frame of each `every_seconds` within spans of a video's stream that was read before.

    `spans` are (start, end) in seconds, in order and apart. `coverage` is what the first reading left; it is
    not changed. Ends early and in silence where the video breaks off or the working time is over: the first
    reading has told of that. Where a frame's index cannot be known, none is given out.
    """
    try:
        within = _within(media, spans, sampling, coverage.timelines.get(stream), stream)
        for candidate in pick_sharpest(within, sampling.every_seconds):
            frame = whole_frame(candidate)
            yield replace(frame, index=stream * STREAM_FRAMES + frame.index)
    except (MediaError, *PILLOW_ERRORS):
        return


def read_frame_at(
    media: Media,
    frame_index: int,
    time_seconds: float,
    *,
    photo_side: int = 0,
    max_seconds: float = FRAME_SECONDS,
) -> NDArray[np.uint8]:
    """A frame that `read_frames` gave out before, upright RGB; of a video without reading all before it.

    With a `photo_side` a JPEG is decoded smaller, as in `Sampling`. Raises MediaError when the frame is not
    there any more, or not found in `max_seconds` of work.
    """
    give_up_at = time.monotonic() + max_seconds
    if media.kind == "video":
        stream = stream_of(frame_index)
        image = read_at(media.path, stream, frame_index - stream * STREAM_FRAMES, time_seconds, give_up_at)
        if image is not None:
            return image
    left = max(give_up_at - time.monotonic(), 0)
    sampling = Sampling(every_seconds=0, photo_side=photo_side, max_seconds=left)
    for frame in read_frames(media, sampling, Coverage(media.kind)):
        if frame.index == frame_index:
            return frame.image
    raise MediaError(f"no frame {frame_index} at {time_seconds:.3f} s")


def _explain_other(path: Path) -> MediaError:
    try:
        with path.open("rb") as file:
            head = file.read(SIGNATURE_BYTES)
    except OSError as error:
        return MediaError(f"cannot be read: {error.strerror}")
    unread = find_unread(path, head)
    if unread and head:
        return NotReadError(f"{unread}: not read by this tool")
    if head and (packed := find_packed(path, head)):
        return NotReadError(f"{packed} archive, which is not looked into: unpack it and scan what was in it")
    if claimed_kind(path) == "other" and not unread:
        return UnsupportedMediaError("not a photo or video")
    if not head:
        return MediaError("the file is empty")
    return MediaError(f"named {path.suffix.lower()} but its content is no photo or video this tool knows")


def _within(
    media: Media,
    spans: Sequence[tuple[float, float]],
    sampling: Sampling,
    timeline: Timeline | None,
    stream: int,
) -> Iterator[Candidate]:
    if media.kind == "photo":  # an animated picture: no way to begin in the middle
        for candidate in read_animation(media.path, sampling):
            if any(start <= candidate.time_seconds <= end for start, end in spans):
                yield candidate
        return
    if timeline:
        give_up_at = time.monotonic() + sampling.max_seconds
        yield from decode_spans(media.path, stream, spans, timeline, give_up_at)
