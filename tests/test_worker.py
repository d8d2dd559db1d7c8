from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import supervision as sv
from PIL import Image

from detector.frames import Sampling
from detector.model.flags import NetworkModel
from detector.pictures.writing import is_shown
from detector.sources import Media, find_media
from detector.worker import FileResult, scan_file
from tests.conftest import BLUE, RED, picture, settings_for, write_picture
from tests.media_factory import write_video as write_clip


def write_video(path: Path, spots_by_second: list[list[tuple[int, int, tuple[int, int, int]]]]) -> Path:
    """A video at 10 frames a second whose picture changes each second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=10, options={"qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(10 * len(spots_by_second)):
            frame = av.VideoFrame.from_ndarray(picture(*spots_by_second[number // 10]), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def look_at(path: Path, weights: Path, **sampling: float) -> FileResult:
    settings = settings_for(weights, path.parent.parent / "report", Sampling(**sampling))  # type: ignore[arg-type]
    (media,) = find_media([path])
    return scan_file(media, settings)


def test_a_flag_in_one_second_of_a_video_is_found_at_its_time(tmp_path: Path, fake_weights: Path) -> None:
    path = write_video(tmp_path / "in" / "clip.mp4", [[], [(1, 1, RED)], [], [(1, 1, BLUE)]])
    result = look_at(path, fake_weights)
    assert (result.status, result.reason, result.coverage.kind) == ("ok", "", "video")
    shown = result.detections.data["time_seconds"][is_shown(result.detections, (0.5, 0.5))]
    assert [int(seconds) for seconds in shown] == [1, 3]
    assert result.coverage.frames_read == 4
    assert result.coverage.read_seconds == pytest.approx(4.0)
    assert result.coverage.declared_seconds == pytest.approx(4.0)


def test_every_frame_is_looked_at_when_asked(tmp_path: Path, fake_weights: Path) -> None:
    path = write_video(tmp_path / "in" / "clip.mp4", [[], [(1, 1, RED)]])
    result = look_at(path, fake_weights, every_seconds=0)
    assert result.coverage.frames_read == 20
    shown = is_shown(result.detections, (0.5, 0.5))
    assert result.detections.data["frame_index"][shown].tolist() == list(range(10, 20))


def test_a_cut_video_keeps_what_was_seen_and_says_how_much(tmp_path: Path, fake_weights: Path) -> None:
    path = write_video(tmp_path / "in" / "clip.mp4", [[(1, 1, RED)], [], [(3, 2, BLUE)], [], [], [], [], []])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.6)])
    result = look_at(path, fake_weights)
    assert result.status == "failed"
    assert "of 8.0 s" in result.reason
    assert is_shown(result.detections, (0.5, 0.5)).any()
    assert 1 < result.coverage.read_seconds < 7


def test_a_broken_photo_keeps_its_upper_part(tmp_path: Path, fake_weights: Path) -> None:
    path = write_picture(tmp_path / "in" / "red.png", (0, 0, RED)).with_suffix(".jpg")
    noise = np.random.default_rng(1).integers(96, 160, (96, 128, 3), np.uint8)
    noise[:32, :32] = RED
    Image.fromarray(noise).save(path, quality=95)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.7)])
    result = look_at(path, fake_weights)
    assert result.status == "failed"
    assert "seen only in part" in result.reason
    assert is_shown(result.detections, (0.5, 0.5)).any()


def test_a_missing_file_is_a_failed_result_without_a_hash(tmp_path: Path, fake_weights: Path) -> None:
    path = write_picture(tmp_path / "in" / "red.png", (0, 0, RED))
    (media,) = find_media([path])
    path.unlink()
    result = scan_file(media, settings_for(fake_weights, tmp_path))
    assert (result.status, result.sha256) == ("failed", "")
    assert "No such file" in result.reason


def test_a_result_of_the_same_content_is_the_same_whatever_the_name(
    tmp_path: Path, fake_weights: Path
) -> None:
    first = write_picture(tmp_path / "in" / "a.png", (0, 0, RED), (2, 2, BLUE))
    second = tmp_path / "in" / "other.jpeg"
    second.write_bytes(first.read_bytes())
    one, two = look_at(first, fake_weights), look_at(second, fake_weights)
    assert isinstance(one.media, Media)
    assert one.sha256 == two.sha256
    assert np.array_equal(one.detections.xyxy, two.detections.xyxy)
    assert np.array_equal(one.detections.data["annotated"], two.detections.data["annotated"])


def test_a_closer_look_draws_only_frames_that_show_more(tmp_path: Path, fake_weights: Path) -> None:
    dark = (50, 50, 50)
    path = write_video(tmp_path / "in" / "clip.mp4", [[(1, 1, RED), (n % 3, 2, dark)] for n in range(6)])
    (media,) = find_media([path])
    settings = settings_for(fake_weights, tmp_path / "report", densify=True)
    result = scan_file(media, settings)
    data = {name: np.asarray(values) for name, values in result.detections.data.items()}
    assert result.coverage.frames_read == len(result.frames) > 6
    assert data["frame_index"].tolist() == sorted(data["frame_index"].tolist())
    drawn = {name for name in data["annotated"].tolist() if name}
    assert 6 <= len(drawn) < len(set(data["frame_index"].tolist()))
    assert {f"frames/{path.name}" for path in (tmp_path / "report" / "frames").iterdir()} == drawn


def test_a_photo_decoded_smaller_has_the_boxes_and_pictures_of_the_whole(
    tmp_path: Path, fake_weights: Path
) -> None:
    path = tmp_path / "in" / "large.jpg"
    path.parent.mkdir()
    large = np.asarray(Image.fromarray(picture((1, 1, RED), (3, 2, BLUE))).resize((1280, 960), 0))
    Image.fromarray(large).save(path, quality=95)
    whole = look_at(path, fake_weights)
    small = look_at(path, fake_weights, photo_side=256)
    assert small.coverage == whole.coverage
    assert len(small.detections) == len(whole.detections)
    assert np.abs(small.detections.xyxy - whole.detections.xyxy).max() < 12
    with Image.open(tmp_path / "report" / str(small.detections.data["annotated"][0])) as annotated:
        assert annotated.size == (1280, 960)


def test_a_large_photo_that_is_cut_off_is_drawn_as_far_as_it_goes(tmp_path: Path, fake_weights: Path) -> None:
    path = tmp_path / "in" / "cut.jpg"
    path.parent.mkdir()
    noise = np.random.default_rng(1).integers(96, 160, (960, 1280, 3), np.uint8)
    noise[:320, :320] = RED
    Image.fromarray(noise).save(path, quality=90)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.7)])
    result = look_at(path, fake_weights, photo_side=256)
    assert result.status == "failed"
    shown = is_shown(result.detections, (0.5, 0.5))
    with Image.open(
        tmp_path / "report" / str(np.asarray(result.detections.data["annotated"])[shown][0])
    ) as drawn:
        assert drawn.size == (1280, 960)


def test_a_closer_look_draws_flags_that_are_together_for_a_moment_only(
    tmp_path: Path, fake_weights: Path
) -> None:
    # The sharpest frame of each second shows red alone: a pale blue joins it in others.
    pale = (70, 70, 220)
    path = tmp_path / "in" / "clip.mp4"
    path.parent.mkdir()
    images = []
    for number in range(30):
        image = picture((0, 0, RED), *([(3, 2, pale)] if number % 10 in (4, 5, 6) else []))
        if number % 10 == 1:
            image[:, 48:80:2] = 20  # stripes: sharpest
        images.append(image)
    write_clip(path, images)
    (media,) = find_media([path])
    result = scan_file(media, settings_for(fake_weights, tmp_path / "report", densify=True))
    data = {name: np.asarray(values) for name, values in result.detections.data.items()}
    blue = np.asarray(result.detections.class_id) == 1
    confidence = np.asarray(result.detections.confidence)
    assert 0.5 < confidence[blue].max() < confidence[~blue].max() - 0.05
    assert data["annotated"][blue][0] != ""


def test_a_still_is_looked_at_once_and_seen_in_every_frame(
    tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    detect = NetworkModel.detect

    def count(self: NetworkModel, images: list[np.ndarray], floor: float) -> list[sv.Detections]:
        looked.append(len(images))
        return detect(self, images, floor)

    monkeypatch.setattr(NetworkModel, "detect", count)
    path = write_video(tmp_path / "in" / "clip.mp4", [[(1, 1, RED)]] * 6 + [[(1, 1, RED), (3, 2, BLUE)]] * 2)
    result = look_at(path, fake_weights)
    assert sum(looked) == 2
    assert [frame.time_seconds // 1 for frame in result.frames] == list(range(8))
    shown = is_shown(result.detections, (0.5, 0.5))
    seconds = (result.detections.data["time_seconds"][shown] // 1).tolist()
    assert seconds == [0, 1, 2, 3, 4, 5, 6, 6, 7, 7]
    assert len(list((tmp_path / "report" / "frames").iterdir())) == 8
    assert (result.detections.xyxy[shown][:6] == result.detections.xyxy[shown][0]).all()


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.webm"])
def test_a_recording_joined_to_another_is_one_file_with_times_that_run_on(
    tmp_path: Path, fake_weights: Path, name: str
) -> None:
    codec = "libvpx" if name == "a.webm" else "libx264"
    images = [picture((1, 1, RED)) if 10 <= number < 20 else picture() for number in range(30)]
    path = write_clip(tmp_path / name, images, codec=codec, options={"g": "10"})
    path.write_bytes(path.read_bytes() * 2)
    (media,) = find_media([path])
    result = scan_file(media, settings_for(fake_weights, tmp_path / "report", densify=True))
    assert result.status == "ok"
    assert result.reason.endswith("its clock starts again at 3.0 s: times run on")
    numbers = [frame.frame_index for frame in result.frames]
    assert numbers == sorted(set(numbers))
    assert [frame.frame_index for frame in result.frames] == [
        round(10 * frame.time_seconds) for frame in result.frames
    ]
    shown = is_shown(result.detections, (0.5, 0.5))
    assert {int(one) for one in result.detections.data["time_seconds"][shown]} == {1, 4}


def test_edges_are_hashed_only_where_a_flag_fills_much_of_a_photo(
    tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = write_picture(tmp_path / "in" / "red.png", (1, 1, RED))
    nothing = write_picture(tmp_path / "in" / "nothing.png")
    (frame,) = look_at(red, fake_weights).frames
    assert frame.edges == b""
    monkeypatch.setattr("detector.worker.FILLING", 0.08)  # the box has a twelfth of the picture
    found = [look_at(path, fake_weights).frames[0].edges for path in (red, nothing)]
    assert [len(edges) for edges in found] == [32, 0]
