"""Videos in all containers that are read: frames, times and colours, sampled and found again."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from detector.errors import MediaError
from detector.frames import Coverage, Frame, Sampling, read_frame_at, read_frames, read_spans
from detector.sources import find_kind
from tests.media_factory import (
    CORNERS,
    as_media,
    corners_image,
    encoder_options,
    noisy_images,
    read_corners,
    write_video,
)

ALL = Sampling(every_seconds=0)
PAL, NTSC = (720, 576, 25), (720, 480, 30)
CONTAINERS = [
    ("a.wmv", "asf", "wmv2", (64, 48, 25)),
    ("b.wmv", "asf", "wmv1", (64, 48, 25)),
    ("a.asf", "asf", "msmpeg4v3", (64, 48, 25)),
    ("a.flv", "flv", "flv", (64, 48, 25)),
    ("b.flv", "flv", "libx264", (64, 48, 25)),
    ("a.mpg", "mpeg", "mpeg1video", (64, 48, 25)),
    ("a.vob", "vob", "mpeg2video", (64, 48, 25)),
    ("a.m2v", "mpeg2video", "mpeg2video", (64, 48, 25)),
    ("a.mxf", "mxf", "mpeg2video", PAL),
    ("a.dv", "dv", "dvvideo", PAL),
    ("b.dv", "dv", "dvvideo", NTSC),
    ("a.ogv", "ogg", "libvpx", (64, 48, 25)),
    ("a.nut", "nut", "mpeg4", (64, 48, 25)),
    ("a.ivf", "ivf", "libvpx", (64, 48, 25)),
    ("a.y4m", "yuv4mpegpipe", "wrapped_avframe", (64, 48, 25)),
    ("a.h264", "h264", "libx264", (64, 48, 25)),
    ("a.hevc", "hevc", "libx265", (64, 48, 25)),
    ("a.rm", "rm", "rv20", (64, 48, 25)),
    ("a.wtv", "wtv", "mpeg2video", (64, 48, 25)),
    ("a.3gp", "3gp", "h263", (176, 144, 25)),
    ("a.m2ts", "mpegts", "libx264", (64, 48, 25)),
    ("a.f4v", "f4v", "libx264", (64, 48, 25)),
]


def write_form(path: Path, form: str, codec: str, size: tuple[int, int, int]) -> Path:
    """Two seconds of corners in four colours; a bar tells which frame it is."""
    width, height, rate = size
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, options=encoder_options(codec))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv411p" if size == NTSC else "yuv420p"
        stream.codec_context.thread_count = 1
        for index in range(2 * rate):
            image = corners_image(width, height)
            image[height // 2 - 4 : height // 2 + 4, : 1 + width * index // (2 * rate)] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_all(path: Path, sampling: Sampling = ALL) -> tuple[list[Frame], Coverage]:
    media = as_media(path)
    coverage = Coverage(media.kind)
    return list(read_frames(media, sampling, coverage)), coverage


@pytest.mark.parametrize(("name", "form", "codec", "size"), CONTAINERS)
def test_videos_in_every_container_are_read(
    tmp_path: Path, name: str, form: str, codec: str, size: tuple[int, int, int]
) -> None:
    path = write_form(tmp_path / "none", form, codec, size)
    rate = size[2]
    assert find_kind(path) == "video"
    seen, coverage = read_all(path)
    assert [frame.index for frame in seen] == list(range(2 * rate))
    assert [round(rate * frame.time_seconds) for frame in seen] == list(range(2 * rate))
    assert read_corners(seen[0].image) == list(CORNERS)
    assert (coverage.frames_unreadable, coverage.notes) == (0, [])
    first, coverage = read_all(path, Sampling(every_seconds=0.5))
    second = list(read_spans(as_media(path), [(0.5, 0.95), (1.5, 1.65)], ALL, coverage))
    assert len(first) == 4
    assert len(second) >= 13
    for frame in [*first, *second]:
        assert frame.time_seconds == seen[frame.index].time_seconds
        assert np.array_equal(frame.image, seen[frame.index].image)
        again = read_frame_at(as_media(path), frame.index, frame.time_seconds)
        assert np.array_equal(again, frame.image)


@pytest.mark.parametrize(("name", "form", "codec", "size"), CONTAINERS)
def test_a_cut_file_in_every_container_breaks_nothing(
    tmp_path: Path, name: str, form: str, codec: str, size: tuple[int, int, int]
) -> None:
    content = write_form(tmp_path / name, form, codec, size).read_bytes()
    for share in (0.1, 0.5, 0.9):
        path = tmp_path / f"{share}-{name}"
        path.write_bytes(content[: int(len(content) * share)])
        with suppress(MediaError):
            assert all(frame.time_seconds >= 0 for frame in read_all(path)[0])


@pytest.mark.parametrize("name", ["a.mp4", "a.flv"])
def test_what_lies_behind_the_end_of_a_video_is_said(tmp_path: Path, name: str) -> None:
    codec = "libx264" if name == "a.mp4" else "flv"
    path = write_video(tmp_path / name, noisy_images(30, 160, 128), codec=codec)
    whole = path.read_bytes()
    assert read_all(path)[1].notes == []
    path.write_bytes(whole + b"behind" * (len(whole) // 6))
    seen, coverage = read_all(path)
    assert len(seen) == 30
    (note,) = coverage.notes
    assert note.startswith("what lies behind its end was not looked at: ")
    assert note.endswith(f" of {path.stat().st_size} bytes")
