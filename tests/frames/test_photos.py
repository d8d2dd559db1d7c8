"""Photos of every format and size: what is in them is read, or its reason says why not."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.errors import MediaError, NotReadError
from detector.frames import Coverage, Frame, Sampling, read_frames, read_image
from detector.frames.photo_opening import opened_photo, register_formats
from tests.media_factory import (
    BLUE,
    CORNERS,
    GREEN,
    RED,
    YELLOW,
    as_media,
    corners_image,
    cut_file,
    read_corners,
)

UPRIGHT = {  # the corners of a picture whose corners lie as `CORNERS`, by Exif's orientation
    1: (RED, GREEN, BLUE, YELLOW),
    2: (GREEN, RED, YELLOW, BLUE),
    3: (YELLOW, BLUE, GREEN, RED),
    4: (BLUE, YELLOW, RED, GREEN),
    5: (RED, BLUE, GREEN, YELLOW),
    6: (BLUE, RED, YELLOW, GREEN),
    7: (YELLOW, GREEN, BLUE, RED),
    8: (GREEN, YELLOW, RED, BLUE),
}


def original(width: int = 64, height: int = 48) -> Image.Image:
    return Image.fromarray(corners_image(width, height))


def read_all(path: Path, sampling: Sampling | None = None) -> tuple[list[Frame], Coverage]:
    media = as_media(path)
    coverage = Coverage(media.kind)
    return list(read_frames(media, sampling or Sampling(), coverage)), coverage


def reason_of(path: Path, sampling: Sampling | None = None) -> str:
    with pytest.raises(MediaError) as raised:
        read_all(path, sampling)
    return str(raised.value)


def with_orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


# Orientation


@pytest.mark.parametrize("value", range(1, 9))
def test_all_eight_orientations_of_a_heic_are_applied(tmp_path: Path, value: int) -> None:
    import pillow_heif

    image = pillow_heif.from_pillow(original())
    image.save(tmp_path / "a.heic", exif=with_orientation(value).tobytes(), quality=90)
    [frame], coverage = read_all(tmp_path / "a.heic")
    assert tuple(read_corners(frame.image)) == UPRIGHT[value]
    assert frame.resolution_wh == ((64, 48) if value < 5 else (48, 64)) == (coverage.width, coverage.height)


@pytest.mark.parametrize("value", range(1, 9))
def test_a_jpeg_decoded_smaller_is_turned_in_all_eight_ways(tmp_path: Path, value: int) -> None:
    original(640, 480).save(tmp_path / "a.jpg", exif=with_orientation(value))
    [frame], _ = read_all(tmp_path / "a.jpg", Sampling(photo_side=160))
    assert tuple(read_corners(frame.image)) == UPRIGHT[value]
    assert frame.image.shape[:2] == ((120, 160) if value < 5 else (160, 120))
    assert frame.resolution_wh == ((640, 480) if value < 5 else (480, 640))


# Several pictures in a file


def test_every_picture_of_a_heic_is_read_the_primary_one_first(tmp_path: Path) -> None:
    import pillow_heif

    images = pillow_heif.from_pillow(Image.new("RGB", (64, 48), "black"))
    images.add_from_pillow(original())
    images.add_from_pillow(Image.new("RGB", (48, 64), "white"))
    images.save(tmp_path / "a.heic", primary_index=1)
    seen, coverage = read_all(tmp_path / "a.heic")
    assert read_corners(seen[0].image) == list(CORNERS)
    assert [round(float(frame.image.mean())) for frame in seen[1:]] == [0, 255]
    assert [frame.page for frame in seen] == [frame.index for frame in seen] == [0, 1, 2]
    assert (coverage.kind, coverage.width, coverage.height, coverage.notes) == ("photo", 64, 48, [])


def test_every_picture_of_an_mpo_is_read_in_its_own_orientation(tmp_path: Path) -> None:
    second = original(32, 24)
    second.info["exif"] = second.encoderinfo = {}
    black = Image.new("RGB", (640, 480))
    black.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[original(640, 480), black])
    seen, coverage = read_all(tmp_path / "a.jpg", Sampling(photo_side=160))
    assert [(frame.page, frame.image.shape) for frame in seen] == [(page, (120, 160, 3)) for page in range(3)]
    assert read_corners(seen[1].image) == list(CORNERS)
    assert seen[1].resolution_wh == (640, 480)
    assert read_image(tmp_path / "a.jpg", index=1).shape == (480, 640, 3)
    assert coverage.notes == []


@pytest.mark.parametrize(
    "word", [b"hdrgm:Version", b"http://ns.apple.com/HDRGainMap/1.0/", b"AuxiliaryDepth"]
)
def test_a_gain_map_or_depth_map_in_an_mpo_is_no_picture(tmp_path: Path, word: bytes) -> None:
    second = original()
    second.info["comment"] = word
    original().save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    assert word in (tmp_path / "a.jpg").read_bytes()
    seen, coverage = read_all(tmp_path / "a.jpg")
    assert len(seen) == 1
    assert coverage.notes == []


def test_an_mpo_that_lost_its_second_picture_says_so(tmp_path: Path) -> None:
    original().save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[original()])
    seen, coverage = read_all(cut_file(tmp_path / "a.jpg", 0.55))
    assert len(seen) == 1
    assert coverage.notes == ["its picture 2 of 2 is missing or damaged"]


def test_the_working_time_ends_a_tiff_of_many_pages_and_keeps_what_was_seen(tmp_path: Path) -> None:
    pages = [original() for _ in range(5)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    media, coverage = as_media(tmp_path / "a.tif"), Coverage("photo")
    frames = read_frames(media, Sampling(max_seconds=0), coverage)
    next(frames)
    with pytest.raises(MediaError, match=r"^stopped by the time limit after 1 pictures$"):
        next(frames)


# Formats


@pytest.mark.parametrize("name", ["a.jp2", "a.j2k", "a.ppm", "a.tga", "a.pfm", "a.pgm", "a.pbm"])
def test_more_formats_are_read_by_their_content(tmp_path: Path, name: str) -> None:
    mode = {"a.pfm": "F", "a.pgm": "L", "a.pbm": "1"}.get(name, "RGB")
    image = original().convert("L" if mode == "F" else mode).convert(mode)
    image.save(tmp_path / name)
    for path in (tmp_path / name, tmp_path / "wrong.jpg"):
        if path.name == "wrong.jpg" and name == "a.tga":
            continue
        path.write_bytes((tmp_path / name).read_bytes())
        [frame], coverage = read_all(path)
        assert coverage.kind == "photo"
        expected = np.asarray(original() if mode == "RGB" else image.convert("L").convert("RGB")).astype(int)
        assert np.abs(frame.image.astype(int) - expected).mean() < 3


def write_psd(path: Path, image: Image.Image, resources: bytes = b"") -> Path:
    """A Photoshop document with nothing but its flattened picture."""
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, image.height, image.width, 8, 3)
    planes = np.asarray(image).transpose(2, 0, 1).tobytes()
    lengths = struct.pack(">I", 0) + struct.pack(">I", len(resources)) + resources + struct.pack(">I", 0)
    path.write_bytes(head + lengths + b"\0\0" + planes)
    return path


def test_the_flattened_picture_of_a_photoshop_document_is_read(tmp_path: Path) -> None:
    [frame], coverage = read_all(write_psd(tmp_path / "a.psd", original()))
    assert (frame.image == corners_image()).all()
    assert coverage.kind == "photo"


def test_what_is_no_targa_picture_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "a.tga").write_bytes(b"\0" * 17 + b"\xff" + bytes(100))
    assert as_media(tmp_path / "a.tga").kind == "other"
    original().save(tmp_path / "b.png")
    (tmp_path / "b.png").rename(tmp_path / "b.tga")
    assert read_corners(read_image(tmp_path / "b.tga")) == list(CORNERS)


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.jxl", b"\xff\x0a\xfa\x7f", "JPEG XL"),
        ("a.dat", b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        ("a.jpg", b"\x76\x2f\x31\x01", "OpenEXR"),
        ("a.psb", b"8BPS\0\2", "large Photoshop document"),
        ("a.xcf", b"gimp xcf v011", "GIMP picture"),
    ],
)
def test_photos_of_known_formats_that_are_not_read_say_so(
    tmp_path: Path, name: str, head: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(head + bytes(50))
    with pytest.raises(NotReadError, match=f"^{kind}: not read by this tool$"):
        read_all(tmp_path / name)


def write_tiff(path: Path, entries: dict[int, tuple[int, tuple[int, ...]]], pixels: bytes = b"") -> Path:
    """A TIFF of one directory with tags of shorts (3) or longs (4); tag 273 is where its pixels start."""
    size = 8 + 2 + 12 * (len(entries) + 1) + 4
    entries = {**entries, 273: (4, (size + 200,))}
    body, extra = b"", b""
    for tag, (kind, values) in sorted(entries.items()):
        raw = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(raw) > 4:
            raw, extra = struct.pack("<I", size + len(extra)), extra + raw
        body += struct.pack("<HHI", tag, kind, len(values)) + raw.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)
    path.write_bytes(head + extra.ljust(200, b"\0") + pixels)
    return path


def test_a_sound_tiff_of_a_kind_that_is_not_read_is_not_called_damaged(tmp_path: Path) -> None:
    tags = {256: (4, (2,)), 257: (4, (2,)), 258: (3, (64, 64, 64)), 259: (3, (1,)), 262: (3, (2,))}
    tags |= {277: (3, (3,)), 278: (4, (2,)), 279: (4, (96,)), 339: (3, (3, 3, 3))}
    path = write_tiff(tmp_path / "a.tif", tags, bytes(96))
    with pytest.raises(NotReadError) as raised:
        read_all(path)
    assert str(raised.value) == "TIFF with 3 × 64 bits a pixel, floating point: not read by this tool"


# Camera raws


def jpeg_of(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=95)
    return content.getvalue()


def write_nef(path: Path, previews: list[bytes], orientation: int = 1) -> Path:
    """A raw as cameras write it: a tiny picture first, below it the sensor's data and previews."""
    size = 8 + 2 + 12 * 9 + 4
    at = size + 64 * 48 * 3
    sub = struct.pack("<HHHIIHHII", 2, 262, 3, 1, 32803, 256, 4, 1, 6000) + bytes(4)
    tags = [
        (254, 4, 1),
        (256, 4, 64),
        (257, 4, 48),
        (258, 3, 8),
        (262, 3, 2),
        (273, 4, size),
        (274, 3, orientation),
    ]
    tags += [(277, 3, 3), (330, 4, at)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + bytes(4)
    path.write_bytes(head + bytes(64 * 48 * 3) + sub + b"\xff\xd8\xff\xc3 sensor" + b"".join(previews))
    return path


def test_a_camera_raw_is_looked_at_in_its_largest_preview(tmp_path: Path) -> None:
    previews = [
        jpeg_of(Image.new("RGB", (160, 120))),
        jpeg_of(original(640, 480)),
        jpeg_of(Image.new("RGB", (32, 32))),
    ]
    [frame], coverage = read_all(write_nef(tmp_path / "a.nef", previews, orientation=6))
    assert frame.resolution_wh == (480, 640) == (coverage.width, coverage.height)
    assert tuple(read_corners(frame.image)) == UPRIGHT[6]
    assert coverage.notes == ["camera raw: looked at in its embedded preview of 640 × 480 pixels"]
    assert coverage.kind == "photo"


@pytest.mark.parametrize(
    "head", [b"FUJIFILMCCD-RAW 0201", b"IIU\0\x18\0\0\0", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"]
)
def test_raws_that_are_no_tiff_have_previews_too(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a").write_bytes(head.ljust(500, b"\0") + jpeg_of(original(64, 48)) + bytes(99))
    [frame], coverage = read_all(tmp_path / "a")
    assert read_corners(frame.image) == list(CORNERS)
    assert "raw: looked at in its embedded preview of 64 × 48 pixels" in coverage.notes[0]


def test_a_raw_without_a_preview_is_not_read_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotReadError, match=r"^camera raw without a preview: not read by this tool$"):
        read_all(write_nef(tmp_path / "a.dng", []))


# Reasons


@pytest.mark.parametrize(
    "head", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"II*\0"]
)
def test_no_reason_names_a_path_of_the_machine(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(head + b"nothing that is a picture" * 9)
    assert str(tmp_path) not in reason_of(path)


@pytest.mark.parametrize(("width", "height"), [(2500, 1), (1, 2500), (8192, 2), (3, 60_000)])
def test_a_jpeg_thinner_than_any_share_of_it_is_read(tmp_path: Path, width: int, height: int) -> None:
    Image.new("RGB", (width, height), RED).save(tmp_path / "a.jpg")
    [frame], _ = read_all(tmp_path / "a.jpg", Sampling(photo_side=512))
    assert frame.resolution_wh == (width, height)
    assert np.abs(frame.image.astype(int) - RED).max() < 5


# Memory


def png_head(width: int, height: int, colour_type: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


PEAK = """
import sys
from pathlib import Path

from detector.errors import MediaError
from detector.frames import read_image


def forget_peak():  # a new process begins with the peak of the one that started it
    Path("/proc/self/clear_refs").write_text("5")


def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def now():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])
"""
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="peaks are read from /proc"
)
BOMBS = {
    "lossless.webp": b"RIFF\x1e\0\0\0WEBPVP8L\x11\0\0\0\x2f\xff\xff\xff\x0f" + bytes(13),
    "extended.webp": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\x3f\0\xff\x3f\0" + bytes(8),
    "lossy.webp": b"RIFF\x1e\0\0\0WEBPVP8 \x12\0\0\0\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(8),
    "rgba.png": png_head(13_000, 13_000, 6),
    "grey.png": png_head(40_000, 40_000, 0),
}


@needs_proc
def test_tiny_files_that_declare_huge_pictures_take_no_memory(tmp_path: Path) -> None:
    script = PEAK + (
        "read_image(Path(sys.argv[1]))\nforget_peak()\nbefore = now()\n"
        "for name in sys.argv[2:]:\n"
        "    try:\n        read_image(Path(name))\n    except MediaError as error:\n        print(error)\n"
        "print(peak() - before)\n"
    )
    original().save(tmp_path / "small.png")
    for name, content in BOMBS.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in ("small.png", *BOMBS)]
    done = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True)
    *reasons, grown = done.stdout.splitlines()
    assert len(reasons) == len(BOMBS)
    assert all("MB of memory" in reason for reason in reasons)
    assert int(grown) < 50_000  # kilobytes


