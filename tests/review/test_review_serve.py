"""The command itself: started, killed, interrupted."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from detector.errors import UsageError
from detector.journal.database import connect_for_review
from detector.review import serve_review
from detector.review.doorway import doorway
from detector.review.serve import Handler
from detector.review.store import Given, VerdictStore
from tests.cli.test_cli import run_detector
from tests.reports import contents
from tests.reviewing import copy_reviewable, open_review
from tests.test_scan import read_table


@pytest.fixture
def report(reviewable: Path, tmp_path: Path) -> Path:
    return copy_reviewable(reviewable, tmp_path)


@contextmanager
def reviewing(
    report: Path, *words: str, browser: bool = False
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The command running, with the address it has printed."""
    command = [sys.executable, "-m", "detector", "review", str(report), *words]
    command += [] if browser else ["--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            lines = iter(running.stdout.readline, "")
            yield running, next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
        finally:
            running.kill()


def wait_for(done: Callable[[], bool]) -> None:
    for _ in range(6000):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")


class Browser:
    """Cookies and an address, over a real connection."""

    def __init__(self, address: str) -> None:
        self.origin = address.split("/?")[0]
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        found = re.search(r"url=(/[^/]+)/", self.get(address))
        assert found
        self.home = self.origin + found[1]
        assert "<h1" in self.get(self.home + "/")

    def get(self, address: str) -> str:
        with self.opener.open(address, timeout=20) as answer:
            return str(answer.read().decode())

    def post(self, path: str, body: bytes) -> str:
        headers = {"Origin": self.origin, "Content-Type": "application/json"}
        return self.get_request(urllib.request.Request(self.home + path, body, headers))  # noqa: S310

    def get_request(self, request: urllib.request.Request) -> str:
        with self.opener.open(request, timeout=20) as answer:
            return str(answer.read().decode())


RECORDER = """
import json, pathlib, sys
seen = pathlib.Path(sys.argv[1])
page = pathlib.Path(sys.argv[2].removeprefix("file://"))
text = json.dumps([sys.argv[2], oct(page.stat().st_mode & 0o777), page.read_text()])
seen.with_suffix(".half").write_text(text)
seen.with_suffix(".half").rename(seen)
"""


@pytest.mark.skipif(os.name == "nt", reason="browsers are named otherwise there")
def test_the_browser_is_started_without_the_address_on_its_command_line(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recorder.py").write_text(RECORDER)
    monkeypatch.setenv("BROWSER", f"{sys.executable} {tmp_path}/recorder.py {tmp_path}/seen %s")
    with reviewing(report, "--reviewer", "Ann", browser=True) as (running, printed):
        wait_for((tmp_path / "seen").exists)
        opened, mode, page = json.loads((tmp_path / "seen").read_text())
        assert opened.startswith(f"file://{report}/.open-review-")
        assert mode == "0o600"
        found = re.search(r"url=(http://[^\"]+)", page)
        assert found
        assert found[1].split("=")[0] == printed.split("=")[0]
        assert found[1] != printed
        Browser(found[1])
        assert not Path(opened.removeprefix("file://")).exists()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            Browser(found[1])
        Browser(printed)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)
    assert run_detector("verify", report).returncode == 0


def test_the_file_that_opens_a_browser_is_apart_where_files_have_no_owner(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = contents(report), os.open

    def shared(path: str | Path, flags: int, mode: int = 0o777, **words: int) -> int:
        """As file systems of cameras and of Windows do it."""
        made = real(path, flags, mode, **words)
        if Path(path).parent == report:
            os.fchmod(made, 0o755)
        return made

    monkeypatch.setattr(os, "open", shared)
    with doorway(report) as path:
        assert contents(report).keys() == before.keys()
        assert path.parent != report
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not path.parent.exists()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n"])
def test_a_connection_that_says_nothing_more_is_dropped_without_a_word(
    report: Path,
    said: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert 0 < Handler.timeout < 120
    monkeypatch.setattr(Handler, "timeout", 0.2)
    server = make_server("127.0.0.1", 0, open_review(report), threaded=True, request_handler=Handler)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as idle:
            idle.sendall(said)
            assert idle.recv(1) == b""  # the end, not the time limit of this test
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as broken:
            broken.sendall(b"nonsense\x00\r\n\r\n")
            assert broken.recv(100)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr().err == ""


def test_a_port_for_administrators_is_refused_with_a_sentence(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(UsageError, match=r"--port 80 needs an administrator's rights.* from 1024 on"):
        serve_review(report, port=80, reviewer="", browser=False, tell=print)


def first_detection(report: Path) -> str:
    return read_table(report / "detections.csv")[0]["id"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_review_writes_its_tables_and_ends_well(report: Path, number: signal.Signals) -> None:
    name = first_detection(report)
    with reviewing(report, "--reviewer", "Ann") as (running, address):
        Browser(address).post("/api/verdicts", f'{{"verdict": "confirmed", "ids": ["{name}"]}}'.encode())
        running.send_signal(number)
        stdout, stderr = running.communicate(timeout=30)
    assert (running.returncode, stderr) == (0, "")
    assert "Every verdict is kept" in stdout
    assert read_table(report / "detections.csv")[0]["verdict"] == "confirmed"
    assert read_table(report / "detections.csv")[0]["reviewer"] == "Ann"
    assert run_detector("verify", report).returncode == 0


def test_a_review_killed_at_once_has_lost_no_verdict(report: Path) -> None:
    name = first_detection(report)
    with reviewing(report, "--reviewer", "Ann") as (running, address):
        browser = Browser(address)
        for _ in range(3):
            browser.post("/api/verdicts", f'{{"verdict": "rejected", "ids": ["{name}"]}}'.encode())
        running.kill()
        running.communicate(timeout=30)
    assert read_table(report / "detections.csv")[0]["verdict"] == ""
    with reviewing(report) as (running, _):
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)
    assert read_table(report / "detections.csv")[0]["verdict"] == "rejected"
    assert len(read_table(report / "reviews.csv")) == 3


def test_looking_without_deciding_leaves_the_report_as_it_was(report: Path) -> None:
    before = contents(report)
    with reviewing(report, "--reviewer", "Ann") as (running, address):
        Browser(address)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)
    after = contents(report)
    assert {name for name in before if before[name] != after[name]} <= {"scan.db"}
    assert after.keys() == before.keys()


def test_two_commands_review_one_report_at_once(report: Path) -> None:
    name = first_detection(report)
    with (
        reviewing(report, "--reviewer", "Ann") as (first, one),
        reviewing(report, "--reviewer", "Bo") as (_, two),
    ):
        Browser(one).post("/api/verdicts", f'{{"verdict": "confirmed", "ids": ["{name}"]}}'.encode())
        Browser(two).post("/api/verdicts", f'{{"verdict": "rejected", "ids": ["{name}"]}}'.encode())
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=30)
    assert read_table(report / "detections.csv")[0]["verdict"] == "disputed"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the system does not tell who listens")
def test_the_server_listens_on_this_machine_alone(report: Path) -> None:
    with reviewing(report) as (_, address):
        port = int(re.findall(r":(\d+)", address)[0])
        assert address.startswith("http://127.0.0.1:")
        listening = Path("/proc/net/tcp").read_text().splitlines()
        ours = [line.split()[1] for line in listening if line.split()[1].endswith(f":{port:04X}")]
        assert set(ours) == {f"0100007F:{port:04X}"}


def test_what_cannot_be_reviewed_is_refused_with_a_sentence(report: Path, tmp_path: Path) -> None:
    done = run_detector("review", tmp_path / "nothing", "--no-browser")
    assert (done.returncode, "is no report" in done.stderr) == (4, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_detector("review", report, "--no-browser", "--port", str(port))
    assert (done.returncode, f"--port {port} cannot be used" in " ".join(done.stderr.split())) == (2, True)
    assert run_detector("review", report, "--no-browser", "--port", "99999").returncode == 2


def test_half_a_decision_on_many_is_none(report: Path) -> None:
    store = VerdictStore(connect_for_review(report))
    given = Given("a-0-0", "a", 0, "confirmed", "azerbaijan")
    broken = given._replace(label=None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="NOT NULL"):
        store.add([given, broken], "Ann")
    assert store.rows() == ()
    store.close()
