import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector.frames import Coverage, Sampling, read_frames, read_image
from detector.frames.photo_opening import register_formats
from detector.training.measuring.icc import (
    SPACES,
    make_cmyk_profile,
    make_grey_profile,
    make_rgb_profile,
    to_cmyk,
    to_space,
)
from tests.media_factory import CORNERS, as_media, corners_image

WIDE = [space for space in SPACES if space != "sRGB"]


def original() -> Image.Image:
    return Image.fromarray(corners_image())


def differs(image: NDArray[np.uint8]) -> int:
    """By how many levels the middles of the quarters differ from `CORNERS` at most."""
    middles = image[[12, 12, 36, 36], [16, 48, 16, 48]].astype(int)
    return int(np.abs(middles - np.array(CORNERS)).max())


def notes_of(path: Path) -> list[str]:
    coverage = Coverage("photo")
    list(read_frames(as_media(path), Sampling(), coverage))
    return coverage.notes


@pytest.mark.parametrize("space", WIDE)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "heic", "avif"])
def test_a_photo_in_another_profile_has_the_colours_it_is_shown_with(
    tmp_path: Path, suffix: str, space: str
) -> None:
    register_formats()
    quality: dict[str, dict[str, Any]] = {
        "webp": {"lossless": True},
        "jpg": {"subsampling": 0, "quality": 98},
    }
    image = to_space(original(), space)
    image.save(
        tmp_path / f"a.{suffix}", icc_profile=make_rgb_profile(space), **quality.get(suffix, {"quality": 95})
    )
    assert differs(np.asarray(image)) > 25
    assert differs(read_image(tmp_path / f"a.{suffix}")) <= 24
    assert notes_of(tmp_path / f"a.{suffix}") == []


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_a_cmyk_photo_is_printed_as_its_profile_says(tmp_path: Path, suffix: str) -> None:
    image = to_cmyk(original())
    image.save(tmp_path / f"a.{suffix}", icc_profile=make_cmyk_profile())
    assert differs(np.asarray(image.convert("RGB"))) > 40
    assert differs(read_image(tmp_path / f"a.{suffix}")) <= 20


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_a_profile_of_grey_is_applied_in_every_mode_of_grey(tmp_path: Path, mode: str) -> None:
    level = {"I;16": 128 * 257, "1": 255}.get(mode, 128)
    image = (
        Image.fromarray(np.full((8, 8), level, np.uint16))
        if mode == "I;16"
        else Image.new(mode, (8, 8), level)
    )
    if mode == "LA":
        image.putalpha(255)
    image.save(tmp_path / "a.png", icc_profile=make_grey_profile(1.0))
    expected = 255 if mode == "1" else 188
    assert np.abs(read_image(tmp_path / "a.png").astype(int) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_pictures_with_alpha_or_a_palette_have_profiles_too(tmp_path: Path, mode: str) -> None:
    image = to_space(original(), "ProPhoto")
    image = image.quantize(8) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "a.png", icc_profile=make_rgb_profile("ProPhoto"))
    assert differs(read_image(tmp_path / "a.png")) <= 6


def test_a_grey_photo_with_a_profile_for_colour_is_read(tmp_path: Path) -> None:
    Image.new("L", (8, 8), 128).save(tmp_path / "a.jpg", icc_profile=make_rgb_profile("ProPhoto"))
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - 145).max() <= 2
    assert notes_of(tmp_path / "a.jpg") == []


def test_an_srgb_profile_changes_no_pixel(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=make_rgb_profile("sRGB"))
    assert (read_image(tmp_path / "a.png") == pixels).all()


@pytest.mark.parametrize(
    ("profile", "note"),
    [
        (b"not a profile", "colour profile ignored: it is damaged"),
        (make_rgb_profile("ProPhoto")[:300], "colour profile ignored: it is damaged"),
        (make_cmyk_profile(), "colour profile ignored: it is for CMYK, the picture is RGB"),
        (make_grey_profile(1.0), "colour profile ignored: it is for GRAY, the picture is RGB"),
    ],
)
def test_a_profile_that_cannot_be_used_is_ignored_and_told(tmp_path: Path, profile: bytes, note: str) -> None:
    original().save(tmp_path / "a.png", icc_profile=profile)
    assert differs(read_image(tmp_path / "a.png")) == 0
    assert notes_of(tmp_path / "a.png") == [note]


