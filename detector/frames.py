"""Media in, Frames out: the only module that opens photos and videos."""

import functools
import re
import struct
import time
import warnings
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

import av
import av.container
import av.stream
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps
from PIL.Image import open as open_image  # bound now: ultralytics replaces Image.open by one that installs

from detector.errors import MediaError, UnsupportedMediaError
from detector.sources import SIGNATURE_BYTES, Kind, Media, find_container, suffix_kind

PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "HEIF", "AVIF")
ANIMATED_FORMATS = frozenset(("GIF", "WEBP", "PNG", "AVIF"))
MAX_PHOTO_PIXELS = 178_000_000  # twice Pillow's own warning level; past this it refuses too
MAX_VIDEO_PIXELS = 8192 * 8192  # a frame; 8K video has half of it
MAX_VIDEO_FRAMES = 4_000_000  # a file; 18 hours at 60 frames a second
MAX_ANIMATION_FRAMES = 20_000
MAX_BAD_PACKETS = 64  # in a row; past this nothing useful follows and the video counts as broken off
MAX_MISSING_SECONDS = 1.0  # and MAX_MISSING_SHARE: declared lengths are rounded and audio may outlast video
MAX_MISSING_SHARE = 0.05
PLANAR_LUMA = frozenset(("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"))
EPOCH_YEAR = 1970  # writers that know no time leave 1904 or 1970
LANDMARK_SECONDS = 1.0
SAME_TIME_SECONDS = 1e-4  # stamps are finer, rounding is not
UTC_OFFSET = re.compile(r"[+-]\d\d:\d\d|Z")
PILLOW_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError, TypeError),
    *(OverflowError, MemoryError, NotImplementedError, RuntimeError, Image.DecompressionBombError),
)  # what its readers are seen to raise for damaged files


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture with its time."""

    index: int
    """Count of the frame in its file from 0, in order of presentation (with `keyframes`, of storage)."""
    time_seconds: float
    """Presentation time minus the start of the stream; 0 for photos."""
    image: NDArray[np.uint8]
    """Upright RGB, shape (height, width, 3); only to be read."""
    resolution_wh: tuple[int, int]
    """Pixels of the file's own picture; more than those of `image` where that was decoded smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which frames of a video are given out."""

    every_seconds: float = 1.0
    """At most one frame, the sharpest, from each span of this length; 0 gives all frames."""
    keyframes: bool = False
    """Only frames that decode without others."""
    photo_side: int = 0
    """Pixels that the long side of a JPEG photo must have at least: a larger one is decoded at a half, a
    quarter or an eighth where that leaves as many, which is much faster. With 0 it is not."""
    max_seconds: float = float("inf")
    """Working time after which reading a video ends with a reason."""


@dataclass(slots=True)
class Coverage:
    """What has been read of one file; counts up while its frames are read."""

    kind: Kind
    width: int = 0
    """Pixels of the first upright frame; 0 while none is known."""
    height: int = 0
    frames_read: int = 0
    """Frames given out."""
    frames_unreadable: int = 0
    """Damaged packets and frames, passed over or given out in part."""
    read_seconds: float = 0.0
    """End of the last frame that was decoded."""
    declared_seconds: float = 0.0
    """Length the file claims; 0 when it claims none."""
    captured_at: str = ""
    """Time of capture the file claims, ISO 8601, with its offset from UTC if that is known."""
    landmarks: "list[Landmark]" = field(default_factory=list)
    """Frames of a video from which `read_spans` can count on."""

    def lacks_landmark(self, time_seconds: float) -> bool:
        """Whether the last landmark is so far back that another is worth its memory."""
        return not self.landmarks or time_seconds >= self.landmarks[-1].time_seconds + LANDMARK_SECONDS


@dataclass(frozen=True, slots=True)
class Landmark:
    """A frame that decodes without others."""

    stamp: int
    """Presentation time in the stream's own units."""
    index: int
    time_seconds: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    index: int
    time_seconds: float
    picture: "av.VideoFrame | NDArray[np.uint8]"


