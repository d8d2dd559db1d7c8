"""Photos that also move: what moves is looked at, too."""

import struct
from pathlib import Path

import pytest
from PIL import Image

from detector.errors import MediaError
from detector.frames import Coverage, Frame, Sampling, photos, read_frame_at, read_frames
from tests.media_factory import as_media, corners_image, cut_file, grey_level, write_video

LEVELS = (40, 80, 120, 160, 200)


def read_all(path: Path) -> tuple[list[Frame], Coverage]:
    media = as_media(path)
    coverage = Coverage(media.kind)
    return list(read_frames(media, Sampling(every_seconds=0), coverage)), coverage


def clip(tmp_path: Path, name: str = "clip.mp4", codec: str = "libx264") -> bytes:
    images = [grey_level(level, 64, 64) for level in LEVELS]
    return write_video(tmp_path / name, images, codec=codec).read_bytes()


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def shown(seen: list[Frame]) -> list[tuple[int, int, float, int]]:
    return [
        (one.index, one.page, round(one.time_seconds, 3), round(float(one.image.mean()) / 10) * 10)
        for one in seen
    ]


MOVING = [(1 + number, 1, round(number / 10, 3), level) for number, level in enumerate(LEVELS)]


@pytest.mark.parametrize("behind", [b"", b"\0\0\x30\x0aSEFHk\0\0\0SEFT"])
@pytest.mark.parametrize("before", [b"", b"\0\0MotionPhoto_Data"])
def test_the_video_behind_a_jpeg_is_looked_at(tmp_path: Path, before: bytes, behind: bytes) -> None:
    Image.fromarray(grey_level(10)).save(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(before + clip(tmp_path) + behind)
    seen, coverage = read_all(tmp_path / "a.jpg")
    assert shown(seen) == [(0, 0, 0.0, 10), *MOVING]
    assert (coverage.kind, coverage.width, coverage.frames_read) == ("photo", 64, 6)
    assert coverage.declared_seconds == pytest.approx(0.5)
    assert read_frame_at(as_media(tmp_path / "a.jpg"), 3, 0.2).mean() == pytest.approx(120, abs=5)


def test_the_video_in_a_box_of_a_heic_is_looked_at(tmp_path: Path) -> None:
    import pillow_heif

    pillow_heif.from_pillow(Image.fromarray(grey_level(10, 64, 64))).save(tmp_path / "a.heic")
    with (tmp_path / "a.heic").open("ab") as file:
        file.write(box(b"mpvd", clip(tmp_path)))
    assert shown(read_all(tmp_path / "a.heic")[0]) == [(0, 0, 0.0, 10), *MOVING]


def as_sequence(quicktime: bytes, brand: bytes) -> bytes:
    """A QuickTime file as a sequence of pictures of ISO/IEC 23008-12."""
    return quicktime[:8] + brand + quicktime[12:].replace(b"mhlrvide", b"mhlrpict")


def test_a_sequence_of_pictures_alone_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.heics").write_bytes(as_sequence(clip(tmp_path, "a.mov", "libx265"), b"hevc"))
    seen, coverage = read_all(tmp_path / "a.heics")
    assert shown(seen) == [(number, 0, number / 10, level) for number, level in enumerate(LEVELS)]
    assert coverage.frames_read == 5


def test_the_cover_of_an_animated_avif_is_looked_at_where_it_shows_something_else(tmp_path: Path) -> None:
    """Its pixels are where the first frame's are: the item is pointed to those of another file, behind."""
    images = [Image.fromarray(grey_level(level, 64, 64)) for level in (220, 120)]
    images[0].save(tmp_path / "a.avif", save_all=True, append_images=images[1:], duration=100)
    Image.fromarray(grey_level(20, 64, 64)).save(tmp_path / "cover.avif")
    content, cover = bytearray((tmp_path / "a.avif").read_bytes()), (tmp_path / "cover.avif").read_bytes()
    pixels = cover[cover.index(b"mdat") + 4 :]
    place = content.index(b"iloc") + 4 + 4 + 2 + 2 + 2 + 2 + 2  # flags, sizes, count, id, reference, extents
    offset, length = struct.unpack(">II", content[place : place + 8])
    assert content.index(b"mdat") < offset < len(content) - length + 1
    content[place : place + 8] = struct.pack(">II", len(content) + 8, len(pixels))
    (tmp_path / "a.avif").write_bytes(bytes(content) + box(b"mdat", pixels))
    seen, coverage = read_all(tmp_path / "a.avif")
    assert shown(seen) == [(0, 0, 0.0, 220), (1, 0, 0.1, 120), (2, 1, 0.0, 20)]
    assert coverage.kind == "video"


def test_the_default_image_of_an_animated_png_is_looked_at(tmp_path: Path) -> None:
    images = [Image.fromarray(grey_level(level)) for level in (20, 120, 220)]
    images[0].save(tmp_path / "a.png", save_all=True, append_images=images[1:], default_image=True)
    assert [level for *_, level in shown(read_all(tmp_path / "a.png")[0])] == [20, 120, 220]


def test_an_animated_avif_is_read_once(tmp_path: Path) -> None:
    images = [Image.fromarray(grey_level(level)) for level in LEVELS]
    images[0].save(tmp_path / "a.avif", save_all=True, append_images=images[1:], duration=100)
    seen, coverage = read_all(tmp_path / "a.avif")
    assert [one.index for one in seen] == [0, 1, 2, 3, 4]
    assert coverage.kind == "video"


def test_the_sequence_of_an_avif_that_opens_as_a_still_is_looked_at_too(tmp_path: Path) -> None:
    images = [Image.fromarray(grey_level(level)) for level in LEVELS]
    images[0].save(tmp_path / "a.avif", save_all=True, append_images=images[1:], duration=100)
    content = (tmp_path / "a.avif").read_bytes()
    (tmp_path / "b.avif").write_bytes(content[:8] + b"avif" + content[12:])
    seen, _ = read_all(tmp_path / "b.avif")
    assert [(one.page, level) for one, (*_, level) in zip(seen, shown(seen), strict=True)] == [
        (0, 40),
        *((1, level) for level in LEVELS),
    ]


def test_a_moving_part_that_breaks_off_has_a_reason_and_keeps_what_was_seen(tmp_path: Path) -> None:
    Image.fromarray(grey_level(10)).save(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(clip(tmp_path))
    media, seen = as_media(cut_file(tmp_path / "a.jpg", 0.5)), list[Frame]()
    with pytest.raises(MediaError, match=r"^its moving part: ") as raised:
        seen.extend(read_frames(media, Sampling(), Coverage("photo")))
    assert str(tmp_path) not in str(raised.value)
    assert shown(seen) == [(0, 0, 0.0, 10)]


def test_a_word_that_looks_like_a_video_is_no_moving_part(tmp_path: Path) -> None:
    Image.fromarray(corners_image()).save(tmp_path / "a.jpg", comment=b"ftyp of a video, ftypmoov")
    seen, coverage = read_all(tmp_path / "a.jpg")
    assert len(seen) == 1
    assert coverage.notes == []


def test_whatever_a_decoder_raises_becomes_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class UnheardOfError(Exception):
        pass

    def fail(*_: object) -> None:
        raise UnheardOfError(f"in {tmp_path / 'a.png'}, line 9")

    Image.fromarray(corners_image()).save(tmp_path / "a.png")
    monkeypatch.setattr(photos, "read_pixels", fail)
    with pytest.raises(MediaError, match=r"^its decoder failed: UnheardOfError: in a\.png, line 9$"):
        read_all(tmp_path / "a.png")
