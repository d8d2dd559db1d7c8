import os
import re
import socket
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector.errors import MediaError, UnsupportedMediaError
from detector.frames import (
    Coverage,
    Frame,
    Sampling,
    animations,
    opening,
    read_frame_at,
    read_frames,
    read_image,
    read_spans,
    videos,
)
from detector.frames.photo_opening import register_formats
from tests.media_factory import (
    BLUE,
    CORNERS,
    GREEN,
    RED,
    YELLOW,
    as_media,
    corners_image,
    cut_file,
    damage_file,
    grey_level,
    noisy_images,
    read_corners,
    turn_track,
    write_sound,
    write_video,
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
    first, depth = Image.fromarray(corners_image()), Image.new("L", (16, 12))
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
    register_formats()
    Image.fromarray(noisy_images(1)[0]).save(tmp_path / f"a.{suffix}")
    seen, _, error = read_until_error(cut_file(tmp_path / f"a.{suffix}", share))
    assert len(seen) <= 1
    assert str(error)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "heic", "avif", "gif", "bmp"])
def test_damage_anywhere_in_a_photo_raises_nothing_but_media_errors(tmp_path: Path, suffix: str) -> None:
    register_formats()
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
    assert str(error).startswith(f"too large: {side} × {side} pixels take ")
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