def read_frames(media: Media, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    """The frames of a photo (one; a TIFF one for each page) or video, upright, RGB.

    `coverage` is kept up to date. Raises UnsupportedMediaError when there is no picture to read, MediaError
    when the file breaks off: what was given out before is sound.
    """
    if media.kind == "photo":
        frames = _read_pillow(media.path, sampling, coverage)
    elif media.kind == "video":
        frames = _read_video(media.path, sampling, coverage)
    else:
        raise _explain_other(media.path)
    for frame in frames:
        if not coverage.frames_read:
            coverage.width, coverage.height = frame.resolution_wh
        coverage.frames_read += 1
        yield frame


def read_image(path: Path) -> NDArray[np.uint8]:
    """One photo, upright RGB (height, width, 3), the caller's own. Raises MediaError."""
    return next(_read_pillow(path, Sampling(), Coverage("photo"))).image.copy()


def _explain_other(path: Path) -> MediaError:
    try:
        with path.open("rb") as file:
            head = file.read(SIGNATURE_BYTES)
    except OSError as error:
        return MediaError(f"cannot be read: {error.strerror}")
    claimed = suffix_kind(path)
    if claimed == "other":
        return UnsupportedMediaError("not a photo or video")
    if not head:
        return MediaError("the file is empty")
    return MediaError(f"named {path.suffix.lower()} but its content is no photo or video this tool knows")


# Photos and animated pictures


@functools.cache
def _register_formats() -> None:
    import pillow_heif

    Image.init()
    pillow_heif.register_heif_opener()


def _read_pillow(path: Path, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    _register_formats()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged metadata; the pixels decide here
        try:
            with open_image(path, formats=PHOTO_FORMATS) as image:
                if image.width * image.height > MAX_PHOTO_PIXELS:
                    raise MediaError(f"too large: {image.width} × {image.height} pixels")
                if image.format in ANIMATED_FORMATS and getattr(image, "is_animated", False):
                    coverage.kind = "video"
                    for candidate in _pick_sharpest(
                        _animation(image, sampling, coverage), sampling.every_seconds
                    ):
                        yield _whole_frame(candidate)
                else:
                    coverage.captured_at = _photo_capture_time(image)
                    yield from _photo_pages(image, coverage, sampling.photo_side)
        except Image.DecompressionBombError as error:
            raise MediaError(f"too large: {error}") from error
        except PILLOW_ERRORS as error:
            if isinstance(error, OSError) and error.strerror:
                raise MediaError(f"cannot be read: {error.strerror}") from error
            raise MediaError(f"damaged: {error}") from error


def _photo_pages(image: Image.Image, coverage: Coverage, photo_side: int) -> Iterator[Frame]:
    width, height = image.size
    if photo_side and image.format == "JPEG":
        share = photo_side / max(width, height)
        image.draft(None, (round(width * share), round(height * share)))  # never smaller than that
    pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    for page in range(pages):
        if page:
            image.seek(page)
            if image.width * image.height > MAX_PHOTO_PIXELS:
                raise MediaError(f"too large: page {page + 1} has {image.width} × {image.height} pixels")
        try:
            image.load()
        except PILLOW_ERRORS as error:
            coverage.frames_unreadable += 1
            with _truncated_allowed():
                image.load()
            yield _photo_frame(page, image, (width, height))
            raise MediaError(f"damaged, seen only in part: {error}") from error
        yield _photo_frame(page, image, (width, height))


def _photo_capture_time(image: Image.Image) -> str:
    """DateTimeOriginal with OffsetTimeOriginal (Exif 3.0, 4.6.6.2.3); "" for none that is a time."""
    try:
        tags = image.getexif().get_ifd(ExifTags.IFD.Exif)
        taken = datetime.strptime(
            str(tags.get(ExifTags.Base.DateTimeOriginal, "")).strip("\0 "), "%Y:%m:%d %H:%M:%S"
        )
        offset = str(tags.get(ExifTags.Base.OffsetTimeOriginal, "")).strip("\0 ")
    except PILLOW_ERRORS:
        return ""
    return taken.isoformat() + (offset if UTC_OFFSET.fullmatch(offset) else "")


def _photo_frame(page: int, image: Image.Image, resolution_wh: tuple[int, int]) -> Frame:
    rgb = _photo_rgb(image)
    height, width = rgb.shape[:2]
    if not page and max(resolution_wh) > max(width, height):
        lying = (width > height) == (resolution_wh[0] > resolution_wh[1])
        return Frame(page, 0.0, rgb, resolution_wh if lying else resolution_wh[::-1])
    return Frame(page, 0.0, rgb, (width, height))


@contextmanager
def _truncated_allowed() -> Iterator[None]:
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _animation(image: Image.Image, sampling: Sampling, coverage: Coverage) -> Iterator[_Candidate]:
    give_up_at = time.monotonic() + sampling.max_seconds
    time_seconds = 0.0
    for index in range(MAX_ANIMATION_FRAMES):
        try:
            image.seek(index)
            image.load()
        except EOFError:
            return
        yield _Candidate(index, time_seconds, _photo_rgb(image))
        time_seconds += float(image.info.get("duration", 0) or 100) / 1000  # browsers show 0 as 0.1 s
        coverage.read_seconds = time_seconds
        if time.monotonic() > give_up_at:
            raise MediaError(f"stopped by the time limit at {time_seconds:.1f} s")
    raise MediaError(f"stopped after {MAX_ANIMATION_FRAMES} frames")


def _photo_rgb(image: Image.Image) -> NDArray[np.uint8]:
    upright = image
    with suppress(*PILLOW_ERRORS):  # broken metadata is no reason to lose the picture
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        return _deep_grey_rgb(np.asarray(upright))
    if upright.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in upright.info:
        layers = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    return np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))


