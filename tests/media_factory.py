"""Tiny photos and videos for tests, made when they are needed."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from detector.sources import Media, find_kind

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]
RED, GREEN, BLUE, YELLOW = (230, 20, 20), (20, 200, 20), (20, 20, 230), (230, 230, 20)
CORNERS = (RED, GREEN, BLUE, YELLOW)  # top left, top right, bottom left, bottom right


def as_media(path: Path) -> Media:
    """The file as `find_media` gives it out."""
    return Media(path.parent, path.name, find_kind(path), path)


def corners_image(width: int = 64, height: int = 48, corners: Sequence[Colour] = CORNERS) -> Image:
    """Four quarters in four colours, so that every turn and mirroring is told apart."""
    image = np.empty((height, width, 3), np.uint8)
    middle_y, middle_x = height // 2, width // 2
    image[:middle_y, :middle_x], image[:middle_y, middle_x:] = corners[0], corners[1]
    image[middle_y:, :middle_x], image[middle_y:, middle_x:] = corners[2], corners[3]
    return image


def read_corners(image: NDArray[np.uint8]) -> list[Colour]:
    """The four colours of `CORNERS` nearest to the middles of the quarters."""
    height, width = image.shape[:2]
    points = [
        (height // 4, width // 4),
        (height // 4, width * 3 // 4),
        (height * 3 // 4, width // 4),
        (height * 3 // 4, width * 3 // 4),
    ]
    return [nearest_colour(image[point]) for point in points]


def nearest_colour(pixel: NDArray[np.uint8]) -> Colour:
    """Which of `CORNERS` a pixel that went through a lossy format was."""
    return min(CORNERS, key=lambda colour: float(np.abs(pixel.astype(float) - colour).sum()))


def grey_level(level: int, width: int = 64, height: int = 48) -> Image:
    """A plain picture; its level says which frame of a video it is."""
    return np.full((height, width, 3), level, np.uint8)


def encoder_options(codec: str, options: dict[str, str] | None = None) -> dict[str, str]:
    """What an encoder is begun with: libx265 quiet and without threads, with which it hung once for ever."""
    if codec != "libx265":
        return dict(options or {})
    more = (options or {}).get("x265-params")
    return {"x265-params": ":".join(filter(None, ["log-level=none:pools=none:frame-threads=1", more]))}


def write_video(
    path: Path,
    images: Sequence[Image],
    *,
    codec: str = "mpeg4",
    pixels: str = "yuv420p",
    milliseconds: Sequence[int] = (),
    options: dict[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
) -> Path:
    """A video of the images at 10 a second, or shown at the times given, in milliseconds.

    The encoder libx265 corrupts memory with fewer than 48 rows.
    """
    times = list(milliseconds) or [100 * index for index in range(len(images))]
    faststart = {"movflags": "faststart"} if (options or {}).pop("faststart", "") else {}
    with av.open(str(path), "w", options={**faststart, "avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream(codec, rate=10, options=encoder_options(codec, options))
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        if pixel_aspect:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        stream.codec_context.thread_count = 1  # the same bytes each time
        stream.codec_context.time_base = Fraction(1, 1000 if milliseconds else 10)
        for time, image in zip(times, images, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = time if milliseconds else time // 100
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_streams(
    path: Path, streams: Sequence[Sequence[Image]], *, codecs: Sequence[str] = (), cover: int = -1
) -> Path:
    """A file with several video streams at 10 frames a second; that of number `cover` is marked as one."""
    with av.open(str(path), "w") as container:
        opened = []
        for number, images in enumerate(streams):
            stream = container.add_stream(codecs[number] if codecs else "libx264", rate=10)
            assert isinstance(stream, av.VideoStream)
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = "yuvj420p" if stream.codec_context.name == "mjpeg" else "yuv420p"
            stream.disposition = Disposition.attached_pic if number == cover else Disposition(0)
            opened.append(stream)
        for stream, images in zip(opened, streams, strict=True):
            for index, image in enumerate(images):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Half a second of silence without a picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        for start in range(0, 22528, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turn_track(path: Path, degrees: int) -> Path:
    """Writes into an mp4 that its picture is to be shown turned clockwise, as phones do."""
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    return place_track(path, cosine, sine, -sine, cosine)


def place_track(path: Path, a: float, b: float, c: float, d: float) -> Path:
    """Writes into an mp4 that its picture is to be shown at a × across + c × down, b × across + d × down."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (round(number * (1 << 16)) for number in (a, b, c, d))
    content[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def cut_file(path: Path, share: float) -> Path:
    """Keeps the first part of a file only."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def damage_file(path: Path, first: float, last: float, seed: int = 1) -> Path:
    """Overwrites a stretch of a file with random bytes."""
    content = bytearray(path.read_bytes())
    start, end = int(len(content) * first), int(len(content) * last)
    content[start:end] = np.random.default_rng(seed).bytes(end - start)
    path.write_bytes(content)
    return path


def noisy_images(count: int, width: int = 64, height: int = 48) -> list[Image]:
    """Frames that take up space in any codec, so that a cut or damaged stretch falls into them."""
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, (height, width, 3)).astype(np.uint8) for _ in range(count)]
