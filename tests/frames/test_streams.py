"""Files with several video streams: each is looked at, or the row says which is not."""

from pathlib import Path

import av
import numpy as np
import pytest

from detector.errors import MediaError
from detector.frames import Coverage, Frame, Sampling, read_frame_at, read_frames, read_spans
from detector.ids import STREAM_FRAMES, stream_of
from tests.media_factory import (
    as_media,
    corners_image,
    grey_level,
    noisy_images,
    read_corners,
    write_streams,
    write_video,
)

ALL = Sampling(every_seconds=0)


def read_all(path: Path, sampling: Sampling = ALL) -> tuple[list[Frame], Coverage]:
    media = as_media(path)
    coverage = Coverage(media.kind)
    return list(read_frames(media, sampling, coverage)), coverage


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_all_video_streams_are_looked_at(tmp_path: Path, name: str) -> None:
    streams = [[grey_level(40)] * 10, [grey_level(200 - number) for number in range(20)]]
    media = as_media(write_streams(tmp_path / name, streams))
    seen, coverage = read_all(media.path)
    assert [frame.index for frame in seen] == [*range(10), *range(STREAM_FRAMES, STREAM_FRAMES + 20)]
    assert [round(10 * frame.time_seconds) for frame in seen] == [*range(10), *range(20)]
    assert (coverage.notes, coverage.frames_read) == ([], 30)
    assert coverage.read_seconds == pytest.approx(2.0, abs=0.11)
    again = list(read_spans(media, [(0.45, 0.75)], ALL, coverage, 1))
    assert [frame.index - STREAM_FRAMES for frame in again] == [5, 6, 7]
    for frame in [*seen, *again]:
        found = read_frame_at(media, frame.index, frame.time_seconds)
        assert np.array_equal(found, frame.image)


@pytest.mark.parametrize(("cover", "expected"), [(-1, [0, *[1] * 5]), (0, [*[0] * 5, 1])])
def test_a_cover_hides_nothing(tmp_path: Path, cover: int, expected: list[int]) -> None:
    """A picture as an ordinary stream before the video, and one that is marked as a cover."""
    video, picture = [corners_image()] * 5, [grey_level(90)]
    path = write_streams(tmp_path / "a.mp4", [picture, video], codecs=("mjpeg", "libx264"), cover=cover)
    seen, coverage = read_all(path)
    assert [stream_of(frame.index) for frame in seen] == expected
    covers = [frame for frame in seen if round(float(frame.image.mean())) in range(88, 93)]
    assert len(covers) == 1
    assert all(read_corners(one.image) == read_corners(corners_image()) for one in seen if one not in covers)
    assert coverage.notes == []
    for frame in seen:
        found = read_frame_at(as_media(path), frame.index, frame.time_seconds)
        assert np.array_equal(found, frame.image)


def test_a_stream_of_an_unknown_codec_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "a.mp4", [[grey_level(40)] * 5, [grey_level(90)] * 5])
    content = path.read_bytes()
    first = content.index(b"avc1", content.index(b"stsd"))
    path.write_bytes(content[:first] + b"zzzz" + content[first + 4 :])
    seen, coverage = read_all(path)
    assert [stream_of(frame.index) for frame in seen] == [1] * 5
    assert coverage.notes == ["video stream 0: not looked at: its video codec is unknown to FFmpeg"]


def test_a_damaged_stream_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    path = write_streams(
        tmp_path / "a.mkv", [noisy_images(30), [grey_level(90)] * 30], codecs=["mjpeg", "libx264"]
    )
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.size and packet.pos is not None:
                content[packet.pos + 10 : packet.pos + packet.size] = bytes(packet.size - 10)
    path.write_bytes(content)
    seen: list[Frame] = []
    with pytest.raises(MediaError, match=r"^video stream 0: .*Invalid data|are unreadable"):
        seen.extend(read_frames(as_media(path), ALL, Coverage("video")))
    assert [stream_of(frame.index) for frame in seen].count(1) == 30


def test_one_stream_has_the_numbers_it_always_had(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [grey_level(90)] * 5)
    assert [frame.index for frame in read_all(path)[0]] == list(range(5))
