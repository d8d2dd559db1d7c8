"""The command itself: started, killed, interrupted."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from detector.journal.database import connect_for_review
from detector.review.store import Given, VerdictStore
from tests.cli.test_cli import run_detector
from tests.reports import contents
from tests.reviewing import copy_reviewable
from tests.test_scan import read_table


@pytest.fixture
def report(reviewable: Path, tmp_path: Path) -> Path:
    return copy_reviewable(reviewable, tmp_path)


@contextmanager
def reviewing(report: Path, *words: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The command running, with the address it has printed."""
    command = [sys.executable, "-m", "detector", "review", str(report), "--no-browser", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            lines = iter(running.stdout.readline, "")
            yield running, next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
        finally:
            running.kill()


class Browser:
    """Cookies and an address, over a real connection."""

    def __init__(self, address: str) -> None:
        self.home = address.split("/?")[0]
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        assert "To the review" in self.get(address)
        assert "<h1" in self.get(self.home)

    def get(self, address: str) -> str:
        with self.opener.open(address, timeout=20) as answer:
            return str(answer.read().decode())

    def post(self, path: str, body: bytes) -> str:
        headers = {"Origin": self.home, "Content-Type": "application/json"}
        return self.get_request(urllib.request.Request(self.home + path, body, headers))  # noqa: S310

    def get_request(self, request: urllib.request.Request) -> str:
        with self.opener.open(request, timeout=20) as answer:
            return str(answer.read().decode())


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
