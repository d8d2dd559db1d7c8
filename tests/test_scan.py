import csv
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from detector.errors import ExitCode, ReportFolderError, UsageError, WeightsError
from detector.ids import ID_DIGITS
from detector.journal import read_database
from detector.options import ScanOptions
from detector.report import verify_report
from detector.scanning import Outcome, Progress, scan
from tests.conftest import BLUE, RED, picture, write_picture
from tests.fake_weights import write_fake_weights
from tests.media_factory import write_video

TABLES = ("detections.csv", "files.csv", "events.csv", "summary.json")


def scan_folder(folder: Path, out: Path, weights: Path, **options: object) -> Outcome:
    return scan_paths((folder,), out, weights, **options)


def scan_paths(paths: tuple[Path, ...], out: Path, weights: Path, **options: object) -> Outcome:
    settings = ScanOptions(paths=paths, out=out, weights=weights, workers=1, **options)  # type: ignore[arg-type]
    return scan(settings, lambda _: None, threading.Event())


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TABLES}


@pytest.fixture
def report(downloads: Path, tmp_path: Path, fake_weights: Path) -> Path:
    scan_folder(downloads, tmp_path / "report", fake_weights)
    return tmp_path / "report"


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("WhatsApp Chat.zip", b"PK\3\4"),
        ("export.tar.gz", b"\x1f\x8b"),
        ("export.bin", b"Rar!\x1a\x07\1\0"),
        ("export", b"7z\xbc\xaf\x27\x1c"),
    ],
)
def test_an_archive_of_files_is_not_looked_into_and_says_so(
    tmp_path: Path, fake_weights: Path, name: str, head: bytes
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(head + bytes(50))
    (tmp_path / "in" / "letter.docx").write_bytes(b"PK\3\4" + bytes(50))
    assert scan_folder(tmp_path / "in", tmp_path / "report", fake_weights).exit_code == 1
    rows = {row["file"]: row for row in read_table(tmp_path / "report" / "files.csv")}
    assert rows[name]["status"] == "not_read"
    assert "archive, which is not looked into: unpack it" in rows[name]["reason"]
    assert rows["letter.docx"]["status"] == "unsupported"


def test_every_input_has_a_row_and_counts_add_up(report: Path) -> None:
    rows = {row["file"]: (row["status"], row["kind"]) for row in read_table(report / "files.csv")}
    assert rows == {
        "broken.png": ("failed", "photo"),
        "copy of red.png": ("ok", "photo"),
        "empty.jpg": ("failed", "other"),
        "notes.txt": ("unsupported", "other"),
        "nothing.png": ("no_detection", "photo"),
        "red.png": ("ok", "photo"),
        "sub/blue.png": ("ok", "photo"),
        "sub/both.png": ("ok", "photo"),
    }
    summary = json.loads((report / "summary.json").read_text())
    parts = ("ok", "no_detection", "failed", "not_read", "unsupported", "not_reached")
    assert summary["files"] == sum(summary[part] for part in parts) == 8
    assert summary["contents"] == 7
    shows = {name: reach["files"] for name, reach in summary["shows"].items()}
    assert shows == {"azerbaijan": 3, "kanak": 2, "both_in_frame": 1, "both": 1, "ambiguous": 0}
    assert summary["shows"]["azerbaijan"]["contents"] == 2
    assert summary["clusters"] == 5  # too plain to be told apart by their look, they are not joined


def test_sidecars_are_told_apart_from_what_nobody_knows(
    downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    (downloads / "sub" / "blue.png.json").write_text("{}")
    outcome = scan_folder(downloads, tmp_path / "report", fake_weights)
    assert (outcome.summary.unsupported, outcome.summary.sidecars) == (2, 1)


@pytest.mark.parametrize(
    ("name", "content"), [("a.swf", b"CWS\x0a"), ("a.dat", b"FWS\x06"), ("a.R3D", b"RED1")]
)
def test_known_media_that_is_not_read_is_counted_apart_and_tells_in_the_exit_code(
    tmp_path: Path, fake_weights: Path, name: str, content: bytes
) -> None:
    write_picture(tmp_path / "in" / "nothing.png")
    (tmp_path / "in" / "notes.txt").write_text("not a picture")
    assert scan_folder(tmp_path / "in", tmp_path / "report", fake_weights).exit_code == ExitCode.DONE
    (tmp_path / "in" / name).write_bytes(content)
    outcome = scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    assert outcome.exit_code == ExitCode.SOME_FAILED
    counted = outcome.summary
    assert (counted.not_read, counted.failed, counted.unsupported, counted.no_detection) == (1, 0, 1, 1)
    (row,) = [row for row in read_table(tmp_path / "report" / "files.csv") if row["file"] == name]
    assert (row["status"], row["kind"]) == ("not_read", "other")
    assert row["reason"].endswith(": not read by this tool")
    assert counted.failures == {row["reason"]: 1}
    assert row["reason"] in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")


def test_rows_are_sorted_by_file(report: Path) -> None:
    for name in ("files.csv", "detections.csv"):
        files = [row["file"] for row in read_table(report / name)]
        assert files == sorted(files)


def test_a_detection_row_says_where_and_what(report: Path) -> None:
    (row,) = [row for row in read_table(report / "detections.csv") if row["file"] == "sub/blue.png"]
    sha256 = hashlib.sha256((report.parent / "downloads/sub/blue.png").read_bytes()).hexdigest()
    assert row["sha256"] == sha256
    assert row["id"] == f"{sha256[:ID_DIGITS]}-0-0"
    assert row["label"] == "kanak"
    assert [float(row[side]) for side in ("left", "top", "right", "bottom")] == [96, 64, 128, 96]
    assert [row[name] for name in ("x", "y", "width", "height")] == [
        "0.750000",
        "0.666667",
        "0.250000",
        "0.333333",
    ]
    assert (row["frame_width"], row["frame_height"], row["frame_index"]) == ("128", "96", "0")


def test_each_class_has_a_column_with_its_highest_confidence(report: Path) -> None:
    rows = {row["file"]: row for row in read_table(report / "files.csv")}
    assert rows["sub/both.png"]["both"] == "true"
    assert float(rows["sub/both.png"]["azerbaijan"]) > 0.5
    assert float(rows["sub/both.png"]["kanak"]) > 0.5
    assert rows["red.png"]["both"] == "false"
    assert rows["red.png"]["kanak"] == ""


def test_pictures_are_written_for_what_is_shown_and_hold_no_metadata(
    tmp_path: Path, fake_weights: Path
) -> None:
    path = write_picture(tmp_path / "in" / "red.png", (1, 1, RED))
    exif = Image.Exif()
    exif[0x010E] = "a secret"
    with Image.open(path) as image:
        image.save(tmp_path / "in" / "exif.jpg", exif=exif, quality=98)
    scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    rows = read_table(tmp_path / "report" / "detections.csv")
    assert len(rows) == 2
    for row in rows:
        for column in ("annotated", "crop"):
            with Image.open(tmp_path / "report" / row[column]) as written:
                assert not written.getexif()
                assert written.format == "JPEG"


def test_the_manifest_holds_every_output_and_input(report: Path) -> None:
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "manifest.sha256"],
        cwd=report,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "detections.csv: OK" in checked.stdout
    assert "../downloads/sub/both.png: OK" in checked.stdout
    listed = len(checked.stdout.splitlines())
    pictures = sum(len(list(report.glob(f"{folder}/*"))) for folder in ("frames", "crops", "almost", "plain"))
    tables = [
        "detections.csv",
        "files.csv",
        "events.csv",
        "summary.json",
        "run.json",
        "chain.json",
        "index.html",
    ]
    assert listed == pictures + len(tables) + 8


def test_a_second_run_recalls_everything_and_changes_nothing(
    downloads: Path, report: Path, fake_weights: Path
) -> None:
    before = tables(report)
    seen: list[Progress] = []
    options = ScanOptions(paths=(downloads,), out=report, weights=fake_weights, workers=1)
    scan(options, seen.append, threading.Event())
    assert tables(report) == before
    assert seen[-1].recalled == 6  # all but the two that are no media


def test_a_renamed_file_is_recalled_and_a_new_one_added(
    downloads: Path, report: Path, fake_weights: Path
) -> None:
    (downloads / "red.png").rename(downloads / "sub" / "crimson.png")
    write_picture(downloads / "new.png", (0, 2, BLUE))
    seen: list[Progress] = []
    options = ScanOptions(paths=(downloads,), out=report, weights=fake_weights, workers=1)
    scan(options, seen.append, threading.Event())
    assert seen[-1].recalled == 6
    files = [row["file"] for row in read_table(report / "files.csv")]
    assert "red.png" not in files
    assert {"sub/crimson.png", "new.png"} <= set(files)


def test_a_changed_file_of_the_same_length_is_looked_at_again(tmp_path: Path, fake_weights: Path) -> None:
    path = tmp_path / "in" / "spot.bmp"
    write_picture(path, (0, 0, RED))
    stat = path.stat()
    scan_folder(path.parent, tmp_path / "report", fake_weights)
    write_picture(path, (0, 0, BLUE))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    scan_folder(path.parent, tmp_path / "report", fake_weights)
    assert [row["label"] for row in read_table(tmp_path / "report" / "detections.csv")] == ["kanak"]


def test_other_settings_on_the_same_report_are_refused_with_what_differs(
    downloads: Path, report: Path, fake_weights: Path
) -> None:
    with pytest.raises(ReportFolderError, match=r"every was 1\.0, is now 2\.0"):
        scan_folder(downloads, report, fake_weights, every=2.0)
    with pytest.raises(ReportFolderError, match="thresholds was"):
        scan_folder(downloads, report, fake_weights, min_confidence=0.9)


def test_a_scan_that_looked_at_nothing_binds_nobody_to_its_settings(
    downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    (tmp_path / "empty").mkdir()
    scan_folder(tmp_path / "empty", tmp_path / "report", fake_weights)
    scan_folder(downloads, tmp_path / "report", fake_weights, every=2.0)
    with read_database(tmp_path / "report") as journal:
        assert journal.execute("SELECT value FROM identity WHERE name = 'every'").fetchone() == ("2.0",)
    assert verify_report(tmp_path / "report", lambda *_: None).as_it_was


def test_each_level_of_detail_looks_in_its_own_sizes(tmp_path: Path) -> None:
    weights = write_fake_weights(tmp_path)
    text = weights.with_suffix(".toml").read_text()
    sizes = "{ fast = [32], standard = [128], thorough = [256, 128] }"
    weights.with_suffix(".toml").write_text(text.replace("[128]", sizes))
    (tmp_path / "photos").mkdir()
    write_picture(tmp_path / "photos" / "a.png", (1, 1, RED))
    for detail, found in (("fast", 0), ("standard", 1), ("thorough", 5)):
        scan_folder(tmp_path / "photos", tmp_path / detail, weights, detail=detail)
        assert len(read_table(tmp_path / detail / "detections.csv")) == found
    with pytest.raises(ReportFolderError, match="input sizes was"):
        scan_folder(tmp_path / "photos", tmp_path / "fast", weights, detail="thorough")
    with pytest.raises(UsageError, match="--detail must be one of fast"):
        scan_folder(tmp_path / "photos", tmp_path / "none", weights, detail="finest")


def test_a_foreign_folder_is_refused(downloads: Path, tmp_path: Path, fake_weights: Path) -> None:
    with pytest.raises(ReportFolderError, match="not empty"):
        scan_folder(downloads, downloads, fake_weights)
    assert not (downloads / "scan.db").exists()


def test_a_report_inside_the_scanned_folder_is_not_scanned(downloads: Path, fake_weights: Path) -> None:
    out = downloads / "report"
    scan_folder(downloads, out, fake_weights)
    before = tables(out)
    scan_folder(downloads, out, fake_weights)
    assert tables(out) == before


def test_failed_files_stay_failed_until_they_are_to_be_retried(
    downloads: Path, report: Path, fake_weights: Path
) -> None:
    with sqlite3.connect(report / "scan.db") as journal:
        journal.execute("UPDATE results SET reason = 'as before' WHERE status = 'failed'")
    journal.close()
    scan_folder(downloads, report, fake_weights)
    reasons = {row["file"]: row["reason"] for row in read_table(report / "files.csv")}
    assert reasons["broken.png"] == "as before"
    scan_folder(downloads, report, fake_weights, retry_failed=True)
    reasons = {row["file"]: row["reason"] for row in read_table(report / "files.csv")}
    assert "damaged" in reasons["broken.png"]


def test_max_failures_stops_on_purpose_and_the_next_run_goes_on(tmp_path: Path, fake_weights: Path) -> None:
    whole = write_picture(tmp_path / "one.png", (0, 0, RED)).read_bytes()
    (tmp_path / "in").mkdir()
    for number in range(12):
        (tmp_path / "in" / f"{number:02}.png").write_bytes(whole[: 100 + number])
    stopped = scan_folder(tmp_path / "in", tmp_path / "report", fake_weights, max_failures=3)
    assert stopped.exit_code == ExitCode.MAX_FAILURES
    assert stopped.summary.failed < 12
    assert stopped.summary.not_reached == 12 - stopped.summary.failed
    ended = scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    assert ended.exit_code == ExitCode.SOME_FAILED
    assert ended.summary.failed == 12


def test_an_interrupted_scan_writes_its_tables_and_goes_on(
    downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    stop = threading.Event()
    out = tmp_path / "report"
    options = ScanOptions(paths=(downloads,), out=out, weights=fake_weights, workers=1)

    def stop_after_two(progress: Progress) -> None:
        if progress.done == 2:
            stop.set()

    outcome = scan(options, stop_after_two, stop)
    assert outcome.exit_code == ExitCode.INTERRUPTED
    assert 2 <= len(read_table(out / "files.csv")) < 8
    assert json.loads((out / "run.json").read_text())["complete"] is False
    scan_folder(downloads, out, fake_weights)
    scan_folder(downloads, tmp_path / "straight", fake_weights)
    assert tables(out) == tables(tmp_path / "straight")


def test_a_scan_killed_at_any_moment_ends_with_the_same_tables(tmp_path: Path, fake_weights: Path) -> None:
    rng = random.Random(20240513)
    folder = tmp_path / "in"
    for number in range(40):
        spots = [(rng.randrange(4), rng.randrange(3), rng.choice((RED, BLUE))) for _ in range(3)]
        write_picture(folder / f"{number:02}.png", *spots)
    scan_folder(folder, tmp_path / "straight", fake_weights)
    command = [sys.executable, "-m", "detector", "scan", str(folder), "--quiet"]
    command += ["--weights", str(fake_weights), "--workers", "2", "--out", str(tmp_path / "killed")]
    started = time.monotonic()
    subprocess.run([*command[:-1], str(tmp_path / "timed")], check=True)
    whole_seconds = time.monotonic() - started
    for _ in range(8):
        running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.2, 1.0) * whole_seconds)
        running.send_signal(signal.SIGKILL)
        running.wait()
    subprocess.run(command, check=True)
    assert tables(tmp_path / "killed") == tables(tmp_path / "straight")
    assert not list((tmp_path / "killed").glob("frames/.*")), "a half-written picture was left"
    pictures = {path.name: path.read_bytes() for path in (tmp_path / "killed" / "frames").iterdir()}
    assert pictures == {path.name: path.read_bytes() for path in (tmp_path / "straight" / "frames").iterdir()}


def test_worker_count_does_not_change_the_tables(downloads: Path, report: Path, fake_weights: Path) -> None:
    out = report.parent / "two workers"
    scan(
        ScanOptions(paths=(downloads,), out=out, weights=fake_weights, workers=2),
        lambda _: None,
        threading.Event(),
    )
    assert tables(out) == tables(report)


def test_thresholds_divide_tables_from_journal(downloads: Path, tmp_path: Path, fake_weights: Path) -> None:
    out = tmp_path / "strict"
    scan_folder(downloads, out, fake_weights, min_confidence=1.0)
    assert read_table(out / "detections.csv") == []
    assert (out / "detections.csv").read_text().startswith("id,file,sha256,kind,frame_index,")
    with sqlite3.connect(out / "scan.db") as journal:
        (kept,) = journal.execute("SELECT count(*) FROM detections").fetchone()
    journal.close()
    assert kept >= 4


def test_a_floor_above_the_threshold_is_refused(downloads: Path, tmp_path: Path, fake_weights: Path) -> None:
    with pytest.raises(UsageError, match="--floor"):
        scan_folder(downloads, tmp_path / "report", fake_weights, floor=0.9)


def test_missing_weights_are_named(downloads: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights at"):
        scan_folder(downloads, tmp_path / "report", tmp_path / "none.onnx")


def test_names_that_spreadsheets_would_run_are_escaped(tmp_path: Path, fake_weights: Path) -> None:
    write_picture(tmp_path / "in" / "=HYPERLINK(1).png", (0, 0, RED))
    write_picture(tmp_path / "in" / "new\nline.png", (0, 0, RED), (3, 2, RED))
    scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    assert {row["file"] for row in read_table(tmp_path / "report" / "files.csv")} == {
        "'=HYPERLINK(1).png",
        "new\\nline.png",
    }
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "manifest.sha256"], cwd=tmp_path / "report", check=True
    )


