"""What this installation can open out: tried, as far as a picture can be made to try it with."""

import tempfile
from pathlib import Path

import av
import av.codec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detector.errors import MediaError
from detector.frames.frame import Coverage, Sampling
from detector.frames.photo_opening import register_formats
from detector.frames.reading import read_frames, read_image
from detector.sources import Media

PHOTOS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WebP": ".webp",
    "TIFF": ".tif",
    "GIF": ".gif",
    "AVIF": ".avif",
    "HEIC": ".heic",
}
CODECS = {
    "H.264": "h264",
    "HEVC": "hevc",
    "AV1": "av1",
    "VP9": "vp9",
    "VP8": "vp8",
    "MPEG-4": "mpeg4",
    "MPEG-2": "mpeg2video",
    "ProRes": "prores",
    "Motion JPEG": "mjpeg",
    "Windows Media": "wmv3",
    "Flash": "flv",
    "DV": "dvvideo",
}
SIDE, COLOUR, TOLERANCE = 64, (200, 60, 30), 12  # levels that a lossy format may be off


def try_photos() -> dict[str, str]:
    """For each photo format why a picture of it is not read, "" when it is."""
    register_formats()
    with tempfile.TemporaryDirectory() as folder:
        return {name: _try_photo(Path(folder) / f"a{suffix}") for name, suffix in PHOTOS.items()}


def try_video() -> str:
    """Why a video that is made here is not read to its end, "" when it is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        try:
            _write_video(path)
            frames = list(
                read_frames(Media(path.parent, path.name, "video", path), Sampling(), Coverage("video"))
            )
        except (MediaError, av.FFmpegError, OSError, ValueError) as error:
            return str(error)
    return "" if frames and _is_off(frames[0].image) <= TOLERANCE else "its picture is another"


def find_video_decoders() -> dict[str, bool]:
    """For each kind of video that is common whether FFmpeg decodes it here."""
    return {name: _has_decoder(codec) for name, codec in CODECS.items()}


def ffmpeg_version() -> str:
    """The version of FFmpeg's own codecs that videos are decoded with."""
    return ".".join(str(part) for part in av.library_versions["libavcodec"])


def _try_photo(path: Path) -> str:
    try:
        Image.new("RGB", (SIDE, SIDE), COLOUR).save(path)
        image = read_image(path)
    except (MediaError, OSError, KeyError, ValueError, RuntimeError) as error:
        return str(error).replace(str(path), path.name) or type(error).__name__
    off = _is_off(image)
    return "" if off <= TOLERANCE else f"colours are off by {off} of 255"


def _write_video(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10, width=SIDE, height=SIDE, pix_fmt="yuv420p")
        image = np.full((SIDE, SIDE, 3), COLOUR, np.uint8)
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def _is_off(image: NDArray[np.uint8]) -> int:
    return int(np.abs(image.mean(axis=(0, 1)) - COLOUR).max())


def _has_decoder(name: str) -> bool:
    try:
        av.codec.Codec(name, "r")
    except ValueError:  # as it calls a codec that is unknown
        return False
    return True
