"""Media and reports in a storage: the same tables as on a disk."""

import errno
import hashlib
import itertools
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from detector.errors import ExitCode, MediaError, ReportFolderError, UsageError
from detector.options import ScanOptions
from detector.originals import read_original
from detector.report import choose_readable, verify_report
from detector.scanning import Progress, scan
from detector.sources import find_media
from detector.storage import from_here, is_remote, open_copy, open_place, put_object, reports, say_place
from tests.buckets import SECRET, Bucket
from tests.conftest import RED, write_picture
from tests.test_cutting import save_changed_copies
from tests.test_evidence import write_posts
from tests.test_scan import read_table, scan_folder, scan_paths, tables


def tables_in(bucket: Bucket, prefix: str, to: Path) -> dict[str, bytes]:
    shutil.rmtree(to, ignore_errors=True)
    return tables(bucket.fetch(prefix, to))


def test_media_and_report_in_a_storage_give_the_tables_of_a_folder(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    (downloads / ".hidden.png").write_bytes(b"passed over")
    scan_folder(downloads, tmp_path / "report", fake_weights)
    bucket.put_folder(downloads, "in")
    scan_folder(bucket.path("in"), tmp_path / "from-storage", fake_weights)
    scan_folder(bucket.path("in"), bucket.path("out/report"), fake_weights)
    expected = tables(tmp_path / "report")
    assert tables(tmp_path / "from-storage") == expected
    assert tables_in(bucket, "out/report", tmp_path / "fetched") == expected
    assert not list(tmp_path.glob("*/fetched"))  # no copy of an object is left
    written = {path.name for path in (tmp_path / "report").rglob("*") if path.is_file()} - {"scan.lock"}
    assert {key.rpartition("/")[2] for key in bucket.keys("out")} == written
    here = tmp_path / "from-storage"
    may_read = choose_readable(here, [bucket.path("in")])
    assert verify_report(here, lambda *_: None, may_read).as_it_was
    with open_copy(bucket.path("out/report"), pictures=True) as copy:
        may_read = choose_readable(bucket.path("out/report"), [])
        assert verify_report(copy, lambda *_: None, may_read).as_it_was
        bucket.put("in/red.png", b"changed")
        bucket.remove("in/nothing.png")
        found = verify_report(copy, lambda *_: None, may_read).inputs
        assert (found.changed, found.missing) == (("input:red.png",), ("input:nothing.png",))


def test_what_is_hidden_has_a_row_and_is_looked_at_when_asked(
    bucket: Bucket, tmp_path: Path, fake_weights: Path
) -> None:
    inputs = tmp_path / "in"
    for name in ("red.png", ".red.png", ".thumbnails/a/1.png", ".thumbnails/2.png"):
        (inputs / name).parent.mkdir(parents=True, exist_ok=True)
        write_picture(inputs / name, (2, 1, RED))
    (inputs / ".nomedia").touch()
    bucket.put_folder(inputs, "in")
    opened = dict.fromkeys(("red.png", ".red.png", ".thumbnails/a/1.png", ".thumbnails/2.png"), "ok")
    unopened = {"red.png": "ok", ".red.png": "not_read", ".thumbnails": "not_read"}
    for place, out in ((inputs, tmp_path / "here"), (bucket.path("in"), tmp_path / "there")):
        assert scan_folder(place, out, fake_weights).exit_code == 1
        assert read_statuses(out) == unopened
        assert scan_folder(place, out, fake_weights, hidden=True).exit_code == 0
        assert read_statuses(out) == opened | {".nomedia": "unsupported"}
        scan_folder(place, out, fake_weights)
        assert read_statuses(out) == unopened


def read_statuses(out: Path) -> dict[str, str]:
    return {row["file"]: row["status"] for row in read_table(out / "files.csv")}


def test_copies_that_were_changed_are_found_in_a_storage_as_in_a_folder(
    bucket: Bucket, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    media = save_changed_copies(tmp_path / "in")
    bucket.put_folder(media, "in")
    scan_folder(media, tmp_path / "report", fake_weights)
    scan_folder(bucket.path("in"), tmp_path / "from-storage", fake_weights)
    rows = {row["file"]: row for row in read_table(tmp_path / "from-storage" / "files.csv")}
    names = ("first.png", "cut.png", "painted.jpg")
    assert len({rows[name]["cluster"] for name in names}) == 1
    assert rows["painted.jpg"]["differs_in_part"] == "yes"
    assert tables(tmp_path / "from-storage") == tables(tmp_path / "report")
    ours, theirs = (
        {path.name: path.read_bytes() for path in (tmp_path / report / "differences").iterdir()}
        for report in ("report", "from-storage")
    )
    assert len(ours) >= 4
    assert ours == theirs
    assert not list((tmp_path / "temporary").rglob("*.*g"))  # no copy of an object is left
    place, digest = bucket.path("in/first.png"), hashlib.sha256(bucket.get("in/first.png")).hexdigest()
    assert read_original([place], digest, 0, 0.0, may_fetch=lambda _: True).size
    with pytest.raises(MediaError, match="only a scan of it fetches"):
        read_original([place], digest, 0, 0.0)


def test_sidecars_in_a_storage_tell_what_they_tell_in_a_folder(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_posts(
        downloads / "posts.csv",
        ("sub/blue.png", "https://x.com/a/status/1", "2024-05-15T10:00:00Z", "@a", ""),
    )
    beside = {"title": "Rally", "extractor": "youtube", "id": "1", "uploader": "B", "timestamp": 1715767200}
    (downloads / "sub" / "both.info.json").write_text(json.dumps(beside))
    (downloads / "red.png.json").write_text("{broken")
    message = {"id": 7, "type": "message", "date_unixtime": "1715767200", "photo": "nothing.png", "text": "c"}
    (downloads / "result.json").write_text(json.dumps({"name": "Chat", "id": 5, "messages": [message]}))
    scan_folder(downloads, tmp_path / "report", fake_weights)
    rows = {row["file"]: row for row in read_table(tmp_path / "report" / "files.csv")}
    told = ("sub/blue.png", "sub/both.png", "nothing.png")
    assert [rows[name]["post_rule"] for name in told] == ["path", "stem", "path"]
    bucket.put_folder(downloads, "in")
    scan_folder(bucket.path("in"), tmp_path / "from-storage", fake_weights)
    assert tables(tmp_path / "from-storage") == tables(tmp_path / "report")

    def fail(_: Path) -> Iterator[str]:
        raise OSError(errno.EIO, "the storage answered: SlowDown")

    monkeypatch.setattr("detector.posts.folders.list_folder", fail)
    scan_folder(bucket.path("in"), tmp_path / "from-storage", fake_weights)
    rows = {row["file"]: row for row in read_table(tmp_path / "from-storage" / "files.csv")}
    assert "sidecars cannot be looked for: the storage answered: SlowDown" in rows[told[0]]["post_warning"]


def test_a_second_run_fetches_only_what_has_changed(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    bucket.put_folder(downloads, "in")
    out = bucket.path("out")
    scan_folder(bucket.path("in"), out, fake_weights)
    write_picture(tmp_path / "red.png", (2, 2, RED))
    bucket.put("in/nothing.png", (tmp_path / "red.png").read_bytes())
    last: list[Progress] = []
    options = ScanOptions(paths=(bucket.path("in"),), out=out, weights=fake_weights, workers=1)
    scan(options, last.append, threading.Event())
    assert (last[-1].total, last[-1].recalled) == (8, 7)
    rows = {
        row["file"]: row["status"] for row in read_table(bucket.fetch("out", tmp_path / "f") / "files.csv")
    }
    assert rows["nothing.png"] == "ok"


def test_a_killed_scan_goes_on_from_its_parts(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def interrupt(progress: Progress) -> None:
        if progress.done == 5:
            raise KilledError

    bucket.put_folder(downloads, "in")
    scan_folder(downloads, tmp_path / "report", fake_weights)
    monkeypatch.setattr("detector.scanning.PART_FILES", 2)
    options = ScanOptions(paths=(bucket.path("in"),), out=bucket.path("out"), weights=fake_weights, workers=1)
    with pytest.raises(KilledError):
        scan(options, interrupt, threading.Event())
    kept = bucket.keys("out")
    assert len({key for key in kept if key.startswith("out/parts/")}) == 2
    assert not {"out/scan.db", "out/manifest.sha256", "out/files.csv"} & kept
    seen: list[Progress] = []
    with pytest.raises(ReportFolderError, match=r"s3://.*other settings.*floor"):
        scan(replace(options, floor=0.2, min_confidence=0.3), seen.append, threading.Event())
    with open_place(bucket.path("out")):
        pass  # as a command that is asked too early: it takes no part away
    scan(options, seen.append, threading.Event())
    assert seen[-1].recalled >= 3
    assert tables_in(bucket, "out", tmp_path / "fetched") == tables(tmp_path / "report")
    assert not {key for key in bucket.keys("out") if "parts" in key or "lock" in key}
    with open_copy(bucket.path("out"), pictures=True) as copy:
        may_read = choose_readable(bucket.path("out"), [])
        assert verify_report(copy, lambda *_: None, may_read).as_it_was


def test_keys_that_no_path_can_have_are_listed_and_scanned_each_as_itself(
    bucket: Bucket, tmp_path: Path, fake_weights: Path
) -> None:
    red = write_picture(tmp_path / "red.png", (1, 1, RED)).read_bytes()
    keys = ["in/a.png", "in//a.png", "in/x//a.png", "in/%2F.png", "in/" + "n" * 400 + ".png"]
    keys += ["in/../b.png", "in/./c.png"]
    for key in keys:
        bucket.put(key, red)
    for passed_over in ("in/folder/", "in/.d/e"):
        bucket.put(passed_over, b"")
    scan_folder(bucket.path("in"), tmp_path / "report", fake_weights)
    rows = read_table(tmp_path / "report" / "files.csv")
    assert len({row["file"] for row in rows}) == len(rows) == len(keys)
    assert {row["status"] for row in rows} == {"ok"}


def test_a_listing_is_read_a_page_at_a_time_and_no_object_is_asked_about(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detector.storage.places import file_system

    page = {"Contents": [{"Key": f"in/{n:04}.jpg", "Size": 9, "ETag": f'"{n}"'} for n in range(1000)]}
    asked: list[object] = []

    def call(_: str, **wanted: object) -> dict[str, object]:
        asked.append(wanted.get("ContinuationToken"))
        return page | {"IsTruncated": True, "NextContinuationToken": len(asked)}

    bucket.put("in/0000.jpg", b"1")
    monkeypatch.setattr(file_system("s3"), "call_s3", call)
    found = list(itertools.islice(find_media([bucket.path("in")]), 2500))
    assert asked == [None, 1, 2]
    assert (found[1].name, found[1].kind, found[1].version) == ("0001.jpg", "photo", "9 1")


def test_pictures_are_here_until_they_are_kept_and_those_of_a_killed_worker_go(
    bucket: Bucket, tmp_path: Path
) -> None:
    with open_place(bucket.path("out")) as (folder, stored):
        assert stored is not None
        for name in ("crops/a-0-0.jpg", "crops/a-0-1.jpg", "crops/b-0-0.jpg", "plain/a-0.jpg"):
            write_picture(folder / name)
        (folder / "scan.db").touch()
        stored.keep_part(lambda part: str(part.write_bytes(b"part")))
        assert {path.name for path in folder.rglob("*") if path.is_file()} == {"scan.db"}
        assert {"out/crops/a-0-1.jpg", "out/plain/a-0.jpg", "out/parts/4"} < bucket.keys("out")
        stored.remove_pictures("a", {"crops/a-0-0.jpg"})
    assert bucket.keys() == {"out/crops/a-0-0.jpg", "out/crops/b-0-0.jpg", "out/scan.db"}


def test_a_living_writer_keeps_its_lock(bucket: Bucket) -> None:
    out = bucket.path("out")
    with open_place(out), pytest.raises(ReportFolderError, match="another is writing to s3://"):
        open_place(out).__enter__()
    assert bucket.keys() == set()


def test_a_crashed_writers_lock_is_taken_over_and_its_writer_writes_no_more(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "STALE_SECONDS", -1.0)
    first = open_place(bucket.path("out"))
    folder, _ = first.__enter__()
    (folder / "files.csv").write_text("of the first")
    with open_place(bucket.path("out")):
        with pytest.raises(ReportFolderError, match="another has begun"):
            first.__exit__(None, None, None)
        assert bucket.keys() == {"out/writer.lock"}
    assert bucket.keys() == set()


def test_what_is_no_report_is_left_alone(bucket: Bucket, downloads: Path, fake_weights: Path) -> None:
    bucket.put("mine/letter.txt", b"dear")
    with pytest.raises(ReportFolderError, match=r"s3://.*/mine is not empty and no report"):
        scan_folder(downloads, bucket.path("mine"), fake_weights)
    assert bucket.keys() == {"mine/letter.txt"}


def test_verdicts_reach_the_storage_while_the_review_goes_on(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_folder(downloads, bucket.path("out"), fake_weights)
    monkeypatch.setattr(reports, "RENEW_SECONDS", 0.05)
    with open_place(bucket.path("out")) as (folder, stored):
        assert stored is not None
        with stored.keeping_journal():
            kept = threading.Event()
            put = stored._put

            def noting(path: Path, name: str) -> None:
                put(path, name)
                kept.set()

            monkeypatch.setattr(stored, "_put", noting)
            with closing(sqlite3.connect(folder / "scan.db")) as journal, journal:
                journal.execute("INSERT INTO positions VALUES ('Ann', 'all', 'x')")
            assert kept.wait(30)
        (tmp_path / "scan.db").write_bytes(bucket.get("out/scan.db"))
        with closing(sqlite3.connect(tmp_path / "scan.db")) as journal:
            assert journal.execute("SELECT count(*) FROM positions").fetchone() == (1,)


def test_an_object_that_is_gone_by_then_is_a_failed_row(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    bucket.put_folder(downloads, "in")
    options = ScanOptions(paths=(bucket.path("in"),), out=tmp_path / "r", weights=fake_weights, workers=1)

    def remove(progress: Progress) -> None:
        if progress.total == 8 and not progress.in_hand:
            bucket.client.delete_object(Bucket=bucket.name, Key="in/red.png")

    scan(options, remove, threading.Event())
    rows = {row["file"]: (row["status"], row["reason"]) for row in read_table(tmp_path / "r" / "files.csv")}
    assert rows["red.png"] == ("failed", "cannot be read: not in the storage")
    assert rows["copy of red.png"][0] == "ok"


def test_neither_key_nor_address_is_told(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put_folder(downloads, "in")
    scan_folder(bucket.path("in"), tmp_path / "report", fake_weights)
    for path in (tmp_path / "report").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert SECRET.encode() not in content
            assert b"127.0.0.1" not in content
    with pytest.raises(UsageError, match="belong in the environment") as told:
        scan_paths((Path("s3://me:hidden@bucket/in"),), tmp_path / "r", fake_weights)
    assert "hidden" not in str(told.value)
    with pytest.raises(UsageError, match="there is nothing of that name"):
        scan_paths((bucket.path("nothing"),), tmp_path / "r", fake_weights)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("status", "code"), [(403, "AccessDenied"), (403, "InvalidAccessKeyId"), (400, "ExpiredToken")]
)
def test_a_storage_that_refuses_the_keys_is_said_to_and_what_to_do(
    status: int, code: str, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815 (so the library calls them)

    (tmp_path / "one").touch()
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(UsageError, match="cannot be listed: the storage refuses it: its keys are"):
            list(find_media([bucket.path("in")]))
        with pytest.raises(ReportFolderError, match=r"renew them in the environment .* run the same command"):
            open_place(bucket.path("out")).__enter__()
        with pytest.raises(PermissionError, match="run out"):
            put_object(tmp_path / "one", bucket.path("one"))
        server.shutdown()


@pytest.mark.parametrize(
    ("typed", "place"),
    [("s3://b/k", "s3://b/k"), ("file:///srv/x", "/srv/x"), ("/srv/x", "/srv/x"), ("x", "x")],
)
def test_places_are_told_apart(typed: str, place: str) -> None:
    path = from_here(Path(typed))
    assert say_place(path) == place
    assert is_remote(path) == place.startswith("s3:")


def test_an_unknown_storage_is_refused() -> None:
    for name in ("http", "S3"):
        with pytest.raises(
            UsageError, match=f"{name}:// is no storage that is read here; there are file://, s3://"
        ):
            from_here(Path(f"{name}://example.org/x.jpg"))
    assert json.dumps(say_place(Path("gs://b/k"))) == '"gs://b/k"'
    assert say_place(Path("file:///home/report")) == "/home/report"


@pytest.mark.parametrize("name", ["frames", "n" * 300])
def test_a_name_that_no_file_can_have_is_said(
    bucket: Bucket, downloads: Path, fake_weights: Path, name: str
) -> None:
    scan_folder(downloads, bucket.path("out"), fake_weights)
    bucket.put(f"out/{name}", b"")
    with (
        pytest.raises(ReportFolderError, match=rf"out/{name}\S* has a name that no file"),
        open_copy(bucket.path("out"), pictures=True),
    ):
        pass


def test_a_report_too_large_for_the_temporary_folder_is_not_fetched(
    bucket: Bucket, downloads: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_folder(downloads, bucket.path("out"), fake_weights)
    monkeypatch.setattr("detector.storage.reports.SPARE_BYTES", 1 << 60)
    with pytest.raises(ReportFolderError, match="MB free; set TMPDIR"), open_copy(bucket.path("out")):
        pass


def test_a_name_that_is_not_there_is_said_to_be_none(bucket: Bucket) -> None:
    for place in (bucket.path("nothing"), Path("s3:", "no-such-bucket", "x")):
        with pytest.raises(UsageError, match="cannot be listed: there is nothing of that name"):
            list(find_media([place]))


def test_of_a_list_what_is_gone_is_a_failed_row(bucket: Bucket, tmp_path: Path, fake_weights: Path) -> None:
    photo = write_picture(tmp_path / "red.png", (1, 1, RED))
    bucket.put("in/red.png", photo.read_bytes())
    names = [f"s3://{bucket.name}/in/{name}.png" for name in ("gone", "red")]
    (tmp_path / "list.txt").write_text("\n".join(names))
    options = ScanOptions(
        paths=(),
        from_file=str(tmp_path / "list.txt"),
        out=tmp_path / "out",
        weights=fake_weights,
        workers=1,
    )
    assert scan(options, lambda _: None, threading.Event()).exit_code == ExitCode.SOME_FAILED
    rows = {row["file"]: (row["status"], row["reason"]) for row in read_table(tmp_path / "out" / "files.csv")}
    assert rows == {"gone.png": ("failed", "cannot be read: not in the storage"), "red.png": ("ok", "")}


def test_a_place_that_can_hold_no_report_is_said(bucket: Bucket, downloads: Path, fake_weights: Path) -> None:
    bucket.put("out", b"")
    with pytest.raises(ReportFolderError, match=r"s3://\S+/out is an object, not a folder"):
        scan_folder(downloads, bucket.path("out"), fake_weights)
    with pytest.raises(ReportFolderError, match="is there a bucket of that name"):
        scan_folder(downloads, Path("s3:", "no-such-bucket", "x"), fake_weights)
