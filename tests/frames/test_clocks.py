"""Videos whose clock begins again or leaps: each frame has one number, one time, and is found again."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from detector.frames import Coverage, Frame, Sampling, read_frame_at, read_frames, read_spans
from detector.sources import Media
from tests.media_factory import as_media, grey_level, write_video

ALL = Sampling(every_seconds=0)
FORMS = [
    ("a.mkv", "libx264", {"g": "12", "bf": "2"}),
    ("a.mkv", "libx264", {"g": "30", "x264-params": "open-gop=1"}),
    ("a.mkv", "libx265", {"x265-params": "keyint=24"}),
    ("a.ts", "libx264", {"g": "12", "bf": "2"}),
    ("a.ts", "mpeg2video", {"bf": "2"}),
    ("a.webm", "libvpx", {"g": "12"}),
    ("a.webm", "libvpx-vp9", {"g": "12"}),
]
HOURS = 5 * 3600_000


def read_all(path: Path, sampling: Sampling = ALL) -> tuple[list[Frame], Coverage]:
    media = as_media(path)
    coverage = Coverage(media.kind)
    return list(read_frames(media, sampling, coverage)), coverage


def twice(path: Path) -> Path:
    """The file with itself appended, as recorders do that were stopped and started again."""
    path.write_bytes(path.read_bytes() * 2)
    return path


def rising(count: int) -> list[np.ndarray]:
    """Each frame has a level of its own."""
    return [grey_level(20 + 5 * number) for number in range(count)]


def assert_found_again(media: Media, seen: list[Frame]) -> None:
    for frame in seen:
        again = read_frame_at(media, frame.index, frame.time_seconds)
        assert np.array_equal(again, frame.image), frame.index


@pytest.mark.parametrize(("name", "codec", "options"), FORMS)
def test_frames_of_joined_recordings_are_numbered_in_order_and_times_run_on(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = twice(write_video(tmp_path / name, rising(40), codec=codec, options=dict(options)))
    seen, coverage = read_all(path)
    assert [frame.index for frame in seen] == list(range(80))
    assert [round(10 * frame.time_seconds) for frame in seen] == list(range(80))
    assert np.array_equal(seen[50].image, seen[10].image)
    assert coverage.notes == ["its clock starts again at 4.0 s: times run on"]
    assert coverage.read_seconds == pytest.approx(8.0, abs=0.11)


@pytest.mark.parametrize(("name", "codec", "options"), FORMS)
def test_both_looks_and_the_review_mean_the_same_frame_of_joined_recordings(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    media = as_media(twice(write_video(tmp_path / name, rising(40), codec=codec, options=dict(options))))
    whole = {frame.index: frame for frame in read_all(media.path)[0]}
    first, coverage = read_all(media.path, Sampling(every_seconds=1.0))
    assert [int(frame.time_seconds) for frame in first] == list(range(8))
    second = list(read_spans(media, [(0.95, 1.45), (3.75, 4.25), (6.85, 7.95)], ALL, coverage))
    assert [frame.index for frame in second] == [*range(10, 15), *range(38, 43), *range(69, 80)]
    for frame in [*first, *second]:
        assert frame.time_seconds == whole[frame.index].time_seconds
        assert np.array_equal(frame.image, whole[frame.index].image)
    assert_found_again(media, [*first, *second])


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_a_leap_of_hours_is_taken_out_and_said(tmp_path: Path, name: str) -> None:
    times = [*range(0, 2000, 100), *range(HOURS, HOURS + 2000, 100)]
    path = write_video(tmp_path / name, rising(40), codec="libx264", milliseconds=times, options={"g": "10"})
    seen, coverage = read_all(path)
    assert [round(10 * frame.time_seconds) for frame in seen] == list(range(40))
    assert coverage.notes == ["its clock jumps ahead by 17998 s at 2.0 s: times run on"]
    assert coverage.declared_seconds == pytest.approx(4.0, abs=0.3)
    second = list(read_spans(as_media(path), [(1.75, 2.25)], ALL, coverage))
    assert [frame.index for frame in second] == list(range(18, 23))
    assert_found_again(as_media(path), [seen[1], seen[25], *second])


def test_a_pause_of_minutes_is_kept(tmp_path: Path) -> None:
    times = [0, 100, 600_000, 600_100]
    path = write_video(tmp_path / "a.mkv", rising(4), codec="libx264", milliseconds=times)
    seen, coverage = read_all(path)
    assert [round(1000 * frame.time_seconds) for frame in seen] == times
    assert coverage.notes == []


def write_stamped(path: Path, images: list[np.ndarray], codec: str, stamps: list[int]) -> Path:
    """A video whose packets have these time stamps, in milliseconds, right or wrong."""
    plain = write_video(
        path.with_name(f"plain{path.suffix}"), images, codec=codec, options={"g": "10", "bf": "0"}
    )
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        for packet, stamp in zip(packets, stamps, strict=True):
            packet.pts, packet.dts, packet.time_base = stamp, None, Fraction(1, 1000)
            packet.stream = stream
            target.mux(packet)
    return path


def test_frames_with_the_same_time_stamp_have_numbers_of_their_own(tmp_path: Path) -> None:
    stamps = [0, 100, 200, 200, 200, 300, 400, 500, 600, 700, 800, 800, *range(900, 1700, 100)]
    media = as_media(write_stamped(tmp_path / "a.mkv", rising(20), "libx264", stamps))
    seen, coverage = read_all(media.path)
    assert [frame.index for frame in seen] == list(range(20))
    assert [round(1000 * frame.time_seconds) for frame in seen] == stamps
    again = list(read_spans(media, [(0.15, 0.85)], ALL, coverage))
    assert [frame.index for frame in again] == list(range(2, 12))
    for frame in again:
        assert np.array_equal(frame.image, seen[frame.index].image)
    assert_found_again(media, seen)
