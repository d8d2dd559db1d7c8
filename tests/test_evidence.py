"""Posts, copies, events and both flags together, from files to tables."""

import csv
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector.ids import ID_DIGITS, STREAM_FRAMES
from detector.options import ScanOptions
from detector.scanning import scan
from tests.conftest import BLUE, RED, picture
from tests.media_factory import write_streams, write_video


def scan_to(folder: Path, out: Path, weights: Path, **options: object) -> dict[str, list[dict[str, str]]]:
    settings = ScanOptions(paths=(folder,), out=out, weights=weights, workers=1, **options)  # type: ignore[arg-type]
    scan(settings, lambda _: None, threading.Event())
    return {name: read_table(out / f"{name}.csv") for name in ("files", "detections", "events")}


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scenery(seed: int, *spots: tuple[int, int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    """A picture of grey hills like no other, with squares of the colours that the fake network knows."""
    rng = np.random.default_rng(seed)
    rough = Image.fromarray(rng.integers(60, 200, (18, 24)).astype(np.uint8)).resize(
        (512, 384), Image.Resampling.BICUBIC
    )
    image = np.repeat(np.asarray(rough)[..., None], 3, axis=2).copy()
    for column, row, colour in spots:
        image[row * 128 : row * 128 + 128, column * 128 : column * 128 + 128] = colour
    return image


def save(image: NDArray[np.uint8], path: Path, **options: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)  # type: ignore[arg-type]
    return path


def test_copies_are_clustered_and_each_keeps_its_row(tmp_path: Path, fake_weights: Path) -> None:
    folder = tmp_path / "in"
    one, other = scenery(1, (1, 1, RED)), scenery(2, (1, 1, RED))
    save(one, folder / "large.png")
    save(one, folder / "poor.jpg", quality=30)
    save(np.ascontiguousarray(one[:, ::-1]), folder / "mirrored.png")
    save(np.asarray(Image.fromarray(one).resize((320, 240))), folder / "small.png")
    save(other, folder / "other.png")
    files = {row["file"]: row for row in scan_to(folder, tmp_path / "report", fake_weights)["files"]}
    cluster = files["large.png"]["cluster"]
    assert cluster == files["large.png"]["sha256"][:ID_DIGITS]
    assert {name for name, row in files.items() if row["cluster"] == cluster} == set(files) - {"other.png"}
    assert {row["cluster_size"] for name, row in files.items() if name != "other.png"} == {"4"}
    assert files["other.png"]["cluster_size"] == "1"
    assert files["small.png"]["representative"] == "large.png"
    assert files["large.png"]["cluster_distance"] == "0"
    assert all(int(row["cluster_distance"]) <= 31 for row in files.values())
    reach = json.loads((tmp_path / "report" / "summary.json").read_text())["shows"]["azerbaijan"]
    assert reach["clusters"] < reach["files"]


def clip(seeds: list[int], *spots: tuple[int, int, tuple[int, int, int]]) -> list[NDArray[np.uint8]]:
    """One second of ten frames for each seed."""
    return [scenery(seed, *spots) for seed in seeds for _ in range(10)]


def test_videos_that_share_a_clip_are_one_cluster(tmp_path: Path, fake_weights: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_video(folder / "whole.mp4", clip([1, 2, 3, 4, 5, 6]), codec="libx264")
    write_video(folder / "part.mp4", clip([8, 3, 4, 5, 6]), codec="libx264", options={"crf": "34"})
    write_video(folder / "apart.mp4", clip([11, 12, 13, 14]), codec="libx264")
    files = {row["file"]: row for row in scan_to(folder, tmp_path / "report", fake_weights)["files"]}
    assert files["whole.mp4"]["cluster"] == files["part.mp4"]["cluster"]
    assert files["whole.mp4"]["cluster_size"] == "2"
    assert files["apart.mp4"]["cluster_size"] == "1"


def test_an_appearance_in_a_video_is_one_event_with_its_true_bounds(
    tmp_path: Path, fake_weights: Path
) -> None:
    images = [
        picture((1, 1, RED)) if 23 <= number < 48 or number >= 90 else picture() for number in range(100)
    ]
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "a.mp4", images)
    tables = scan_to(tmp_path / "in", tmp_path / "report", fake_weights)
    first, second = tables["events"]
    assert float(first["start_seconds"]) == pytest.approx(2.3, abs=0.21)
    assert float(first["end_seconds"]) == pytest.approx(4.7, abs=0.21)
    assert float(second["start_seconds"]) == pytest.approx(9.0, abs=0.21)
    assert first["label"] == "azerbaijan"
    by_id = {row["id"]: row for row in tables["detections"]}
    assert by_id[first["best_detection"]]["confidence"] == first["max_confidence"]
    assert 2.3 <= float(by_id[first["best_detection"]]["time_seconds"]) < 4.8
    assert int(first["frames_hit"]) == int(first["frames_sampled"]) > 3
    assert first["event_id"] != second["event_id"]


def test_a_still_that_is_shown_for_minutes_is_one_event(tmp_path: Path, fake_weights: Path) -> None:
    (tmp_path / "in").mkdir()
    times = list(range(0, 300_000, 30_000))
    images = [picture((1, 1, RED))] * 10
    write_video(tmp_path / "in" / "a.mp4", images, codec="libx264", milliseconds=times)
    (event,) = scan_to(tmp_path / "in", tmp_path / "report", fake_weights)["events"]
    assert (event["start_seconds"], event["end_seconds"]) == ("0.000", "270.000")
    assert (event["frames_hit"], event["frames_sampled"]) == ("10", "10")


def test_each_video_stream_of_a_file_has_its_rows_and_events(tmp_path: Path, fake_weights: Path) -> None:
    (tmp_path / "in").mkdir()
    flag, nothing = [picture((1, 1, RED))] * 30, [picture()] * 30
    write_streams(tmp_path / "in" / "a.mkv", [nothing, flag, flag[:20]])
    tables = scan_to(tmp_path / "in", tmp_path / "report", fake_weights)
    (file,) = tables["files"]
    assert (file["status"], file["reason"]) == ("ok", "")
    assert {row["stream"] for row in tables["detections"]} == {"1", "2"}
    for row in tables["detections"]:
        stream, index = divmod(int(row["frame_index"]), STREAM_FRAMES)
        assert (row["stream"], index) == (str(stream), round(10 * float(row["time_seconds"])))
    first, second = sorted(tables["events"], key=lambda event: event["stream"])
    assert (first["stream"], second["stream"]) == ("1", "2")
    assert float(first["end_seconds"]) == pytest.approx(2.9, abs=0.21)
    assert float(second["end_seconds"]) == pytest.approx(1.9, abs=0.21)


def test_without_densify_only_the_coarse_frames_are_looked_at(tmp_path: Path, fake_weights: Path) -> None:
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "a.mp4", [picture((1, 1, RED)) for _ in range(30)])
    (coarse,) = scan_to(tmp_path / "in", tmp_path / "coarse", fake_weights, densify=False)["files"]
    (dense,) = scan_to(tmp_path / "in", tmp_path / "dense", fake_weights)["files"]
    assert coarse["frames_read"] == "3"
    assert int(dense["frames_read"]) > 3


def test_every_frame_gives_exact_bounds(tmp_path: Path, fake_weights: Path) -> None:
    images = [picture((1, 1, RED)) if 12 <= number < 18 else picture() for number in range(30)]
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "a.mp4", images)
    (event,) = scan_to(tmp_path / "in", tmp_path / "report", fake_weights, every=0)["events"]
    assert (event["start_seconds"], event["end_seconds"]) == ("1.200", "1.700")
    assert (event["frames_hit"], event["frames_sampled"]) == ("6", "6")


