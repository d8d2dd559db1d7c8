"""Every command of a report, of one in a storage: review, verify, export, compare, report."""

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from detector.cli.commands import app
from detector.errors import ArchiveError, ExitCode, ReportFolderError, UsageError
from detector.storage.places import file_system
from tests.buckets import Bucket
from tests.conftest import REPOSITORY
from tests.report.test_seal import Authority
from tests.review.test_review_serve import Browser, wait_for
from tests.test_scan import read_table, scan_folder

# The command, with less patience than people have.
COMMAND = "import detector.storage.reports as r; r.RENEW_SECONDS, r.STALE_SECONDS = 0.2, {stale}; "
COMMAND += "from detector.cli import main; main()"


def start(*words: object, folder: Path, stale: float) -> "subprocess.Popen[str]":
    """A command of its own, with copies in this folder, which is near what was scanned."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(stale=stale), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(folder)},
    )


def run(*words: object, code: int = ExitCode.DONE) -> None:
    assert (app(map(str, words), prog_name="detector", standalone_mode=False) or 0) == code


@contextmanager
def reviewing(
    report: str, folder: Path, stale: float = 120
) -> Iterator[tuple["subprocess.Popen[str]", Browser]]:
    words = ("review", report, "--no-browser", "--reviewer", "Ann")
    with start(*words, folder=folder, stale=stale) as running:
        try:
            assert running.stdout
            lines = iter(running.stdout.readline, "")
            address = next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
            yield running, Browser(address)
        finally:
            running.kill()


def count_verdicts(bucket: Bucket, copy: Path) -> int:
    copy.write_bytes(bucket.get("out/scan.db"))
    with closing(sqlite3.connect(copy)) as journal:
        return int(journal.execute("SELECT count(*) FROM verdicts").fetchone()[0])


def test_all_commands_work_on_a_report_in_a_storage_and_a_killed_review_loses_nothing(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    scan_folder(downloads, bucket.path("out"), fake_weights)
    scan_folder(downloads, tmp_path / "local", fake_weights)
    report = f"s3://{bucket.name}/out"
    ids = [row["id"] for row in read_table(tmp_path / "local" / "detections.csv")]
    with reviewing(report, tmp_path) as (running, browser):
        browser.post("/api/verdicts", json.dumps({"verdict": "confirmed", "ids": [ids[0]]}).encode())
        wait_for(lambda: count_verdicts(bucket, tmp_path / "copy.db") == 1)
        with pytest.raises(ReportFolderError, match="another is writing to s3://"):
            run("review", report, "--no-browser")
        running.send_signal(signal.SIGKILL)
        running.wait(30)
    assert "out/writer.lock" in bucket.keys("out")
    with reviewing(report, tmp_path, stale=-1) as (running, browser):
        browser.post("/api/verdicts", json.dumps({"verdict": "rejected", "ids": [ids[1]]}).encode())
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=60)
        assert running.returncode == 0, output
    assert "out/writer.lock" not in bucket.keys("out")
    run("verify", report, "--media", downloads)
    fetched = bucket.fetch("out", tmp_path / "fetched")
    said = {row["detection_id"]: row["verdict"] for row in read_table(fetched / "reviews.csv")}
    assert said == {ids[0]: "confirmed", ids[1]: "rejected"}
    run("export", report, "--to", "coco", "--out", tmp_path / "coco")
    assert len(json.loads((tmp_path / "coco" / "dataset.json").read_text())["annotations"]) == len(ids)
    run("compare", report, tmp_path / "local", "--csv", tmp_path / "differences.csv")
    run("report", report, "--threshold", "azerbaijan=0.99")
    run("verify", report, "--media", downloads)
    again = bucket.fetch("out", tmp_path / "again")
    assert len(read_table(again / "detections.csv")) < len(ids)


def test_archive_and_seal_take_a_report_in_a_storage(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan_folder(downloads, bucket.path("out"), fake_weights)
    report, archive = f"s3://{bucket.name}/out", tmp_path / "archive.db"
    run("archive", "add", report, "--to", archive)
    run("archive", "list", archive)
    assert report in capsys.readouterr().out
    run("match", report, "--archive", archive)
    bucket.put_folder(downloads, "in")
    run("find", f"s3://{bucket.name}/in/red.png", report, archive)
    found = capsys.readouterr().out
    assert found.count("out: red.png, same bytes, 0 bits of 256 apart") == 2
    assert found.count(f"(in {report})") == found.count(f"(in {archive})") == 2  # its copy, too
    pictures = {key for key in bucket.keys("out") if key.endswith(".jpg")}
    run("seal", report)
    assert f"Request: {report}/seals/" in capsys.readouterr().out
    assert {key.rpartition(".")[2] for key in bucket.keys("out/seals")} == {"sha256", "tsq"}
    (tmp_path / "reply.tsr").write_bytes(b"no reply")
    with pytest.raises(UsageError, match="is no time stamp"):
        run("seal", report, "--reply", tmp_path / "reply.tsr", "--root", tmp_path / "reply.tsr")
    run("verify", report, "--media", downloads)
    assert "the manifest as it is now" not in capsys.readouterr().out
    assert pictures == {key for key in bucket.keys("out") if key.endswith(".jpg")}
    run("archive", "remove", archive, report)
    for words in (
        ("archive", "list", f"{report}/a.db"),
        ("archive", "add", report, "--to", f"{report}/a.db"),
    ):
        with pytest.raises(ArchiveError, match="an archive is a file on a disk"):
            run(*words)


def test_verify_reads_nothing_outside_that_nobody_has_agreed_to(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Bucket()
    other.put_folder(downloads, "in")
    reports = tmp_path / "report", bucket.path("out")
    for report in reports:
        scan_folder(other.path("in"), report, fake_weights)
        run("verify", report, code=ExitCode.SOME_FAILED)
        said = capsys.readouterr().out
        assert "inputs unchanged: 0" in said
        assert f"inputs not looked at: {len(other.keys())}" in said
        assert f"input:red.png (in s3://{other.name}/in)" in said
        assert "Everything" not in said
        run("verify", report, "--media", f"s3://{other.name}/in")
        assert f"inputs unchanged: {len(other.keys())}" in capsys.readouterr().out
        elsewhere = f"s3://{other.name}/i"  # the place of that name, not all that begins so
        run("verify", report, "--media", elsewhere, code=ExitCode.SOME_FAILED)
        assert "inputs unchanged: 0" in capsys.readouterr().out


def test_no_other_command_asks_a_place_that_only_the_report_names(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Bucket()
    other.put_folder(downloads, "in")
    scan_folder(other.path("in"), bucket.path("out"), fake_weights)
    scan_folder(downloads, tmp_path / "local", fake_weights)
    report, archive = f"s3://{bucket.name}/out", tmp_path / "archive.db"
    asked: list[str] = []
    system = file_system("s3")

    def note(real: Callable[..., Any], *words: object, **more: object) -> Any:
        asked.append(f"{words} {more}")
        return real(*words, **more)

    for name in ("info", "open", "get_file", "call_s3"):
        monkeypatch.setattr(system, name, partial(note, getattr(system, name)))
    run("report", report, "--threshold", "azerbaijan=0.2")
    run("export", report, "--to", "coco", "--out", tmp_path / "coco")
    run("compare", report, tmp_path / "local")
    run("archive", "add", report, "--to", archive)
    run("match", report, "--archive", archive)
    run("find", downloads / "red.png", report, archive)
    assert any(bucket.name in one for one in asked)
    assert not [one for one in asked if other.name in one]


def test_what_a_report_in_a_storage_names_on_this_machine_is_not_opened(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan_folder(downloads, bucket.path("out"), fake_weights)
    digest = hashlib.sha256(b"a secret").hexdigest()
    secret = tmp_path / "secret"
    secret.write_bytes(b"a secret")
    names = str(secret), f"../../../../../..{secret}", f"frames/../../../../../../..{secret}"
    manifest = bucket.get("out/manifest.sha256") + "".join(f"{digest}  {one}\n" for one in names).encode()
    bucket.put("out/manifest.sha256", manifest)
    run("verify", bucket.path("out"), code=ExitCode.SOME_FAILED)
    said = capsys.readouterr().out
    assert "inputs unchanged: 0" in said
    assert all(f"   {one} (in " in said for one in names)
    run("verify", bucket.path("out"), "--media", downloads, code=ExitCode.SOME_FAILED)
    said = capsys.readouterr().out
    assert "inputs unchanged: 8" in said
    assert "inputs not looked at: 3" in said


@pytest.mark.skipif(not shutil.which("openssl"), reason="the authority here is openssl")
def test_the_reply_of_an_authority_is_kept_in_the_storage_and_holds_there(
    bucket: Bucket, downloads: Path, tmp_path: Path, fake_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = f"s3://{bucket.name}/out"
    scan_folder(downloads, bucket.path("out"), fake_weights)
    before = bucket.keys("out")
    run("seal", report)
    (request,) = (key for key in bucket.keys("out/seals") if key.endswith(".tsq"))
    authority = Authority(tmp_path / "authority")
    (tmp_path / "request.tsq").write_bytes(bucket.get(request))
    reply = authority.answer(tmp_path / "request.tsq")
    run("seal", report, "--reply", reply, "--root", authority.root)
    assert bucket.get(f"{request.removesuffix('.tsq')}.tsr") == reply.read_bytes()
    assert {key.rpartition(".")[2] for key in bucket.keys("out") - before} == {"sha256", "tsq", "tsr", "pem"}
    capsys.readouterr()
    run("verify", report, "--media", downloads)
    assert "UTC: the manifest as it is now" in capsys.readouterr().out
