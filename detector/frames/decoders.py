"""What this installation can open out: tried, as far as a picture can be made to try it with."""

import tempfile
from pathlib import Path

import av
import av.codec
import numpy as np
from PIL import Image

from detector.errors import MediaError
from detector.frames.photo_opening import register_formats
from detector.frames.reading import read_image

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
    off = int(np.abs(image.mean(axis=(0, 1)) - COLOUR).max())
    return "" if off <= TOLERANCE else f"colours are off by {off} of 255"


def _has_decoder(name: str) -> bool:
    try:
        av.codec.Codec(name, "r")
    except ValueError:  # as it calls a codec that is unknown
        return False
    return True