# Videos


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mp4", "mpeg4", "yuv420p"),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.mp4", "libx264", "yuv444p"),
        ("a.mov", "libx264", "yuv420p"),
        ("a.mov", "mjpeg", "yuvj420p"),
        ("a.m4v", "mpeg4", "yuv420p"),
        ("a.3gp", "mpeg4", "yuv420p"),
        ("a.mkv", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv422p10le"),
        ("a.webm", "libvpx", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.ts", "libx264", "yuv420p"),
        ("a.ts", "mpeg2video", "yuv420p"),
    ],
)
def test_each_video_format_is_read_with_its_times(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    images = [grey_level(level) for level in (40, 80, 120, 160, 200)]
    if codec == "mpeg2video":
        images = images * 2  # at 25 a second, the slowest that MPEG-2 knows
    write_video(tmp_path / name, images, codec=codec, pixels=pixels)
    seen, coverage = read_all(tmp_path / name)
    assert levels(seen) == [40, 80, 120, 160, 200] * (len(images) // 5)
    assert [frame.index for frame in seen] == list(range(len(images)))
    assert times(seen) == pytest.approx([index / 10 for index in range(len(images))], abs=2e-3)
    assert seen[0].image.shape == (48, 64, 3)
    assert (coverage.kind, coverage.width, coverage.height) == ("video", 64, 48)
    assert (coverage.frames_read, coverage.frames_unreadable) == (len(images), 0)
    assert coverage.read_seconds == pytest.approx(len(images) / 10, abs=0.11)


def test_colours_of_a_video_are_rgb(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [corners_image()] * 2, codec="libx264")
    assert read_corners(read_all(tmp_path / "a.mp4")[0][0].image) == list(CORNERS)


def test_the_times_of_a_variable_frame_rate_are_exact(tmp_path: Path) -> None:
    stamps = [0, 40, 1000, 1033, 2500]
    for name in ("a.mkv", "a.mp4"):
        write_video(tmp_path / name, [grey_level(80)] * 5, milliseconds=stamps)
        assert times(read_all(tmp_path / name)[0]) == [0.0, 0.04, 1.0, 1.033, 2.5]


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.mp4"])
def test_times_count_from_the_start_of_the_stream(tmp_path: Path, name: str) -> None:
    write_video(tmp_path / name, [grey_level(80)] * 3, codec="libx264", milliseconds=[5000, 5100, 5300])
    with av.open(str(tmp_path / name)) as container:
        start = container.streams.video[0].start_time
    assert name == "a.mp4" or start != 0
    seen, coverage = read_all(tmp_path / name)
    assert times(seen) == pytest.approx([0.0, 0.1, 0.3], abs=2e-3)
    assert coverage.read_seconds < 1


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_the_rotation_of_a_phone_is_applied(tmp_path: Path, degrees: int) -> None:
    write_video(tmp_path / "a.mp4", [corners_image()] * 2, codec="libx264")
    seen, coverage = read_all(turn_track(tmp_path / "a.mp4", degrees))
    clockwise = {0: 0, 90: 3, 180: 2, 270: 1}[degrees]
    expected = np.rot90(corners_image(), clockwise)
    assert read_corners(seen[0].image) == read_corners(expected)
    assert seen[0].image.shape == expected.shape
    assert (coverage.height, coverage.width) == expected.shape[:2]


def test_odd_sizes_are_read_whole(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", [corners_image(65, 49)] * 2, codec="ffv1", pixels="yuv444p")
    assert read_all(tmp_path / "a.mkv")[0][0].image.shape == (49, 65, 3)


def test_an_mp4_without_its_index_has_a_reason(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", noisy_images(20))
    seen, coverage, error = read_until_error(cut_file(tmp_path / "a.mp4", 0.6))
    assert seen == []
    assert "cannot be read" in str(error)
    assert (coverage.frames_read, coverage.read_seconds) == (0, 0.0)


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_a_cut_video_keeps_what_came_before(tmp_path: Path, codec: str) -> None:
    write_video(tmp_path / "a.mp4", noisy_images(100), codec=codec, options={"faststart": "1"})
    seen, coverage, error = read_until_error(cut_file(tmp_path / "a.mp4", 0.6))
    assert 50 <= len(seen) <= 62
    assert coverage.declared_seconds == pytest.approx(10.0)
    assert coverage.read_seconds == pytest.approx(len(seen) / 10, abs=0.3)
    assert f"cut short at {coverage.read_seconds:.1f} of 10.0 s" in str(error)


def test_a_cut_mkv_keeps_what_came_before(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", noisy_images(100))
    seen, coverage, error = read_until_error(cut_file(tmp_path / "a.mkv", 0.6))
    assert 50 <= len(seen) <= 62
    assert coverage.declared_seconds == pytest.approx(10.0, abs=0.2)
    assert "cut short" in str(error)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_damage_in_the_middle_is_counted_and_the_rest_read(tmp_path: Path, name: str) -> None:
    options = {"faststart": "1", "g": "5"} if name == "a.mp4" else {"g": "5"}
    write_video(tmp_path / name, noisy_images(100), codec="libx264", options=options)
    media = as_media(damage_file(tmp_path / name, 0.45, 0.5))
    coverage = Coverage(media.kind)
    seen = list(read_frames(media, ALL, coverage))
    # FFmpeg passes over damaged mkv clusters in silence, and over avi chunks when it finds no start in them;
    # which it does depends on the encoder's bytes, and those on the processor.
    assert coverage.frames_unreadable > 0 or name in ("a.mkv", "a.avi")
    assert 70 < len(seen) <= 100
    assert seen[-1].time_seconds > 9
    assert coverage.read_seconds > 9


def damage_packets(path: Path, numbers: range) -> Path:
    """Overwrites these packets of a video, and nothing else, with noise."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        places = [(packets[number].pos or 0, packets[number].size) for number in numbers]
    content = bytearray(path.read_bytes())
    for start, size in places:
        content[start + 8 : start + size] = np.random.default_rng(start).bytes(size - 8)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("sampling", [ALL, Sampling(every_seconds=1.0), Sampling(keyframes=True)])
def test_a_video_of_which_much_is_unreadable_is_not_looked_at_as_a_whole(
    tmp_path: Path, sampling: Sampling
) -> None:
    options = {"g": "1", "x264-params": "slices=1"}
    path = write_video(tmp_path / "a.mp4", noisy_images(64), codec="libx264", options=dict(options))
    damaged = damage_packets(path, range(4, 60))
    seen, coverage, error = read_until_error(damaged, sampling)
    assert seen
    assert coverage.frames_unreadable > 30
    unreadable = f"seen only in part: {coverage.frames_unreadable} of "
    assert str(error).startswith(unreadable)
    tried = int(str(error).removeprefix(unreadable).removesuffix(" frames are unreadable"))
    assert coverage.frames_unreadable < tried <= 64


def test_a_video_with_a_little_damage_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", noisy_images(64), codec="libx264", options={"g": "1"})
    seen, coverage = read_all(damage_packets(path, range(10, 16)))
    assert coverage.frames_unreadable in range(1, 7)
    assert len(seen) > 50


def test_frames_that_take_too_much_memory_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "MAX_FRAME_BYTES", 64 * 48 * 3 // 2)
    for pixels, bits in (("yuv444p", 24), ("yuv420p10le", 24), ("yuv444p10le", 48)):
        path = write_video(tmp_path / f"{pixels}.mkv", [grey_level(80)], codec="ffv1", pixels=pixels)
        seen, _, error = read_until_error(path)
        assert (len(seen), str(error).split(" a frame")[0]) == (
            0,
            f"too large: 64 × 48 pixels of {bits} bits",
        )
    path = write_video(tmp_path / "a.mkv", [grey_level(80)], codec="ffv1", pixels="yuv420p")
    assert levels(read_all(path)[0]) == [80]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_damage_anywhere_in_a_video_raises_nothing_but_media_errors(tmp_path: Path, name: str) -> None:
    write_video(tmp_path / name, noisy_images(6, 32, 32))
    whole = (tmp_path / name).read_bytes()
    rng = np.random.default_rng(5)
    for round_number in range(60):
        content = bytearray(whole)
        last = (len(content), 300)[round_number % 2]
        for at in rng.integers(0, last, rng.integers(1, 10)):
            content[at] = rng.integers(256)
        path = tmp_path / f"damaged-{name}"
        path.write_bytes(content)
        media = as_media(path)
        try:
            for frame in read_frames(media, ALL, Coverage(media.kind)):
                assert frame.time_seconds >= 0
        except MediaError:
            continue


def test_sound_alone_is_unsupported(tmp_path: Path) -> None:
    _, _, error = read_until_error(write_sound(tmp_path / "a.mp4"))
    assert isinstance(error, UnsupportedMediaError)
    assert str(error) == "no picture in it, only sound or data"


@pytest.mark.parametrize("flags", ["", "empty_moov+frag_keyframe"])
def test_a_video_without_frames_says_so(tmp_path: Path, flags: str) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w", options={"movflags": flags} if flags else {}) as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    seen, _, error = read_until_error(tmp_path / "a.mp4")
    assert seen == []
    assert re.match("no frame could be decoded|no picture in it", str(error))


# Sampling


def blurred(sharp: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), 4), np.uint8)


def test_the_sharpest_frame_of_each_second_is_given_out(tmp_path: Path) -> None:
    sharp = noisy_images(1)[0]
    images = [sharp if index in (3, 17, 24) else blurred(sharp) for index in range(30)]
    write_video(tmp_path / "a.mkv", images, codec="ffv1", pixels="yuv444p")
    seen, coverage = read_all(tmp_path / "a.mkv", Sampling(every_seconds=1.0))
    assert [(frame.index, round(frame.time_seconds, 3)) for frame in seen] == [(3, 0.3), (17, 1.7), (24, 2.4)]
    assert coverage.frames_read == 3
    assert coverage.read_seconds == pytest.approx(3.0, abs=0.01)


def test_the_sharpest_frame_of_an_animation_is_given_out(tmp_path: Path) -> None:
    sharp = noisy_images(1)[0]
    images = [Image.fromarray(sharp if index == 2 else blurred(sharp) + index) for index in range(5)]
    images[0].save(tmp_path / "a.webp", save_all=True, append_images=images[1:], duration=100, lossless=True)
    assert [frame.index for frame in read_all(tmp_path / "a.webp", Sampling())[0]] == [2]


PIXELS = ["yuv420p", "yuv420p10le", "yuv422p", "yuv444p12le", "yuva420p", "bgr0", "gray", "gray10le"]


@pytest.mark.parametrize("pixels", PIXELS)
def test_sharpness_is_seen_in_every_pixel_format(tmp_path: Path, pixels: str) -> None:
    sharp = noisy_images(1)[0]
    images = [sharp if index == 6 else blurred(sharp) for index in range(10)]
    write_video(tmp_path / "a.mkv", images, codec="ffv1", pixels=pixels)
    assert [frame.index for frame in read_all(tmp_path / "a.mkv", Sampling())[0]] == [6]


def test_key_frames_alone_are_given_out_when_asked(tmp_path: Path) -> None:
    images = [grey_level(40 + 5 * index) for index in range(30)]
    options = {"g": "10", "bf": "0", "sc_threshold": "0"}
    for name in ("a.mp4", "a.mkv"):
        write_video(tmp_path / name, images, codec="libx264", options=dict(options))
        seen, _ = read_all(tmp_path / name, Sampling(keyframes=True))
        assert [frame.index for frame in seen] == [0, 10, 20]
        assert times(seen) == [0.0, 1.0, 2.0]
        assert levels(seen) == [40, 90, 140]


def test_a_video_that_takes_too_long_ends_with_a_reason(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", noisy_images(30))
    seen, coverage, error = read_until_error(tmp_path / "a.mp4", Sampling(every_seconds=0, max_seconds=0))
    assert len(seen) < 5
    assert f"stopped by the time limit at {coverage.read_seconds:.1f} of 3.0 s" == str(error)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.gif"])
def test_a_frame_that_is_not_found_in_time_is_given_up(tmp_path: Path, name: str) -> None:
    """The review waits for it, and a stranger's file may have no end."""
    path = tmp_path / name
    if name == "a.gif":
        first, *others = [Image.fromarray(grey_level(8 * number)) for number in range(30)]
        first.save(path, save_all=True, append_images=others, duration=100)
    else:
        write_video(path, noisy_images(30))
    media = as_media(path)
    assert read_frame_at(media, 25, 2.5).shape == read_frame_at(media, 0, 0.0).shape
    with pytest.raises(MediaError, match=r"stopped by the time limit|no frame 25"):
        read_frame_at(media, 25, 2.5, max_seconds=0)


def test_a_video_that_ffmpeg_does_not_get_through_ends_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a damaged ProRes film of 33 kB, in which it searched for an hour (mutant 10960 of `make fuzz`)."""
    path = write_video(tmp_path / "a.mp4", [grey_level(100)] * 3)
    assert len(list(read_frames(as_media(path), ALL, Coverage("video")))) == 3
    monkeypatch.setattr(opening, "ANSWER_SECONDS", 1e-9)
    seen, _, error = read_until_error(path)
    assert (seen, "cannot be read on" in str(error)) == ([], True)


def test_a_raw_whose_preview_is_no_picture_is_damaged(tmp_path: Path) -> None:
    frame = b"\xff\xd8\xff\xc0\0\x11\x08\0\x10\0\x10\x09" + bytes(40)  # of nine components
    (tmp_path / "a.raf").write_bytes(b"FUJIFILMCCD-RAW 0201" + bytes(64) + frame)
    _, _, error = read_until_error(tmp_path / "a.raf")
    assert str(error) == "Fujifilm raw: damaged, its preview is not understood"


def test_a_later_frame_that_is_far_larger_takes_no_memory(tmp_path: Path) -> None:
    images = [Image.fromarray(grey_level(level)).convert("P") for level in (10, 200)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=100)
    content = bytearray((tmp_path / "a.gif").read_bytes())
    place = content.rindex(struct.pack("<4H", 0, 0, *images[1].size))
    content[place + 4 : place + 8] = struct.pack("<2H", 20_000, 20_000)
    (tmp_path / "a.gif").write_bytes(content)
    seen, coverage, error = read_until_error(tmp_path / "a.gif", Sampling(every_seconds=0))
    assert str(error).startswith("too large: picture 2 (Image size (400000000 pixels)")
    assert (len(seen), coverage.frames_read) == (1, 1)
    assert Image.MAX_IMAGE_PIXELS is None  # the limit was for that file alone


def test_an_animation_that_takes_too_long_ends_with_a_reason(tmp_path: Path) -> None:
    images = [Image.fromarray(grey_level(level)) for level in (40, 120, 200)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=100)
    seen, _, error = read_until_error(tmp_path / "a.gif", Sampling(every_seconds=0, max_seconds=0))
    assert len(seen) == 1
    assert "stopped by the time limit" in str(error)


def test_a_video_is_never_whole_in_memory(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [grey_level(80, 320, 240)] * 60)
    media = as_media(tmp_path / "a.mp4")
    tracemalloc.start()
    count = sum(1 for _ in read_frames(media, ALL, Coverage(media.kind)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60
    assert peak < 8 * 320 * 240 * 3


@pytest.mark.parametrize("raw", [b"caf\xe9.mp4", b"http:%d|a b#?.mp4", "Bakı.mp4".encode()])
def test_a_video_is_opened_whatever_its_name(tmp_path: Path, raw: bytes) -> None:
    write_video(tmp_path / "a.mp4", [grey_level(80)] * 2)
    path = tmp_path / os.fsdecode(raw)
    try:
        (tmp_path / "a.mp4").rename(path)
    except OSError:
        pytest.skip("this file system does not take such names")
    assert levels(read_all(path)[0]) == [80, 80]


def test_limits_end_reading_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = write_video(tmp_path / "a.mp4", [grey_level(80)] * 10)
    animation = tmp_path / "a.gif"
    images = [Image.fromarray(grey_level(level)) for level in (40, 120, 200)]
    images[0].save(animation, save_all=True, append_images=images[1:], duration=100)
    pages = tmp_path / "a.tif"
    Image.new("RGB", (8, 8)).save(pages, save_all=True, append_images=[Image.new("RGB", (64, 48))])
    monkeypatch.setattr(videos, "MAX_VIDEO_FRAMES", 4)
    monkeypatch.setattr(animations, "MAX_ANIMATION_FRAMES", 2)
    needed = 64 * 48 * (1 + 12 + 6)
    seen, _, error = read_until_error(video)
    assert (len(seen), str(error)) == (4, "stopped after 4 frames at 0.4 of 1.0 s")
    seen, _, error = read_until_error(pages, Sampling(photo_bytes=64 * 48 * (4 + 8 + 6) - 1))
    assert len(seen) == 1
    assert str(error).startswith("too large: 64 × 48 pixels take ")
    seen, _, error = read_until_error(animation, Sampling(every_seconds=0, photo_bytes=needed - 1))
    assert len(seen) == 0
    assert str(error).startswith("too large: 64 × 48 pixels take ")
    seen, _, error = read_until_error(animation)
    assert (len(seen), str(error)) == (2, "stopped after 2 frames")
    monkeypatch.setattr(opening, "MAX_FRAME_BYTES", 64 * 48 * 3 // 2 - 1)
    seen, _, error = read_until_error(video)
    assert (len(seen), str(error)) == (0, "too large: 64 × 48 pixels of 12 bits a frame, more than 0 MB")


# Files of strangers


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.2)
        yield server


def assert_never_called(server: socket.socket) -> None:
    with pytest.raises(TimeoutError):
        server.accept()


def playlists(tmp_path: Path, server: socket.socket) -> dict[str, bytes]:
    secret = tmp_path / "secret.mp4"
    write_video(secret, [corners_image()] * 3, codec="libx264")
    address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
    ends = "\n#EXT-X-ENDLIST\n"
    return {
        "hls-file": f"{head}{secret}{ends}".encode(),
        "hls-url": f"{head}file://{secret}{ends}".encode(),
        "hls-http": f"{head}{address}{ends}".encode(),
        "hls-concat": f"{head}concat:{secret}|{address}{ends}".encode(),
        "concat": f"ffconcat version 1.0\nfile '{secret}'\nfile '{address}'\n".encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        "dash": f'<?xml version="1.0"?><MPD><BaseURL>{address}</BaseURL></MPD>'.encode(),
    }


@pytest.mark.parametrize("disguise", ["", "mp4", "mkv", "avi", "ts"])
def test_a_playlist_reaches_neither_a_file_nor_a_socket(
    tmp_path: Path, listening: socket.socket, disguise: str
) -> None:
    head = {
        "": b"",
        "mp4": b"\0\0\0\x10ftypisom\0\0\0\0",
        "mkv": b"\x1a\x45\xdf\xa3\x80",
        "avi": b"RIFF\0\0\0\0AVI ",
        "ts": (b"G" + bytes(187)) * 4,
    }[disguise]
    for number, content in enumerate(playlists(tmp_path, listening).values()):
        for suffix in ("mp4", "m3u8", "jpg"):
            path = tmp_path / f"{number}.{suffix}"
            path.write_bytes(head + content)
            seen, _, _ = read_until_error(path)
            assert seen == []
    assert_never_called(listening)


def test_the_playlists_are_followed_by_ffmpeg_when_it_is_let(
    tmp_path: Path, listening: socket.socket
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(playlists(tmp_path, listening)["concat"])
    with av.open(str(path), format="concat", options={"safe": "0"}) as container:
        assert next(container.decode(video=0)).width == 64


@pytest.mark.parametrize("sort", [b"url ", b"alis"])
def test_an_mp4_that_refers_to_another_file_shows_none_of_it(
    tmp_path: Path, listening: socket.socket, sort: bytes
) -> None:
    write_video(tmp_path / "secret.mp4", [corners_image()] * 3, codec="libx264")
    for target in (
        "secret.mp4",
        (tmp_path / "secret.mp4").as_uri(),
        f"http://127.0.0.1:{listening.getsockname()[1]}/",
    ):
        path = refer_elsewhere(tmp_path / "secret.mp4", tmp_path / "a.mp4", sort, target)
        seen, _, _ = read_until_error(path)
        assert seen == []
    assert_never_called(listening)


def refer_elsewhere(source: Path, path: Path, sort: bytes, target: str) -> Path:
    """A copy of an mp4 whose sound frames lie in another file, and whose own data is overwritten."""
    content = bytearray(source.read_bytes())
    data = content.index(b"mdat") + 4
    content[data : content.index(b"moov") - 4] = bytes(content.index(b"moov") - 4 - data)
    if sort == b"url ":
        entry = bytes(4) + target.encode() + b"\0"
    else:
        folder, name = str(source.parent).encode(), target.encode()
        alias = bytes(10) + bytes([0]) + bytes(27) + bytes(12)
        alias += (
            bytes([min(len(name), 63)])
            + name[:63].ljust(63, b"\0")
            + bytes(16)
            + struct.pack(">hh", 1, 1)
            + bytes(16)
        )
        alias += struct.pack(">hh", 2, len(name)) + name + bytes(len(name) % 2)
        alias += struct.pack(">hh", 18, len(folder)) + folder + bytes(len(folder) % 2)
        alias += struct.pack(">hh", -1, 0)
        entry = bytes(4) + alias
    old = content.index(b"url \0\0\0\1") - 4
    new = struct.pack(">I", 8 + len(entry)) + sort + entry
    content[old : old + 12] = new
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = content.rindex(box, 0, old) - 4
        size = struct.unpack_from(">I", content, at)[0]
        struct.pack_into(">I", content, at, size + len(new) - 12)
    path.write_bytes(content)
    return path


VIDEO_FORMS = [
    ("a.mp4", "libx264", {"g": "12", "bf": "2"}),
    ("a.mp4", "libx264", {"g": "30", "x264-params": "open-gop=1"}),
    ("a.mkv", "libx264", {"g": "12"}),
    ("a.webm", "libvpx-vp9", {}),
    ("a.avi", "mpeg4", {}),
    ("a.ts", "libx264", {"g": "12"}),
    ("a.ts", "mpeg2video", {}),
]


MORE_FORMS = [
    ("a.mp4", "libx265", {"x265-params": "keyint=24"}),
    ("a.mkv", "libx265", {"x265-params": "keyint=24:open-gop=0"}),
    ("a.ts", "libx264", {"g": "30", "x264-params": "open-gop=1"}),
    ("a.ts", "libx264", {"g": "250"}),
    ("a.mp4", "libx264", {"g": "250", "preset": "slow"}),
    ("a.mp4", "libx264", {"bf": "16", "x264-params": "b-adapt=0:b-pyramid=none"}),
    ("a.mp4", "libx264", {"g": "30", "x264-params": "intra-refresh=1"}),
    ("a.mp4", "mpeg4", {"bf": "2"}),
    ("a.avi", "mpeg4", {"bf": "2"}),
    ("a.avi", "mjpeg", {}),
    ("a.webm", "libvpx", {"g": "30"}),
    ("a.mp4", "libsvtav1", {"g": "40", "svtav1-params": "lp=1"}),
    ("a.webm", "libsvtav1", {"g": "161", "svtav1-params": "lp=1"}),
]


def moving_images(count: int) -> list[NDArray[np.uint8]]:
    """A view that wanders over noise, so that frames are built on each other in every way."""
    scene = cv2.GaussianBlur(noisy_images(1, 256, 128)[0], (0, 0), 1.5)
    return [np.ascontiguousarray(scene[number % 60 :, number:][:48, :64]) for number in range(count)]


def write_form(path: Path, codec: str, options: dict[str, str]) -> Path:
    """A moving video of 100 frames in one of the forms."""
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return write_video(path, moving_images(100), codec=codec, pixels=pixels, options=dict(options))


def assert_same_frames(seen: list[Frame], whole: list[Frame]) -> None:
    by_index = {frame.index: frame for frame in whole}
    for frame in seen:
        assert frame.time_seconds == by_index[frame.index].time_seconds
        assert np.array_equal(frame.image, by_index[frame.index].image)


@pytest.mark.parametrize(("name", "codec", "options"), VIDEO_FORMS + MORE_FORMS)
def test_frames_of_a_sampled_video_are_those_of_one_decoded_whole(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_form(tmp_path / name, codec, options)
    whole, coverage = read_all(path)
    assert [frame.index for frame in whole] == list(range(100))
    for every in (0.3, 1.0, 2.0):
        seen, sampled = read_all(path, Sampling(every_seconds=every))
        spans = [int(frame.time_seconds / every) for frame in seen]
        assert spans == sorted({int(frame.time_seconds / every) for frame in whole})
        assert_same_frames(seen, whole)
        assert sampled.frames_unreadable == 0
        assert sampled.read_seconds == pytest.approx(coverage.read_seconds, abs=2e-3)


@pytest.mark.parametrize(("name", "codec", "options"), VIDEO_FORMS + MORE_FORMS)
def test_key_frames_are_those_of_a_video_decoded_whole(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_form(tmp_path / name, codec, options)
    whole, _ = read_all(path)
    seen, coverage = read_all(path, Sampling(keyframes=True))
    indices = [frame.index for frame in seen]
    assert indices == sorted(set(indices))
    assert indices[0] == 0
    assert_same_frames(seen, whole)
    assert coverage.frames_unreadable == 0


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_sampled_video_of_variable_frame_rate_has_exact_times(tmp_path: Path, name: str) -> None:
    stamps = np.cumsum(np.random.default_rng(2).integers(10, 400, 60)).tolist()
    path = write_video(tmp_path / name, moving_images(60), codec="libx264", milliseconds=stamps)
    whole, _ = read_all(path)
    seen, _ = read_all(path, Sampling())
    assert [int(frame.time_seconds) for frame in seen] == sorted({int(one.time_seconds) for one in whole})
    assert_same_frames(seen, whole)


def test_every_second_of_a_slow_video_is_looked_at(tmp_path: Path) -> None:
    stamps = [500 * number for number in range(24)]
    path = write_video(
        tmp_path / "a.mp4", moving_images(24), codec="libx264", milliseconds=stamps, options={"bf": "5"}
    )
    assert [int(time) for time in times(read_all(path, Sampling())[0])] == list(range(12))


def test_no_more_is_decoded_when_the_next_second_has_a_key_frame(tmp_path: Path) -> None:
    sharp = noisy_images(1)[0]
    images = [sharp if number in (2, 8, 18, 28) else blurred(sharp) for number in range(30)]
    options = {"g": "10", "bf": "0", "sc_threshold": "0"}
    path = write_video(tmp_path / "a.mp4", images, codec="libx264", options=options)
    first, second, third = (frame.index for frame in read_all(path, Sampling())[0])
    assert first == 2
    assert 10 <= second < 18  # the sharp one is not seen
    assert third == 28


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_frames_of_a_damaged_video_have_the_same_index_however_they_are_read(
    tmp_path: Path, name: str
) -> None:
    options = {"faststart": "1", "g": "5"} if name == "a.mp4" else {"g": "5"}
    write_video(tmp_path / name, noisy_images(100), codec="libx264", options=options)
    path = damage_file(tmp_path / name, 0.45, 0.5)
    whole = {frame.index: times([frame]) for frame in read_all(path)[0]}
    assert list(whole) == sorted(whole)
    for frame in read_all(path, Sampling())[0]:
        assert whole[frame.index] == times([frame])


@pytest.mark.parametrize(("name", "codec", "options"), VIDEO_FORMS + MORE_FORMS)
def test_frames_of_a_second_look_are_those_of_the_first(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_form(tmp_path / name, codec, options)
    media = as_media(path)
    coverage = Coverage(media.kind)
    first = {frame.index: frame for frame in read_frames(media, ALL, coverage)}
    read = coverage.frames_read
    spans = [(2.05, 2.95), (7.35, 8.45), (8.55, 8.75)]
    second = list(read_spans(media, spans, ALL, coverage))
    assert [frame.index for frame in second] == [
        frame.index for frame in first.values() if any(a <= frame.time_seconds <= b for a, b in spans)
    ]
    assert len(second) == 22
    assert_same_frames(second, list(first.values()))
    assert coverage.frames_read == read


def test_a_second_look_at_an_animation_gives_the_same_frames(tmp_path: Path) -> None:
    images = [Image.fromarray(grey_level(5 * number)) for number in range(40)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=100)
    media, coverage = as_media(tmp_path / "a.gif"), Coverage("photo")
    list(read_frames(media, ALL, coverage))
    seen = list(read_spans(media, [(1.05, 1.55)], ALL, coverage))
    assert [frame.index for frame in seen] == [11, 12, 13, 14, 15]


def test_a_second_look_takes_the_sharpest_of_each_step(tmp_path: Path) -> None:
    images = [grey_level(100)] * 40
    images[22] = noisy_images(1)[0]
    media = as_media(write_video(tmp_path / "a.mp4", images, codec="libx264"))
    coverage = Coverage("video")
    list(read_frames(media, ALL, coverage))
    seen = list(read_spans(media, [(2.0, 2.95)], Sampling(every_seconds=0.5), coverage))
    assert [int(frame.time_seconds / 0.5) for frame in seen] == [4, 5]
    assert seen[0].index == 22


def test_a_second_look_at_a_file_that_is_gone_or_damaged_is_silent(tmp_path: Path) -> None:
    media = as_media(write_video(tmp_path / "a.mp4", noisy_images(60), codec="libx264"))
    coverage = Coverage("video")
    list(read_frames(media, ALL, coverage))
    damage_file(media.path, 0.1, 0.9)
    list(read_spans(media, [(2.0, 5.0)], ALL, coverage))
    media.path.unlink()
    assert list(read_spans(media, [(2.0, 5.0)], ALL, coverage)) == []


@pytest.mark.parametrize(
    ("taken", "offset", "expected"),
    [
        ("2024:05:13 21:04:05", "+11:00", "2024-05-13T21:04:05+11:00"),
        ("2024:05:13 21:04:05", None, "2024-05-13T21:04:05"),
        ("2024:05:13 21:04:05", "nonsense", "2024-05-13T21:04:05"),
        ("0000:00:00 00:00:00", "+11:00", ""),
        ("=HYPERLINK(1)", None, ""),
    ],
)
def test_the_time_of_capture_is_what_the_camera_wrote(
    tmp_path: Path, taken: str, offset: str | None, expected: str
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: taken} | ({0x9011: offset} if offset else {}))
    Image.fromarray(grey_level(9)).save(tmp_path / "a.jpg", exif=exif)
    coverage = Coverage("photo")
    list(read_frames(as_media(tmp_path / "a.jpg"), ALL, coverage))
    assert coverage.captured_at == expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"creation_time": "2024-05-13T10:04:05.000000Z"}, "2024-05-13T10:04:05Z"),
        ({"creation_time": "1904-01-01T00:00:00.000000Z"}, ""),
        ({}, ""),
    ],
)
def test_the_time_of_capture_of_a_video_is_in_utc(
    tmp_path: Path, metadata: dict[str, str], expected: str
) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        container.metadata.update(metadata)
        stream = container.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = 64, 48
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(grey_level(50), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    coverage = Coverage("video")
    list(read_frames(as_media(tmp_path / "a.mp4"), ALL, coverage))
    assert coverage.captured_at == expected


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_large_jpeg_may_be_decoded_smaller_and_tells_its_true_size(
    tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(corners_image(1001, 601)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    media = as_media(tmp_path / "a.jpg")
    coverage = Coverage("photo")
    (whole,) = read_frames(media, ALL, Coverage("photo"))
    (small,) = read_frames(media, Sampling(photo_side=400), coverage)
    height, width = whole.image.shape[:2]
    assert (width, height) == ((601, 1001) if orientation > 4 else (1001, 601))
    assert small.resolution_wh == whole.resolution_wh == (width, height) == (coverage.width, coverage.height)
    assert max(small.image.shape[:2]) == 501
    assert read_corners(small.image) == read_corners(whole.image)


def test_a_jpeg_is_never_decoded_smaller_than_wanted(tmp_path: Path) -> None:
    Image.fromarray(corners_image(1000, 600)).save(tmp_path / "a.jpg")
    for wanted, long_side in ((501, 1000), (500, 500), (250, 250), (5000, 1000), (0, 1000)):
        (frame,) = read_frames(as_media(tmp_path / "a.jpg"), Sampling(photo_side=wanted), Coverage("photo"))
        assert frame.image.shape[1] == long_side
