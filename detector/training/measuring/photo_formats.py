"""A picture in, the same as a photo of every format, profile, orientation and place in a file out."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from detector.training.measuring.icc import make_cmyk_profile, make_rgb_profile, to_cmyk, to_space

QUALITY = 95
TO_STORED = {  # what undoes the turn that Exif's orientation asks for
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
WHITE_NITS, PEAK_NITS = 203, 1000
GREY = (90, 90, 90)


@dataclass(frozen=True, slots=True)
class Written:
    """One way to write a picture, as a row of the table of formats."""

    name: str
    suffix: str
    write: Callable[[Image.Image, Path], object]
    same_place: bool = True
    """Whether the picture fills what is shown, so that boxes and colours can be compared."""
    shown_at: float = 0.0
    """Seconds from the start of a video from which on, for a second, it is seen."""


def with_orientation(value: int) -> Image.Exif:
    """Exif that says how a picture has to be turned."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def _save(image: Image.Image, path: Path, **options: object) -> None:
    image.save(path, **({"quality": QUALITY} | options))  # type: ignore[arg-type]


def _in_space(image: Image.Image, path: Path, *, space: str, **options: object) -> None:
    _save(to_space(image, space), path, icc_profile=make_rgb_profile(space), **options)


def _in_cmyk(image: Image.Image, path: Path) -> None:
    _save(to_cmyk(image), path, icc_profile=make_cmyk_profile())


def _told_by_exif(image: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA001: 0xFFFF, 0xA005: {1: "R03"}})
    _save(to_space(image, "Adobe RGB"), path, exif=exif)


def _turned(image: Image.Image, path: Path, *, value: int) -> None:
    _save(image.transpose(TO_STORED[value]), path, exif=with_orientation(value))


def _turned_heif(image: Image.Image, path: Path, *, value: int) -> None:
    import pillow_heif

    stored = image.transpose(TO_STORED[value])
    pillow_heif.from_pillow(stored).save(path, quality=QUALITY, exif=with_orientation(value).tobytes())


# HDR