def test_a_huge_jpeg_is_decoded_smaller_instead_of_refused(tmp_path: Path) -> None:
    original(4000, 3000).save(tmp_path / "a.jpg")
    allowed = Sampling(photo_bytes=20_000_000)
    [frame], coverage = read_all(tmp_path / "a.jpg", allowed)
    assert frame.image.shape == (750, 1000, 3)
    assert frame.resolution_wh == (4000, 3000) == (coverage.width, coverage.height)
    original(4000, 3000).save(tmp_path / "a.png")
    assert reason_of(tmp_path / "a.png", allowed) == (
        "too large: 4000 × 3000 pixels take 120 MB of memory, 20 are allowed (--photo-memory)"
    )


def test_a_progressive_jpeg_needs_memory_for_all_its_pixels(tmp_path: Path) -> None:
    original(4000, 3000).save(tmp_path / "a.jpg", progressive=True)
    assert "too large" in reason_of(tmp_path / "a.jpg", Sampling(photo_bytes=30_000_000))
    assert len(read_all(tmp_path / "a.jpg", Sampling(photo_bytes=50_000_000))[0]) == 1


@needs_proc
@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "heic", "avif", "jp2"])
def test_no_format_takes_more_memory_than_is_reckoned(tmp_path: Path, suffix: str) -> None:
    register_formats()
    rng = np.random.default_rng(1)
    small = Image.fromarray(rng.integers(0, 256, (250, 300, 3)).astype(np.uint8))
    small.resize((3000, 2500)).save(tmp_path / f"a.{suffix}", exif=with_orientation(6))
    script = PEAK + (
        "from PIL import Image\nfrom detector.frames.memory import find_needed_bytes\n"
        "path = Path(sys.argv[1])\nread_image(Path(sys.argv[2]))\n"
        "with Image.open(path) as image:\n    needed = find_needed_bytes(image, path.stat().st_size)\n"
        "forget_peak()\nbefore = now()\nread_image(path)\nprint(needed // 1024, peak() - before)\n"
    )
    small.resize((64, 48)).save(tmp_path / f"small.{suffix}")
    command = [sys.executable, "-c", script, str(tmp_path / f"a.{suffix}"), str(tmp_path / f"small.{suffix}")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    needed, taken = map(int, output.split())
    assert needed / 5 < taken < needed + 20_000


@pytest.mark.parametrize("suffix", [".heic", ".jp2", ".png"])
def test_of_a_cut_photo_of_which_nothing_was_decoded_nothing_was_seen(tmp_path: Path, suffix: str) -> None:
    register_formats()
    path = tmp_path / f"a{suffix}"
    Image.fromarray(corners_image()).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * (0.3 if suffix == ".png" else 0.9))])
    coverage = Coverage("photo")
    with pytest.raises(MediaError, match=r"^damaged: [^\n]+$"):
        list(read_frames(as_media(path), Sampling(), coverage))
    assert coverage.frames_read == 0


def test_words_of_python_about_numbers_are_no_reason(tmp_path: Path) -> None:
    register_formats()
    path = tmp_path / "a.png"
    Image.fromarray(corners_image()).save(path)
    with (
        pytest.raises(MediaError, match=r"^damaged: a size in it is impossibly large$"),
        opened_photo(path, 1 << 30),
    ):
        raise OverflowError("cannot fit 'int' into an index-sized integer")


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_a_box_that_would_end_beyond_any_file_costs_nothing(tmp_path: Path, suffix: str) -> None:
    register_formats()
    path = tmp_path / f"a{suffix}"
    Image.fromarray(corners_image()).save(path)
    path.write_bytes(path.read_bytes() + struct.pack(">I4sQ", 1, b"free", (1 << 64) - 4096))
    seen, coverage = read_all(path)
    assert (len(seen), coverage.frames_unreadable) == (1, 0)
    assert read_corners(seen[0].image) == list(CORNERS)
