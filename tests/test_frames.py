import struct
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from detector import frames
from detector.errors import MediaError, UnsupportedMediaError
from detector.frames import Coverage, Frame, Sampling, read_frames, read_image
from tests.media_factory import (
    BLUE,
    CORNERS,
    GREEN,
    RED,
    YELLOW,
    as_media,
    corners_image,
    cut_file,
    grey_level,
    noisy_images,
    read_corners,
)

ALL = Sampling(every_seconds=0)


def read_all(path: Path, sampling: Sampling = ALL) -> tuple[list[Frame], Coverage]:
    media = as_media(path)
    coverage = Coverage(media.kind)
    return list(read_frames(media, sampling, coverage)), coverage


def read_until_error(path: Path, sampling: Sampling = ALL) -> tuple[list[Frame], Coverage, MediaError]:
    media = as_media(path)
    coverage = Coverage(media.kind)
    seen: list[Frame] = []
    try:
        for frame in read_frames(media, sampling, coverage):
            seen.append(frame)  # noqa: PERF402 (what came before the error is wanted)
    except MediaError as error:
        return seen, coverage, error
    pytest.fail("read to its end without an error")


def levels(seen: list[Frame]) -> list[int]:
    return [round(float(frame.image.mean()) / 10) * 10 for frame in seen]


def times(seen: list[Frame]) -> list[float]:
    return [round(frame.time_seconds, 3) for frame in seen]


# Photos


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_exif_orientation_is_applied_once(tmp_path: Path, suffix: str, value: int) -> None:
    image = Image.fromarray(corners_image())
    exif = Image.Exif()
    exif[0x0112] = value
    image.save(tmp_path / f"a.{suffix}", exif=exif)
    expected = {
        1: (RED, GREEN, BLUE, YELLOW),
        2: (GREEN, RED, YELLOW, BLUE),
        3: (YELLOW, BLUE, GREEN, RED),
        4: (BLUE, YELLOW, RED, GREEN),
        5: (RED, BLUE, GREEN, YELLOW),
        6: (BLUE, RED, YELLOW, GREEN),
        7: (YELLOW, GREEN, BLUE, RED),
        8: (GREEN, YELLOW, RED, BLUE),
    }[value]
    [frame], coverage = read_all(tmp_path / f"a.{suffix}")
    assert tuple(read_corners(frame.image)) == expected
    assert frame.image.shape == ((48, 64, 3) if value < 5 else (64, 48, 3))
    assert (coverage.height, coverage.width) == frame.image.shape[:2]


@pytest.mark.parametrize("value", [1, 3, 6, 8])
def test_the_orientation_of_heic_is_applied_once(tmp_path: Path, value: int) -> None:
    import pillow_heif

    exif = Image.Exif()
    exif[0x0112] = value
    pillow_heif.from_pillow(Image.fromarray(corners_image())).save(tmp_path / "a.heic", exif=exif.tobytes())
    [frame], _ = read_all(tmp_path / "a.heic")
    turned = {1: 0, 3: 2, 6: 3, 8: 1}[value]
    assert read_corners(frame.image) == read_corners(np.rot90(corners_image(), turned))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tif", "gif", "avif"])