def to_hdr(image: Image.Image, transfer: str) -> Image.Image:
    """An sRGB picture as values of BT.2020 in PQ or HLG that look the same, paper white at 203 nits."""
    levels = np.asarray(image).reshape(-1, 3) / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4) @ TO_BT2020.T
    nits = np.maximum(light, 0) * WHITE_NITS
    if transfer == "pq":
        power = (nits / 10_000) ** (2610 / 16_384)
        signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32)
    else:
        display = nits / PEAK_NITS
        luminance = (display @ np.array([0.2627, 0.6780, 0.0593]))[:, None]
        scene = display * np.maximum(luminance, 1e-9) ** (1 / 1.2 - 1)
        signal = np.where(
            *(scene <= 1 / 12, np.sqrt(3 * scene)),
            0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
        )
    values = np.round(np.clip(signal, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(values.reshape(image.height, image.width, 3))


def _hdr_heif(image: Image.Image, path: Path, *, transfer: str) -> None:
    import pillow_heif

    points = {"color_primaries": 9, "transfer_characteristics": {"pq": 16, "hlg": 18}[transfer]}
    pillow_heif.from_pillow(to_hdr(image, transfer)).save(path, quality=QUALITY, **points)


def _hdr_avif(image: Image.Image, path: Path) -> None:
    content = io.BytesIO()
    to_hdr(image, "pq").save(content, "AVIF", quality=QUALITY)
    avif = content.getvalue()
    at = avif.index(b"nclx") + 4
    path.write_bytes(avif[:at] + struct.pack(">HH", 9, 16) + avif[at + 4 :])


def _with_code_points(image: Image.Image, path: Path, *, primaries: int, transfer: int) -> None:
    stored = to_hdr(image, "pq") if transfer == 16 else to_space(image, "Display P3")
    content = io.BytesIO()
    stored.save(content, "PNG")
    chunk = b"cICP" + bytes([primaries, transfer, 0, 1])
    png = content.getvalue()
    path.write_bytes(
        png[:33] + struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    )


# Several pictures in a file


def _blank(image: Image.Image) -> Image.Image:
    return Image.new("RGB", image.size, GREY)


def _second(image: Image.Image, path: Path, *, format_name: str) -> None:
    options = {"quality": QUALITY} if format_name == "MPO" else {}
    _blank(image).save(path, format_name, save_all=True, append_images=[image.copy()], **options)


def _second_heif(image: Image.Image, path: Path) -> None:
    import pillow_heif

    pictures = pillow_heif.from_pillow(_blank(image))
    pictures.add_from_pillow(image)
    pictures.save(path, quality=QUALITY)


def _raw(image: Image.Image, path: Path) -> None:
    """As cameras write it: a thumbnail first, below it what the sensor saw and a preview."""
    preview = io.BytesIO()
    image.save(preview, "JPEG", quality=QUALITY)
    thumbnail = ImageOps.contain(image, (160, 160))
    size = 8 + 2 + 12 * 8 + 4
    pixels = thumbnail.tobytes()
    tags = [(254, 4, 1), (256, 4, thumbnail.width), (257, 4, thumbnail.height), (258, 3, 8), (262, 3, 2)]
    tags += [(273, 4, size), (277, 3, 3), (330, 4, size + len(pixels))]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    sensor = struct.pack("<HHHIIHHII", 2, 262, 3, 1, 32803, 256, 4, 1, 6000) + bytes(4)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + bytes(4)
    path.write_bytes(head + pixels + sensor + preview.getvalue())


def _photoshop(image: Image.Image, path: Path) -> None:
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, image.height, image.width, 8, 3)
    path.write_bytes(head + bytes(12) + b"\0\0" + np.asarray(image).transpose(2, 0, 1).tobytes())


# Very long pictures


def _long(image: Image.Image, path: Path, *, size: tuple[int, int]) -> None:
    """The picture as one of many things in a long one, as wide as its short side."""
    width, height = size
    shown = ImageOps.contain(image, (min(size), min(size)))
    canvas = Image.new("RGB", size, (229, 221, 213))
    along = 0.37  # of the way
    left = round((width - shown.width) * (along if width > height else 0.5))
    top = round((height - shown.height) * (along if height > width else 0.5))
    canvas.paste(shown, (left, top))
    _save(canvas, path)


PHOTO_FORMATS = (
    Written("JPEG", ".jpg", _save),
    *(
        Written(f"JPEG, {space}", ".jpg", partial(_in_space, space=space))
        for space in ("Display P3", "Adobe RGB", "ProPhoto")
    ),
    Written("JPEG, Adobe RGB by Exif", ".jpg", _told_by_exif),
    Written("JPEG, CMYK with profile", ".jpg", _in_cmyk),
    *(Written(f"JPEG, orientation {value}", ".jpg", partial(_turned, value=value)) for value in TO_STORED),
    Written("PNG", ".png", _save),
    Written("PNG, Display P3 (iCCP)", ".png", partial(_in_space, space="Display P3")),
    Written("PNG, Display P3 (cICP)", ".png", partial(_with_code_points, primaries=12, transfer=13)),
    Written("PNG, HDR PQ (cICP)", ".png", partial(_with_code_points, primaries=9, transfer=16)),
    Written("WebP, Display P3", ".webp", partial(_in_space, space="Display P3")),
    Written("WebP, orientation 7", ".webp", partial(_turned, value=7)),
    Written("TIFF, ProPhoto", ".tif", partial(_in_space, space="ProPhoto", quality=None)),
    Written("TIFF, second page", ".tif", partial(_second, format_name="TIFF")),
    Written("HEIC, Display P3", ".heic", partial(_in_space, space="Display P3")),
    *(
        Written(f"HEIC, orientation {value}", ".heic", partial(_turned_heif, value=value))
        for value in (5, 6, 7)
    ),
    Written("HEIC, HDR PQ", ".heic", partial(_hdr_heif, transfer="pq")),
    Written("HEIC, HDR HLG", ".heic", partial(_hdr_heif, transfer="hlg")),
    Written("HEIC, second picture", ".heic", _second_heif),
    Written("AVIF, Display P3", ".avif", partial(_in_space, space="Display P3")),
    Written("AVIF, HDR PQ", ".avif", _hdr_avif),
    Written("MPO, second picture", ".jpg", partial(_second, format_name="MPO")),
    Written("JPEG 2000", ".jp2", partial(_save, quality_mode="rates", quality_layers=[10])),
    Written("PPM", ".ppm", _save),
    Written("Targa", ".tga", _save),
    Written("Photoshop", ".psd", _photoshop),
    Written("Camera raw, by its preview", ".nef", _raw),
    Written("Chat of 1080 × 9600", ".jpg", partial(_long, size=(1080, 9600)), same_place=False),
    Written("Panorama of 12000 × 1000", ".jpg", partial(_long, size=(12_000, 1000)), same_place=False),
)
