"""A picture's format, mode and size in, how many bytes decoding it takes out, before anything is decoded."""

from typing import BinaryIO

from PIL import Image

from detector.errors import MediaError

ARRAY_BYTES = 6  # a pixel: RGB, and once more where it is turned upright
STORED_BYTES = {
    "1": 1,
    "L": 1,
    "P": 1,
    "I;16": 2,
    "I;16L": 2,
    "I;16B": 2,
    "I;16N": 2,
}  # a pixel; others take 4
DECODER_BYTES = {  # a pixel, besides what is stored
    "AVIF": 12,
    "GIF": 12,
    "HEIF": 12,
    "JPEG2000": 16,
    "PPM": 4,
    "PSD": 4,
    "TGA": 4,
    "TIFF": 8,
    "WEBP": 16,
}
COEFFICIENT_BYTES = 2  # of a progressive JPEG, which holds those of all pixels, however small it is decoded
READ_WHOLE = frozenset(("AVIF", "HEIF", "WEBP"))  # formats whose decoder takes the file in one piece


def find_needed_bytes(image: Image.Image, file_bytes: int, reduced_by: int = 1) -> int:
    """Most that is in use while an opened picture, decoded at a share of its size, becomes an array."""
    width, height = image.size
    name = image.format or ""
    a_pixel = STORED_BYTES.get(image.mode, 4) + DECODER_BYTES.get(name, 0) + ARRAY_BYTES
    needed = -(-width // reduced_by) * -(-height // reduced_by) * a_pixel
    if image.info.get("progressive") or image.info.get("progression"):
        needed += int(width * height * COEFFICIENT_BYTES * _components(image))
    return needed + (file_bytes if name in READ_WHOLE else 0)


def check_memory(needed: int, allowed: int, size: tuple[int, int]) -> None:
    """Raises MediaError where more is needed than may be used."""
    if needed > allowed:
        width, height = size
        raise MediaError(
            f"too large: {width} × {height} pixels take {needed / 1e6:,.0f} MB of memory, "
            f"{allowed / 1e6:,.0f} are allowed (--photo-memory)"
        )


def check_webp(file: BinaryIO, allowed: int) -> None:
    """Raises MediaError for a WebP that declares too large a picture: Pillow makes room as it opens it."""
    file.seek(0)
    head = file.read(30)
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        return
    if head[12:16] == b"VP8X":
        size = int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    elif head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        size = int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    check_memory(size[0] * size[1] * (4 + DECODER_BYTES["WEBP"] + ARRAY_BYTES), allowed, size)


def _components(image: Image.Image) -> float:
    """Pixels of all components a pixel of the picture: 1.5 for colour at half of its sides."""
    layers: list[tuple[int, int]] = [(h, v) for _, h, v, _ in getattr(image, "layer", [])]
    if not layers:
        return 3.0
    largest = max(h for h, _ in layers) * max(v for _, v in layers)
    return sum(h * v for h, v in layers) / largest
