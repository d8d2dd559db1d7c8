"""Files in which recordings were appended to each other, of containers that FFmpeg reads the first of."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from detector.errors import MediaError
from detector.frames import Coverage, Frame, Sampling, parts, read_frame_at, read_frames, read_spans
from detector.ids import STREAM_FRAMES
from tests.media_factory import as_media, grey_level, write_video

ALL = Sampling(every_seconds=0)
APPENDED = 16 * STREAM_FRAMES  # index of the second recording's first frame
FORMS = [
    ("a.mp4", "libx264", {}),
    ("a.mov", "libx264", {"faststart": "1"}),
    ("a.3gp", "mpeg4", {}),
    ("a.flv", "flv", {}),
    ("a.wmv", "wmv2", {}),
    ("a.nut", "mpeg4", {}),
    ("a.ivf", "libvpx", {}),
    ("a.wtv", "mpeg2video", {}),
    ("a.y4m", "wrapped_avframe", {}),
    ("a.rm", "rv20", {}),
    ("a.mxf", "mpeg2video", {}),
]


def write(path: Path, codec: str, base: int, options: dict[str, str]) -> bytes:
    """A second and more of frames that become lighter."""
    size = (720, 576) if codec == "mpeg2video" else (352, 288)
    with av.open(str(path), "w", options=dict(options)) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
        stream.codec_context.thread_count = 1
        for number in range(30):
            image = grey_level(base + 2 * number, *size)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def read_all(path: Path) -> tuple[list[Frame], Coverage]:
    media = as_media(path)
    coverage = Coverage(media.kind)
    return list(read_frames(media, ALL, coverage)), coverage


@pytest.mark.parametrize(("name", "codec", "options"), FORMS)
def test_every_recording_in_a_file_is_looked_at(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = tmp_path / name
    path.write_bytes(b"".join(write(tmp_path / f"part-{name}", codec, base, options) for base in (30, 150)))
    media = as_media(path)
    seen, coverage = read_all(path)
    second = [frame for frame in seen if frame.index >= APPENDED]
    assert len(seen) == 60
    assert [frame.index - APPENDED for frame in second] == list(range(30))
    assert second[0].time_seconds == 0
    assert [round(float(frame.image.mean())) for frame in (seen[0], second[0])] == pytest.approx(
        [30, 150], abs=4
    )
    assert coverage.notes == ["2 recordings in one file, each looked at by itself"]
    again = list(read_spans(media, [(0.39, 0.53)], ALL, coverage, 16))
    for frame in [seen[3], *again, second[20]]:
        found = read_frame_at(media, frame.index, frame.time_seconds)
        assert np.array_equal(found, frame.image)
    for frame in again:
        same = next(one for one in second if one.index == frame.index)
        assert np.array_equal(same.image, frame.image)


def test_fragmented_recordings_are_each_looked_at_once(tmp_path: Path) -> None:
    """As browsers record, and live streams are saved."""
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    path = tmp_path / "a.mp4"
    path.write_bytes(
        b"".join(write(tmp_path / "part.mp4", "libx264", base, options) for base in (30, 90, 150))
    )
    seen, coverage = read_all(path)
    assert len(seen) == 90
    assert coverage.notes == ["3 recordings in one file, each looked at by itself"]


def test_a_broken_recording_costs_itself(tmp_path: Path) -> None:
    whole = write(tmp_path / "part.flv", "flv", 30, {})
    path = tmp_path / "a.flv"
    path.write_bytes(whole + whole[:13] + b"\0" * 500 + whole)
    media = as_media(path)
    seen: list[int] = []
    with pytest.raises(MediaError, match=r"^recording 2: "):
        seen.extend(frame.index for frame in read_frames(media, ALL, Coverage("video")))
    seen = [frame.index for frame in _until_error(path)]
    assert [index // APPENDED for index in seen] == [0] * 30 + [2] * 30


def _until_error(path: Path) -> list[Frame]:
    seen: list[Frame] = []
    reading = read_frames(as_media(path), ALL, Coverage("video"))
    while True:
        try:
            seen.append(next(reading))
        except (StopIteration, MediaError):
            return seen


def test_a_file_is_no_endless_number_of_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_PARTS", 3)
    path = tmp_path / "a.flv"
    path.write_bytes(write(tmp_path / "part.flv", "flv", 30, {}) * 6)
    assert len(parts.find_parts(path)) == 4
    one = write_video(tmp_path / "one.mp4", [grey_level(80)] * 3)
    assert parts.find_parts(one) == ((0, 0),)
