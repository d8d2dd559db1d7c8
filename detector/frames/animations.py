"""An opened animated picture in, its frames with their times out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from detector.errors import MediaError
from detector.frames.frame import Coverage, Sampling
from detector.frames.pixels import read_pixels
from detector.frames.profiles import ToSrgb
from detector.frames.sharpest import Candidate

ANIMATED_FORMATS = frozenset(("GIF", "WEBP", "PNG", "AVIF"))
MAX_ANIMATION_FRAMES = 20_000


def is_animated(image: Image.Image) -> bool:
    """Whether it moves; several pictures in one file may also be pages."""
    return image.format in ANIMATED_FORMATS and bool(getattr(image, "is_animated", False))


def read_animated(
    image: Image.Image, convert: ToSrgb, sampling: Sampling, coverage: Coverage, needed_bytes: int
) -> Iterator[Candidate]:
    """Every frame; the first takes `needed_bytes` of memory.

    Raises what Pillow raises, and MediaError where it goes on for too long or a later frame takes too much.
    """
    pixels = image.width * image.height * sampling.photo_bytes // needed_bytes
    give_up_at = time.monotonic() + sampling.max_seconds
    time_seconds = 0.0
    for index in range(MAX_ANIMATION_FRAMES):
        try:
            with _at_most(pixels):
                image.seek(index)
                image.load()
        except EOFError:
            return
        except Image.DecompressionBombError as error:
            raise MediaError(f"too large: picture {index + 1} ({error}; --photo-memory)") from error
        yield Candidate(index, time_seconds, read_pixels(image, convert))
        time_seconds += float(image.info.get("duration", 0) or 100) / 1000  # browsers show 0 as 0.1 s
        coverage.read_seconds = time_seconds
        if time.monotonic() > give_up_at:
            raise MediaError(f"stopped by the time limit at {time_seconds:.1f} s")
    raise MediaError(f"stopped after {MAX_ANIMATION_FRAMES} frames")


@contextmanager
def _at_most(pixels: int) -> Iterator[None]:
    """Pillow's own limit, at twice of which it refuses: a GIF's later frames may be larger than its first."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max(pixels // 2, 1)
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
