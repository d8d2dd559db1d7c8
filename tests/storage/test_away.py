"""A storage that goes away in the middle of a scan: the scan stops soon, says so, and goes on later."""

import os
import threading
from collections.abc import Generator, Iterable
from contextlib import ExitStack
from pathlib import Path

import pytest

from detector import scanning
from detector.cli.printing import print_summary
from detector.errors import ExitCode
from detector.options import ScanOptions
from detector.scanning import Progress, scan
from detector.settings import WorkerSettings
from detector.sources import Media
from detector.worker import FileResult, failed_result, scan_file
from tests.buckets import Bucket, storage_server
from tests.conftest import RED, write_picture
from tests.storage.conftest import forget_environment
from tests.test_scan import scan_folder, tables

AWAY = "the storage cannot be reached: EndpointConnectionError"


class Engine:
    """Looks at files one after the other; of some it says that they were not reached."""

    def __init__(self, *away: int) -> None:
        self._away = away
        self.begun = 0

    def __call__(
        self,
        media: Iterable[Media],
        settings: WorkerSettings,
        *,
        file_timeout: float,  # noqa: ARG002 (an engine has one)
        stop: threading.Event,
    ) -> Generator[FileResult, None, None]:
        for one in media:
            if stop.is_set():
                return
            self.begun += 1
            if self.begun - 1 in self._away:
                yield failed_result(one, f"cannot be read: {AWAY}", seconds=0)
            else:
                yield scan_file(one, settings)


def fill(bucket: Bucket, folder: Path, count: int) -> None:
    for number in range(count):
        write_picture(folder / "in" / f"{number:02}.png", (number % 4, number // 4, RED))
    bucket.put_folder(folder / "in", "in")


def use(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "AWAY_FILES", 3)
    monkeypatch.setattr(scanning, "AWAY_SECONDS", 0)
    monkeypatch.setattr(scanning, "choose_engine", lambda *_: engine)


def test_a_scan_stops_when_one_file_after_the_other_was_not_reached_and_goes_on_later(
    bucket: Bucket,
    tmp_path: Path,
    fake_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(bucket, tmp_path, 12)
    scan_folder(bucket.path("in"), tmp_path / "whole", fake_weights)
    with monkeypatch.context() as patch:
        engine = Engine(*range(4, 12))
        use(engine, patch)
        stopped = scan_folder(bucket.path("in"), tmp_path / "report", fake_weights)
    assert engine.begun == 7
    assert (stopped.exit_code, stopped.away) == (ExitCode.MAX_FAILURES, AWAY)
    assert (stopped.summary.failed, stopped.summary.not_reached) == (3, 5)
    print_summary(stopped, ScanOptions(out=tmp_path / "report"))
    assert f"Stopped: {AWAY}, for one file after the other. Run the same command" in capsys.readouterr().out
    ended = scan_folder(bucket.path("in"), tmp_path / "report", fake_weights)
    assert (ended.exit_code, ended.away) == (ExitCode.DONE, "")
    assert tables(tmp_path / "report") == tables(tmp_path / "whole")


def test_files_that_were_not_reached_now_and_then_stop_no_scan(
    bucket: Bucket, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bucket, tmp_path, 9)
    engine = Engine(0, 1, 3, 4, 6, 7)
    use(engine, monkeypatch)
    ended = scan_folder(bucket.path("in"), tmp_path / "report", fake_weights)
    assert (engine.begun, ended.exit_code, ended.away) == (9, ExitCode.SOME_FAILED, "")


def test_many_that_fail_at_once_stop_no_scan_before_it_has_lasted(
    bucket: Bucket, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bucket, tmp_path, 8)
    engine = Engine(*range(6))
    use(engine, monkeypatch)
    monkeypatch.setattr(scanning, "AWAY_SECONDS", 60)
    ended = scan_folder(bucket.path("in"), tmp_path / "report", fake_weights)
    assert (engine.begun, ended.exit_code) == (8, ExitCode.SOME_FAILED)


@pytest.mark.skipif("CLUSTER_TESTS" not in os.environ, reason="waits a lot: make test-cluster")
def test_a_server_that_ends_in_the_middle_of_a_scan(
    bucket: Bucket, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens at its address any more: each file waits for some forty seconds."""
    monkeypatch.setattr(scanning, "AWAY_FILES", 2)
    fill(bucket, tmp_path, 12)
    before = os.environ["AWS_ENDPOINT_URL"]
    with ExitStack() as while_it_runs, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", while_it_runs.enter_context(storage_server())["AWS_ENDPOINT_URL"])
        forget_environment()
        Bucket(bucket.name).put_folder(tmp_path / "in", "in")
        settings = ScanOptions(
            paths=(bucket.path("in"),), out=tmp_path / "report", weights=fake_weights, workers=1
        )

        def end(progress: Progress) -> None:
            if progress.done == 3:
                while_it_runs.close()

        stopped = scan(settings, end, threading.Event())
    assert (stopped.exit_code, stopped.away) == (ExitCode.MAX_FAILURES, AWAY)
    assert 2 <= stopped.summary.failed <= 5
    assert stopped.summary.not_reached >= 3
    assert os.environ["AWS_ENDPOINT_URL"] == before
    forget_environment()
    scan_folder(bucket.path("in"), tmp_path / "whole", fake_weights)
    ended = scan_folder(bucket.path("in"), tmp_path / "report", fake_weights)
    assert ended.exit_code == ExitCode.DONE
    assert tables(tmp_path / "report") == tables(tmp_path / "whole")