def test_profiles_with_flipped_bytes_never_cost_the_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for whole, image in (
        (make_rgb_profile("Adobe RGB"), original()),
        (make_cmyk_profile(), to_cmyk(original())),
    ):
        for _ in range(60):
            profile = bytearray(whole)
            for at in rng.integers(0, min(len(profile), 400), 6):
                profile[at] = rng.integers(256)
            image.save(tmp_path / "a.tif", icc_profile=bytes(profile))
            assert read_image(tmp_path / "a.tif").shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("told", "index", "converted"), [(0xFFFF, "R03", True), (2, "", True), (1, "R98", False)]
)
def test_adobe_rgb_that_exif_alone_tells_is_converted(
    tmp_path: Path, told: int, index: str, *, converted: bool
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = told
    if index:
        exif.get_ifd(0x8769)[0xA005] = {1: index}
    image = to_space(original(), "Adobe RGB")
    image.save(tmp_path / "a.jpg", exif=exif, quality=98, subsampling=0)
    shift = differs(np.asarray(image))
    assert (differs(read_image(tmp_path / "a.jpg")) <= 8) == converted
    assert shift > 25


def with_chunk(png: bytes, name: bytes, content: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    chunk = struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return png[:33] + chunk + png[33:]


def test_code_points_of_a_png_hold_before_its_profile(tmp_path: Path) -> None:
    content = io.BytesIO()
    to_space(original(), "Display P3").save(content, "PNG", icc_profile=make_rgb_profile("ProPhoto"))
    (tmp_path / "a.png").write_bytes(with_chunk(content.getvalue(), b"cICP", bytes([12, 13, 0, 1])))
    assert differs(read_image(tmp_path / "a.png")) <= 12


def test_every_frame_of_an_animation_is_converted(tmp_path: Path) -> None:
    images = [to_space(original(), "ProPhoto"), Image.new("RGB", (64, 48)), to_space(original(), "ProPhoto")]
    images[0].save(
        tmp_path / "a.webp",
        save_all=True,
        append_images=images[1:],
        lossless=True,
        icc_profile=make_rgb_profile("ProPhoto"),
    )
    frames = list(read_frames(as_media(tmp_path / "a.webp"), Sampling(every_seconds=0), Coverage("photo")))
    assert [differs(frame.image) <= 6 for frame in frames] == [True, False, True]


def as_pq(image: Image.Image) -> Image.Image:
    """A picture as HDR shows it: BT.2020, PQ, paper white at 203 nits."""
    to_bt2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    levels = np.asarray(image).reshape(-1, 3) / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4) @ to_bt2020.T
    power = (light * 203 / 10_000) ** (2610 / 16_384)
    signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32)
    return Image.fromarray(np.round(signal * 255).astype(np.uint8).reshape(*image.size[::-1], 3))


def test_a_heic_in_hdr_has_the_colours_of_the_same_in_sdr(tmp_path: Path) -> None:
    import pillow_heif

    pillow_heif.from_pillow(as_pq(original())).save(
        tmp_path / "a.heic", quality=95, chroma=444, color_primaries=9, transfer_characteristics=16
    )
    assert differs(np.asarray(as_pq(original()))) > 60
    assert differs(read_image(tmp_path / "a.heic")) <= 25


def test_an_avif_in_hdr_has_the_colours_of_the_same_in_sdr(tmp_path: Path) -> None:
    content = io.BytesIO()
    as_pq(original()).save(content, "AVIF", quality=95, subsampling="4:4:4")
    avif = content.getvalue()
    at = avif.index(b"nclx") + 4
    assert struct.unpack(">HH", avif[at : at + 4]) == (1, 13)
    (tmp_path / "a.avif").write_bytes(avif[:at] + struct.pack(">HH", 9, 16) + avif[at + 4 :])
    assert differs(read_image(tmp_path / "a.avif")) <= 25


def test_a_png_in_hdr_has_the_colours_of_the_same_in_sdr(tmp_path: Path) -> None:
    content = io.BytesIO()
    as_pq(original()).save(content, "PNG")
    (tmp_path / "a.png").write_bytes(with_chunk(content.getvalue(), b"cICP", bytes([9, 16, 0, 1])))
    assert differs(read_image(tmp_path / "a.png")) <= 20