def test_each_photo_format_is_read_whatever_its_suffix(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(corners_image()).save(tmp_path / f"a.{suffix}")
    for name in (f"a.{suffix}", "wrong.mp4", "none"):
        path = tmp_path / name
        path.write_bytes((tmp_path / f"a.{suffix}").read_bytes())
        [frame], coverage = read_all(path)
        assert read_corners(frame.image) == list(CORNERS)
        assert (frame.index, frame.time_seconds) == (0, 0.0)
        assert coverage == Coverage("photo", 64, 48, 1, 0, 0.0, 0.0)
        assert frame.image.dtype == np.uint8


def test_a_cmyk_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    Image.fromarray(corners_image()).convert("CMYK").save(tmp_path / "a.jpg")
    assert read_corners(read_image(tmp_path / "a.jpg")) == list(CORNERS)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_of_sixteen_bits_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    ramp = np.repeat(np.array([[0, 16384, 32768, 65535]], np.uint16), 2, axis=0)
    Image.fromarray(ramp).save(tmp_path / f"a.{suffix}")
    expected = np.repeat(np.array([[0, 63, 127, 255]], np.uint8)[..., None], 3, axis=2)
    assert np.abs(read_image(tmp_path / f"a.{suffix}")[:1].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_dark_picture_of_sixteen_bits_stays_dark(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(np.full((4, 4), 300, np.uint16)).save(tmp_path / f"a.{suffix}")
    assert read_image(tmp_path / f"a.{suffix}").max() <= 2


def test_colour_of_sixteen_bits_is_scaled(tmp_path: Path) -> None:
    deep = np.ascontiguousarray(corners_image()[..., ::-1]).astype(np.uint16) * 257
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    (tmp_path / "a.tif").write_bytes(
        cv2.imencode(".tif", deep, [cv2.IMWRITE_TIFF_COMPRESSION, 1])[1].tobytes()
    )
    assert read_corners(read_image(tmp_path / "a.png")) == list(CORNERS)
    assert read_corners(read_image(tmp_path / "a.tif")) == list(CORNERS)


def test_floating_point_tiff_is_read(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32)).save(tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 127, 255]


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    layers = np.dstack([corners_image(), np.full((48, 64), 255, np.uint8)])
    layers[:24, :, 3] = 0
    Image.fromarray(layers).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert (image[:24] == 255).all()
    assert (image[24:] == corners_image()[24:]).all()


def test_half_transparent_red_is_pink(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 128)).save(tmp_path / "a.png")
    assert np.abs(read_image(tmp_path / "a.png")[0, 0].astype(int) - (255, 127, 127)).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_a_palette_with_a_transparent_colour_is_read(tmp_path: Path, suffix: str) -> None:
    image = Image.new("P", (4, 2), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (2, 0, 4, 2))
    image.save(tmp_path / f"a.{suffix}", transparency=1)
    assert read_image(tmp_path / f"a.{suffix}")[0].tolist() == [[255, 0, 0]] * 2 + [[255] * 3] * 2


def test_grey_with_alpha_and_one_bit_pictures_are_read(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 77).save(tmp_path / "grey.png")
    Image.new("LA", (4, 4), (0, 0)).save(tmp_path / "alpha.png")
    Image.new("1", (4, 4), 1).save(tmp_path / "bit.png")
    assert read_image(tmp_path / "grey.png").tolist() == np.full((4, 4, 3), 77).tolist()
    assert read_image(tmp_path / "alpha.png").min() == 255
    assert read_image(tmp_path / "bit.png").min() == 255


def test_each_page_of_a_tiff_is_a_frame(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (8 + page, 6), (60 * page, 0, 0)) for page in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    seen, coverage = read_all(tmp_path / "a.tif")
    assert [(frame.index, frame.image.shape[1], int(frame.image[0, 0, 0])) for frame in seen] == [
        (0, 8, 0),
        (1, 9, 60),
        (2, 10, 120),
    ]
    assert (coverage.kind, coverage.width, coverage.frames_read) == ("photo", 8, 3)


def test_an_mpo_of_a_phone_is_one_photo(tmp_path: Path) -> None:
    first, depth = Image.fromarray(corners_image()), Image.new("RGB", (16, 12))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[depth])
    seen, coverage = read_all(tmp_path / "a.jpg")
    assert [frame.image.shape for frame in seen] == [(48, 64, 3)]
    assert read_corners(seen[0].image) == list(CORNERS)
    assert coverage.kind == "photo"


def test_a_truncated_jpeg_gives_its_upper_part_and_then_the_reason(tmp_path: Path) -> None:
    image = np.zeros((256, 256, 3), np.uint8)
    image[:128] = RED
    image[128:] = noisy_images(1, 256, 128)[0]
    Image.fromarray(image).save(tmp_path / "a.jpg", quality=95)
    seen, coverage, error = read_until_error(cut_file(tmp_path / "a.jpg", 0.5))
    assert len(seen) == 1
    assert np.abs(seen[0].image[:120].astype(int) - RED).max() < 12
    assert "seen only in part" in str(error)
    assert (coverage.frames_read, coverage.frames_unreadable) == (1, 1)


