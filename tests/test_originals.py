from pathlib import Path

import pytest
from PIL import Image

from detector.errors import MediaError
from detector.frames import Coverage, Sampling, read_frames
from detector.originals import read_original
from tests.media_factory import as_media, grey_level, write_video

LEVELS = [10 * number for number in range(24)]


def write_animation(path: Path) -> Path:
    first, *rest = (Image.fromarray(grey_level(level)) for level in LEVELS)
    first.save(path, save_all=True, append_images=rest, duration=100, lossless=True)
    return path


def test_each_frame_of_a_file_is_read_again_as_it_was(tmp_path: Path) -> None:
    images = [grey_level(level) for level in LEVELS]
    paths = [write_animation(tmp_path / "a.webp")]
    paths += [write_animation(tmp_path / "a.tiff")]
    for suffix, codec in ((".mp4", "libx264"), (".mkv", "mpeg4"), (".avi", "mpeg4"), (".ts", "mpeg2video")):
        paths.append(write_video(tmp_path / f"a{suffix}", images, codec=codec))
    for path in paths:
        media = as_media(path)
        frames = list(read_frames(media, Sampling(every_seconds=0), Coverage(media.kind)))
        assert len(frames) == len(LEVELS), path.name
        for frame in frames[::5]:
            again = read_original([path], media.sha256(), frame.index, frame.time_seconds)
            assert (again == frame.image).all(), (path.name, frame.index)


def test_a_copy_stands_in_for_a_file_that_is_gone(tmp_path: Path) -> None:
    Image.fromarray(grey_level(90)).save(tmp_path / "copy.png")
    sha256 = as_media(tmp_path / "copy.png").sha256()
    image = read_original([tmp_path / "gone.png", tmp_path / "copy.png"], sha256, 0, 0.0)
    assert (image == 90).all()


def test_a_file_with_another_content_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    Image.fromarray(grey_level(90)).save(path)
    sha256 = as_media(path).sha256()
    assert (read_original([path], sha256, 0, 0.0) == 90).all()
    Image.fromarray(grey_level(91)).save(path)
    with pytest.raises(MediaError, match="gone, or changed"):
        read_original([path], sha256, 0, 0.0)
    with pytest.raises(MediaError, match="gone, or changed"):
        read_original([tmp_path], sha256, 0, 0.0)


def test_a_frame_that_is_not_in_the_file_is_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [grey_level(level) for level in LEVELS])
    with pytest.raises(MediaError, match=r"no frame 99 at 9\.900 s"):
        read_original([path], as_media(path).sha256(), 99, 9.9)