def _deep_grey_rgb(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey of 16 or 32 bits, or floating point, as 8-bit RGB; Pillow's own conversion clips at 255."""
    values = np.nan_to_num(grey.astype(np.float32))
    top = float(values.max(initial=0))
    full = next((full for full in (1.0, 255.0, 65535.0) if top <= full), top)
    if grey.dtype == np.uint16:
        full = 65535.0
    eight = np.clip(values * (255.0 / full), 0, 255).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=2)


# Videos


def _read_video(path: Path, sampling: Sampling, coverage: Coverage) -> Iterator[Frame]:
    with _opened(path) as (container, stream):
        coverage.declared_seconds = _declared_seconds(container, stream)
        coverage.captured_at = _video_capture_time(container)
        decoded = _decode(container, stream, sampling, coverage)
        every = 0 if sampling.keyframes else sampling.every_seconds
        for candidate in _pick_sharpest(decoded, every):
            yield _whole_frame(candidate)


@contextmanager
def _opened(path: Path) -> "Iterator[tuple[av.container.InputContainer, av.VideoStream]]":
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
) -> Iterator[_Candidate]:
    """Decoded frames in order of presentation. Raises MediaError when the file breaks off or is cut."""
    clock = _Clock(stream)
    decoder = _Decoder(coverage)
    give_up_at = time.monotonic() + sampling.max_seconds
    index = 0
    for packet in _read_packets(container, stream, coverage):
        if sampling.keyframes and packet.size and not packet.is_keyframe:
            index += 1
            continue
        for picture in decoder.decode(packet):
            seconds = clock.seconds(picture)
            if picture.key_frame and picture.pts is not None and coverage.lacks_landmark(seconds):
                coverage.landmarks.append(Landmark(picture.pts, index, seconds))
            coverage.read_seconds = max(coverage.read_seconds, clock.frame_end(picture, seconds))
            yield _Candidate(index, seconds, picture)
            index += 1
        if time.monotonic() > give_up_at:
            raise MediaError(f"stopped by the time limit{_where(coverage)}")
        if index > MAX_VIDEO_FRAMES:
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


# A second, closer look


def read_spans(
    media: Media, spans: Sequence[tuple[float, float]], sampling: Sampling, coverage: Coverage
) -> Iterator[Frame]:
    """The sharpest frame of each `every_seconds` within spans of a video that has been read before.

    `spans` are (start, end) in seconds, in order and apart. `coverage` is what the first reading left; it is
    not changed. Ends early and in silence where the video breaks off or the working time is over: the first
    reading has told of that. Where a frame's index cannot be known, none is given out.
    """
    try:
        for candidate in _pick_sharpest(_within(media, spans, sampling, coverage), sampling.every_seconds):
            yield _whole_frame(candidate)
    except (MediaError, *PILLOW_ERRORS):
        return