def test_a_truncated_jpeg_is_turned_upright_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noisy_images(1, 128, 64)[0]).save(tmp_path / "a.jpg", exif=exif)
    [frame], _, _ = read_until_error(cut_file(tmp_path / "a.jpg", 0.7))
    assert frame.image.shape == (128, 64, 3)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "heic", "avif", "gif", "bmp"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_cut_photo_has_a_reason(tmp_path: Path, suffix: str, share: float) -> None:
    frames._register_formats()
    Image.fromarray(noisy_images(1)[0]).save(tmp_path / f"a.{suffix}")
    seen, _, error = read_until_error(cut_file(tmp_path / f"a.{suffix}", share))
    assert len(seen) <= 1
    assert str(error)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "heic", "avif", "gif", "bmp"])
def test_damage_anywhere_in_a_photo_raises_nothing_but_media_errors(tmp_path: Path, suffix: str) -> None:
    frames._register_formats()
    Image.fromarray(noisy_images(1, 32, 24)[0]).save(tmp_path / f"whole.{suffix}")
    whole = (tmp_path / f"whole.{suffix}").read_bytes()
    rng = np.random.default_rng(3)
    for round_number in range(60):
        content = bytearray(whole)
        limit = len(content) if round_number % 2 else min(len(content), 300)
        for at in rng.integers(0, limit, rng.integers(1, 12)):
            content[at] = rng.integers(256)
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(content)
        media = as_media(path)
        try:
            for frame in read_frames(media, ALL, Coverage(media.kind)):
                assert frame.image.ndim == 3
        except MediaError:
            continue


def test_empty_and_dressed_up_files_say_so(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "notes.txt").write_text("not a picture")
    assert str(read_until_error(tmp_path / "empty.jpg")[2]) == "the file is empty"
    assert "named .jpg but its content" in str(read_until_error(tmp_path / "text.jpg")[2])
    assert isinstance(read_until_error(tmp_path / "notes.txt")[2], UnsupportedMediaError)
    assert str(read_until_error(tmp_path / "gone.jpg")[2]).startswith("cannot be read: No such file")


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@pytest.mark.parametrize("side", [14_000, 60_000])
def test_a_png_that_declares_a_huge_picture_is_refused(tmp_path: Path, side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    (tmp_path / "a.png").write_bytes(bomb + png_chunk(b"IEND", b""))
    tracemalloc.start()
    seen, _, error = read_until_error(tmp_path / "a.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == []
    assert f"too large: Image size ({side * side} pixels) exceeds limit" in str(error)
    assert peak < 10_000_000


def test_damaged_metadata_does_not_lose_the_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(corners_image()).save(tmp_path / "a.jpg", exif=exif)
    content = bytearray((tmp_path / "a.jpg").read_bytes())
    start = content.index(b"Exif\0\0") + 6
    for first, last in ((start, start + 8), (start + 4, start + 8), (start + 8, start + 20)):
        broken = bytearray(content)
        broken[first:last] = b"\xff" * (last - first)
        (tmp_path / "b.jpg").write_bytes(broken)
        [frame], _ = read_all(tmp_path / "b.jpg")
        assert set(read_corners(frame.image)) == set(CORNERS)


def test_an_unknown_orientation_leaves_the_picture_as_it_is(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    Image.fromarray(corners_image()).save(tmp_path / "a.png", exif=exif)
    assert (read_image(tmp_path / "a.png") == corners_image()).all()


# Animated pictures


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif"])
def test_an_animated_picture_is_a_video_with_times(tmp_path: Path, suffix: str) -> None:
    images = [Image.fromarray(grey_level(level)) for level in (40, 120, 200)]
    images[0].save(
        tmp_path / f"a.{suffix}", save_all=True, append_images=images[1:], duration=[100, 300, 200], loop=0
    )
    seen, coverage = read_all(tmp_path / f"a.{suffix}")
    assert times(seen) == [0.0, 0.1, 0.4]
    assert levels(seen) == [40, 120, 200]
    assert coverage.kind == "video"
    assert coverage.read_seconds == pytest.approx(0.6, abs=1e-3)