def test_both_in_one_picture_and_both_in_one_video_are_different_claims(
    tmp_path: Path, fake_weights: Path
) -> None:
    folder = tmp_path / "in"
    save(picture((0, 0, RED), (3, 2, BLUE)), folder / "together.png")
    apart = [picture((1, 1, RED))] * 20 + [picture()] * 40 + [picture((2, 1, BLUE))] * 20
    write_video(folder / "apart.mp4", apart)
    tables = scan_to(folder, tmp_path / "report", fake_weights)
    claims = {row["file"]: (row["both"], row["both_in_frame"]) for row in tables["files"]}
    assert claims == {"together.png": ("true", "true"), "apart.mp4": ("true", "false")}
    assert {(row["file"], row["both_in_frame"]) for row in tables["detections"]} == {
        ("together.png", "true"),
        ("apart.mp4", "false"),
    }
    shows = json.loads((tmp_path / "report" / "summary.json").read_text())["shows"]
    assert (shows["both"]["files"], shows["both_in_frame"]["files"]) == (2, 1)


def write_posts(path: Path, *rows: tuple[str, str, str, str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "source_url", "posted_at", "author", "text"])
        writer.writerows(rows)


@pytest.fixture
def posted(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    save(scenery(1, (1, 1, RED)), folder / "a.png")
    save(scenery(2, (1, 1, RED)), folder / "b.png")
    save(scenery(3), folder / "c.png")
    write_posts(
        folder / "posts.csv",
        ("a.png", "https://x.com/jane/status/2", "2024-05-15T10:00:00+11:00", "@jane", "=1+1 by jane"),
        ("b.png", "https://x.com/joe/status/1", "2024-05-13T23:00:00Z", "@joe", "first"),
        ("c.png", "https://x.com/joe/status/3", "2024-05-12T23:00:00Z", "@joe", "no flag"),
    )
    return folder


def test_the_post_of_a_file_is_in_its_rows_and_the_first_appearance_is_told(
    posted: Path, tmp_path: Path, fake_weights: Path
) -> None:
    tables = scan_to(posted, tmp_path / "report", fake_weights)
    row = {row["file"]: row for row in tables["files"]}["a.png"]
    assert (row["posted_at"], row["author"], row["post_text"]) == (
        "2024-05-14T23:00:00Z",
        "'@jane",
        "'=1+1 by jane",
    )
    assert (row["post_rule"], row["sidecar"]) == ("path", "posts.csv")
    detection = {row["file"]: row for row in tables["detections"]}["a.png"]
    assert detection["source_url"] == "https://x.com/jane/status/2"
    summary = json.loads((tmp_path / "report" / "summary.json").read_text())
    reach = summary["shows"]["azerbaijan"]
    assert reach["first"]["file"] == "b.png"
    assert reach["by_day"] == {"2024-05-13": 1, "2024-05-14": 1}
    assert reach["by_author"] == {"@jane": 1, "@joe": 1}
    assert summary["posts"] == 3


def test_who_said_it_first_and_sidecars_without_file_are_in_tables_summary_and_page(
    tmp_path: Path, fake_weights: Path
) -> None:
    folder = tmp_path / "in"
    save(scenery(1, (1, 1, RED)), folder / "photos" / "a.png")
    message = {"id": 5, "date_unixtime": "1715681472", "from": "News", "forwarded_from": "=Radio", "text": ""}
    chat = {"type": "saved_messages", "id": 1, "messages": [{**message, "photo": "photos/a.png"}]}
    (folder / "result.json").write_text(json.dumps(chat))
    (folder / "lost [abc123].info.json").write_text(json.dumps({"id": "abc123", "extractor": "youtube"}))
    (folder / "package.json").write_text("{}")
    rows = {row["file"]: row for row in scan_to(folder, tmp_path / "report", fake_weights)["files"]}
    assert (rows["photos/a.png"]["author"], rows["photos/a.png"]["forwarded_from"]) == ("News", "'=Radio")
    warnings = {name: row["post_warning"] for name, row in rows.items() if row["post_warning"]}
    assert warnings == {"lost [abc123].info.json": "tells about no file that was scanned"}
    summary = json.loads((tmp_path / "report" / "summary.json").read_text())
    assert (summary["sidecars"], summary["unmatched_sidecars"]) == (3, 1)
    assert summary["unmatched_names"] == ["lost [abc123].info.json"]
    page = (tmp_path / "report" / "index.html").read_text()
    assert "1 sidecars tell about no file here" in page
    assert "lost [abc123].info.json</li>" in page
    assert '"forwarded_from": "=Radio"' in page


def test_pseudonyms_are_stable_and_no_name_is_left_in_the_report(
    posted: Path, tmp_path: Path, fake_weights: Path
) -> None:
    out = tmp_path / "report"
    hidden: dict[str, object] = {"pseudonymise": True, "pseudonym_key": tmp_path / "key"}
    before = scan_to(posted, out, fake_weights, **hidden)
    assert scan_to(posted, out, fake_weights, **hidden) == before
    authors = {row["file"]: row["author"] for row in before["files"]}
    assert authors["b.png"] == authors["c.png"] != authors["a.png"]
    for path in out.rglob("*"):
        if path.is_file() and path.suffix not in (".jpg", ".lock"):
            content = path.read_bytes()
            assert b"jane" not in content, path.name
            assert b"joe" not in content, path.name


def test_the_earliest_post_represents_its_copies(tmp_path: Path, fake_weights: Path) -> None:
    folder = tmp_path / "in"
    save(scenery(1, (1, 1, RED)), folder / "large.png")
    save(scenery(1, (1, 1, RED)), folder / "early.jpg", quality=40)
    write_posts(folder / "posts.csv", ("early.jpg", "https://x.com/1", "2024-05-13T00:00:00Z", "", ""))
    files = {row["file"]: row for row in scan_to(folder, tmp_path / "report", fake_weights)["files"]}
    assert files["large.png"]["representative"] == "early.jpg"


def test_a_photo_keeps_its_time_of_capture_and_no_place(tmp_path: Path, fake_weights: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: "2024:05:13 21:04:05", 0x9011: "+11:00"})
    exif.get_ifd(0x8825).update({1: "S", 2: (22.0, 16.0, 0.0)})
    (tmp_path / "in").mkdir()
    Image.fromarray(scenery(1)).save(tmp_path / "in" / "a.jpg", exif=exif)
    (row,) = scan_to(tmp_path / "in", tmp_path / "report", fake_weights)["files"]
    assert row["captured_at"] == "2024-05-13T21:04:05+11:00"
    assert "22" not in row["captured_at"][-6:]