def _within(
    media: Media, spans: Sequence[tuple[float, float]], sampling: Sampling, coverage: Coverage
) -> Iterator[_Candidate]:
    if media.kind == "photo":  # an animated picture: no way to begin in the middle
        with open_image(media.path, formats=PHOTO_FORMATS) as image:
            for candidate in _animation(image, sampling, Coverage("video")):
                if any(start <= candidate.time_seconds <= end for start, end in spans):
                    yield candidate
        return
    give_up_at = time.monotonic() + sampling.max_seconds
    with _opened(media.path) as (container, stream):
        for start, end in spans if coverage.landmarks else ():
            for candidate in _decode_from(container, stream, start, coverage.landmarks):
                if candidate.time_seconds > end or time.monotonic() > give_up_at:
                    break
                if candidate.time_seconds >= start:
                    yield candidate


def _decode_from(
    container: av.container.InputContainer, stream: av.VideoStream, start: float, landmarks: list[Landmark]
) -> Iterator[_Candidate]:
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
                yield _Candidate(index, clock.seconds(picture), picture)
            elif clock.seconds(picture) > start:
                return


# What both share


def _pick_sharpest(candidates: Iterable[_Candidate], every_seconds: float) -> Iterator[_Candidate]:
    """The sharpest candidate of each span of `every_seconds`; all of them when it is 0."""
    best: _Candidate | None = None
    best_span, best_sharpness = 0, -1.0
    try:
        for candidate in candidates:
            if not every_seconds:
                yield candidate
                continue
            span = int(candidate.time_seconds / every_seconds)
            sharpness = _sharpness(candidate.picture)
            if best and span != best_span:
                yield best
                best = None
            if not best or sharpness > best_sharpness:
                best, best_span, best_sharpness = candidate, span, sharpness
    except (MediaError, av.FFmpegError, *PILLOW_ERRORS):
        if best:  # what was seen until the file broke is kept
            yield best
        raise
    if best:
        yield best


def _whole_frame(candidate: _Candidate) -> Frame:
    image = _to_rgb(candidate.picture)
    return Frame(candidate.index, candidate.time_seconds, image, (image.shape[1], image.shape[0]))


def _sharpness(picture: "av.VideoFrame | NDArray[np.uint8]") -> float:
    """Mean brightness step between neighbours, across and down, on every fourth row."""
    if isinstance(picture, np.ndarray):
        luma = picture[..., 1]
    else:
        if picture.format.name not in PLANAR_LUMA:
            picture = picture.reformat(format="gray")
        plane = picture.planes[0]
        luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
            : plane.height, : plane.width
        ]
    rows = np.ascontiguousarray(luma[:-1:4])
    below = np.ascontiguousarray(luma[1::4][: len(rows)])
    if rows.shape[0] < 1 or rows.shape[1] < 2:
        return 0.0
    return float(cv2.absdiff(rows[:, 1:], rows[:, :-1]).mean() + cv2.absdiff(rows, below).mean())


def _to_rgb(picture: "av.VideoFrame | NDArray[np.uint8]") -> NDArray[np.uint8]:
    if isinstance(picture, np.ndarray):
        return picture
    image = picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    turns = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


# One frame again


def read_frame_at(media: Media, frame_index: int, time_seconds: float) -> NDArray[np.uint8]:
    """A frame that `read_frames` gave out before, upright RGB; of a video without reading all before it.

    Raises MediaError when it is not there any more.
    """
    if media.kind == "video":
        for seek in (True, False):  # a container may arrive late, and is then read from its start
            image = _read_at(media.path, time_seconds, seek=seek)
            if image is not None:
                return image
    else:
        for frame in read_frames(media, Sampling(every_seconds=0), Coverage(media.kind)):
            if frame.index == frame_index:
                return frame.image
    raise MediaError(f"no frame {frame_index} at {time_seconds:.3f} s")


def _read_at(path: Path, time_seconds: float, *, seek: bool) -> NDArray[np.uint8] | None:
    with _opened(path) as (container, stream):
        clock, decoder = _Clock(stream), _Decoder(Coverage("video"))
        if seek:
            if clock.start is None or not clock.time_base:
                return None
            container.seek(clock.start + int(time_seconds / clock.time_base), stream=stream)
        for packet in container.demux(stream):
            for picture in decoder.decode(packet):
                apart = clock.seconds(picture) - time_seconds
                if abs(apart) <= SAME_TIME_SECONDS:
                    return _to_rgb(picture)
                if apart > 0:
                    return None
    return None