def test_a_name_that_is_not_utf8_has_a_row(tmp_path: Path, fake_weights: Path) -> None:
    whole = write_picture(tmp_path / "in" / "red.png", (0, 0, RED)).read_bytes()
    Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/caf\xe9.png")).write_bytes(whole)
    scan_folder(tmp_path / "in", tmp_path / "report", fake_weights)
    assert [row["file"] for row in read_table(tmp_path / "report" / "files.csv")] == [
        "caf\\xe9.png",
        "red.png",
    ]
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "manifest.sha256"], cwd=tmp_path / "report", check=True
    )


def test_two_scans_do_not_write_to_one_report_at_once(
    downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    out = tmp_path / "report"
    refused: list[ReportFolderError] = []

    def scan_again(progress: Progress) -> None:
        if progress.done == 1:
            try:
                scan_folder(downloads, out, fake_weights)
            except ReportFolderError as error:
                refused.append(error)

    options = ScanOptions(paths=(downloads,), out=out, weights=fake_weights, workers=1)
    scan(options, scan_again, threading.Event())
    assert "another scan" in str(refused[0])


def test_nothing_is_written_outside_the_report(downloads: Path, tmp_path: Path, fake_weights: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in downloads.rglob("*")}
    scan_folder(downloads, tmp_path / "report", fake_weights)
    assert {path: path.stat().st_mtime_ns for path in downloads.rglob("*")} == before
    assert {path.name for path in tmp_path.iterdir()} == {"downloads", "report"}


def test_the_tables_of_one_picture_are_exactly_these(tmp_path: Path, fake_weights: Path) -> None:
    path = write_picture(tmp_path / "in" / "both.png", (0, 0, RED), (3, 2, BLUE))
    scan_folder(path.parent, tmp_path / "report", fake_weights)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    name = sha256[:ID_DIGITS]
    assert (tmp_path / "report" / "files.csv").read_text() == (
        "file,run,sha256,bytes,kind,status,reason,width,height,duration_seconds,frames_read,frames_unreadable,"
        "read_seconds,declared_seconds,detections,ambiguous_detections,azerbaijan,kanak,both,both_in_frame,"
        "claims,confirmed,rejected,undecided,drawn,"
        "cluster,cluster_size,cluster_distance,representative,differs_in_part,differs_x,differs_y,differs_width,"
        "differs_height,known_before,known_since,known_precision,known_as,known_distance,known_how,known_possibly,"
        "known_possibly_as,captured_at,source_url,platform,author,posted_at,"
        "forwarded_from,post_id,post_text,sidecar,post_rule,post_warning,other_posts\n"
        f'"both.png",1,{sha256},{path.stat().st_size},photo,ok,"",128,96,0.000,1,0,'
        f'0.000,0.000,2,0,0.8235,0.8235,true,true,"azerbaijan; kanak",0,0,2,0,{name},1,0,"both.png",,,,,'
        ',,"",,"",,,"","",,"","","","","","","","","","",""\n'
    )
    assert (tmp_path / "report" / "detections.csv").read_text() == (
        "id,file,sha256,kind,frame_index,time_seconds,stream,page,label,confidence,rival_label,rival_confidence,"
        "ambiguous,left,top,right,bottom,x,y,width,height,frame_width,frame_height,annotated,crop,"
        "both_in_frame,picture,source_url,platform,author,posted_at,verdict,verdict_label,reviewer,reviewed_at,"
        "note\n"
        f'{name}-0-0,"both.png",{sha256},photo,0,0.000,0,0,"azerbaijan",0.8235,,0.0000,false,0.0,0.0,32.0,32.0,'
        f"0.000000,0.000000,0.250000,0.333333,128,96,frames/{name}-0.jpg,crops/{name}-0-0.jpg,"
        f'true,{name}-0,"","","","",,"","",,""\n'
        f'{name}-0-1,"both.png",{sha256},photo,0,0.000,0,0,"kanak",0.8235,,0.0000,false,96.0,64.0,128.0,96.0,'
        f"0.750000,0.666667,0.250000,0.333333,128,96,frames/{name}-0.jpg,crops/{name}-0-1.jpg,"
        f'true,{name}-0,"","","","",,"","",,""\n'
    )


def test_of_a_video_the_best_frames_have_pictures_and_every_event_its_best(
    tmp_path: Path, fake_weights: Path
) -> None:
    """Forty seconds of a flag, with the other beside it for three: nobody wants as many pictures."""
    images = [picture((1, 1, RED), *([(3, 2, BLUE)] if 15 <= second < 18 else [])) for second in range(40)]
    (tmp_path / "in").mkdir()
    times = [1000 * second for second in range(40)]
    write_video(tmp_path / "in" / "a.mp4", images, milliseconds=times, codec="libx264")
    for which, many in (("best", 8), ("all", 40)):
        out = tmp_path / which
        scan_folder(tmp_path / "in", out, fake_weights, pictures=which)
        rows = read_table(out / "detections.csv")
        assert len(rows) == 43
        drawn = {row["annotated"] for row in rows if row["annotated"]}
        assert drawn == {f"frames/{path.name}" for path in (out / "frames").iterdir()}
        assert len(drawn) == many if which == "all" else 5 <= len(drawn) <= many
        crops = {row["id"]: row["crop"] for row in rows}
        events = read_table(out / "events.csv")
        assert len(events) == 2
        assert all(crops[event["best_detection"]] for event in events)
        labels = {row["annotated"]: set[str]() for row in rows if row["annotated"]}
        for row in rows:
            if row["annotated"]:
                labels[row["annotated"]].add(row["label"])
        assert {"azerbaijan", "kanak"} in labels.values()
        assert {"azerbaijan"} in labels.values()