def test_almost_detections_have_pictures_of_their_own_and_no_rows(tmp_path: Path, fake_weights: Path) -> None:
    save(picture((1, 1, RED)), tmp_path / "in" / "a.png")
    out = tmp_path / "report"
    tables = scan_to(tmp_path / "in", out, fake_weights, min_confidence=0.9)
    assert tables["detections"] == []
    assert tables["files"][0]["status"] == "no_detection"
    assert len(list((out / "almost").iterdir())) == 2  # the frame and its crop
    assert not (out / "frames").exists()
    assert json.loads((out / "summary.json").read_text())["almost"] == 1


def test_a_copy_inside_bars_is_in_the_cluster_of_its_original(tmp_path: Path, fake_weights: Path) -> None:
    folder = tmp_path / "in"
    image = scenery(5)
    save(image, folder / "plain.png")
    barred = np.zeros((image.shape[0] + 160, image.shape[1], 3), np.uint8)
    barred[80:-80] = image
    save(barred, folder / "barred.jpg", quality=80)
    save(scenery(6), folder / "other.png")
    files = {row["file"]: row for row in scan_to(folder, tmp_path / "report", fake_weights)["files"]}
    assert files["plain.png"]["cluster"] == files["barred.jpg"]["cluster"] != files["other.png"]["cluster"]
    assert files["barred.jpg"]["representative"] == "barred.jpg"
    assert 0 <= int(files["plain.png"]["cluster_distance"]) <= 31
