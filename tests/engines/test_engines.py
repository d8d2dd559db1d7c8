import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from detector.engines import local as engines
from detector.engines.local import scan_files
from detector.errors import WeightsError, WorkersError
from detector.sources import Media, find_media
from detector.worker import FileResult
from tests.conftest import RED, picture, settings_for, write_picture
from tests.media_factory import write_video


@dataclass(frozen=True, slots=True)
class CrashingMedia(Media):
    """Kills the worker that looks at it, so many times."""

    crashes: Path
    """A byte for each time."""
    times: int

    def sha256(self, seconds: float = float("inf")) -> str:
        with self.crashes.open("a") as crashes:
            crashes.write("x")
        if self.crashes.stat().st_size <= self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        return Media.sha256(self, seconds)


@dataclass(frozen=True, slots=True)
class KillingMedia(Media):
    """Kills what began the worker that looks at it, as does a system that is short of memory."""

    kills: Path
    """A byte for each time."""

    def sha256(self, seconds: float = float("inf")) -> str:
        with self.kills.open("a") as kills:
            kills.write("x")
        server = psutil.Process().parent()
        assert server is not None
        actor = server.parent()
        assert actor is not None
        actor.kill()
        time.sleep(seconds)
        return ""


@dataclass(frozen=True, slots=True)
class HangingMedia(Media):
    """Never comes back from being read."""

    def sha256(self, seconds: float = float("inf")) -> str:
        while seconds:
            time.sleep(1)
        return ""


@dataclass(frozen=True, slots=True)
class HungryMedia(Media):
    """Needs a gigabyte to be read."""

    def size(self) -> int:
        return len(bytearray(1 << 30)) and Media.size(self)


@dataclass(frozen=True, slots=True)
class BuggyMedia(Media):
    """Meets an error nobody foresaw."""

    def size(self) -> int:
        raise ZeroDivisionError("a bug")


def scan_list(
    media: list[Media], weights: Path, out: Path, *, file_timeout: float = 200.0
) -> dict[str, FileResult]:
    results = scan_files(
        media, settings_for(weights, out), workers=2, file_timeout=file_timeout, stop=threading.Event()
    )
    return {result.media.name: result for result in results}


@pytest.fixture
def sound(tmp_path: Path) -> list[Media]:
    for number in range(6):
        write_picture(tmp_path / "in" / f"{number}.png", (number % 4, 0, RED))
    return list(find_media([tmp_path / "in"]))


def crashing(sound: list[Media], tmp_path: Path, times: int) -> CrashingMedia:
    return CrashingMedia(
        sound[0].root, "crash.png", "photo", sound[0].path, crashes=tmp_path / "crashes", times=times
    )


def test_a_file_whose_worker_died_is_tried_again_and_loses_nothing(
    sound: list[Media], tmp_path: Path, fake_weights: Path
) -> None:
    media = crashing(sound, tmp_path, times=1)
    results = scan_list([*sound[:2], media, *sound[2:]], fake_weights, tmp_path)
    assert (results["crash.png"].status, results["crash.png"].reason) == ("ok", "")
    assert len(results["crash.png"].detections) == 1
    assert [results[f"{number}.png"].status for number in range(6)] == ["ok"] * 6


def test_a_file_that_crashes_its_second_worker_too_is_failed_and_hashed(
    sound: list[Media], tmp_path: Path, fake_weights: Path
) -> None:
    results = scan_list([crashing(sound, tmp_path, times=2), *sound], fake_weights, tmp_path)
    failed = results["crash.png"]
    assert (failed.status, failed.reason) == ("failed", "its decoder crashed twice (exit code -9)")
    assert failed.sha256 == sound[0].sha256()
    assert [results[f"{number}.png"].status for number in range(6)] == ["ok"] * 6


def test_a_file_that_crashes_every_worker_still_has_a_row(
    sound: list[Media], tmp_path: Path, fake_weights: Path
) -> None:
    results = scan_list([crashing(sound, tmp_path, times=99), *sound], fake_weights, tmp_path)
    assert (results["crash.png"].status, results["crash.png"].sha256) == ("failed", "")
    assert len(results) == 7


def test_a_second_try_is_alone_in_a_worker_that_did_nothing_before(
    sound: list[Media], tmp_path: Path, fake_weights: Path
) -> None:
    """Of two files of which each kills whom it meets in its first worker, both are read in the end."""
    both = [
        replace(
            crashing(sound, tmp_path, times=1), name=f"crash {number}.png", crashes=tmp_path / str(number)
        )
        for number in range(2)
    ]
    results = scan_list([*both, *sound], fake_weights, tmp_path)
    assert [results[one.name].status for one in both] == ["ok", "ok"]
    assert sorted(list(results)[-2:]) == ["crash 0.png", "crash 1.png"]


@contextmanager
def killing_newborn(count: int) -> Iterator[set[int]]:
    """Kills the first so many workers as soon as they are there."""
    killed: set[int] = set()
    done = threading.Event()

    def kill() -> None:
        while len(killed) < count and not done.wait(0.001):
            with suppress(RuntimeError, ProcessLookupError):  # one more was begun meanwhile, or has ended
                for pid in {child.pid for child in multiprocessing.active_children()} - killed - {None}:
                    os.kill(pid or 0, signal.SIGKILL)
                    killed.add(pid or 0)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        done.set()
        killer.join()


def test_workers_killed_at_their_birth_cost_nothing(
    sound: list[Media], tmp_path: Path, fake_weights: Path
) -> None:
    undisturbed = scan_list(sound, fake_weights, tmp_path / "a")
    with killing_newborn(4) as killed:
        results = scan_list(sound, fake_weights, tmp_path / "b")
    assert len(killed) == 4
    assert {name: one.status for name, one in results.items()} == {
        name: one.status for name, one in undisturbed.items()
    }


def test_where_no_worker_lives_the_scan_ends_with_a_sentence(
    sound: list[Media], tmp_path: Path, fake_weights: Path
) -> None:
    with (
        killing_newborn(10_000),
        pytest.raises(WorkersError, match=r"8 workers in a row ended as they began"),
    ):
        scan_list(sound, fake_weights, tmp_path)
    assert WorkersError.exit_code == 6


def test_a_hang_costs_one_row(
    sound: list[Media], tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "GRACE_SECONDS", 0.5)
    hanging = HangingMedia(sound[0].root, "hang.png", "photo", sound[0].path)
    results = scan_list([hanging], fake_weights, tmp_path, file_timeout=0.5)
    assert results["hang.png"].reason == "no result after 0.5 s; its decoder hangs"
    results = scan_list(sound, fake_weights, tmp_path)
    assert [results[f"{number}.png"].status for number in range(6)] == ["ok"] * 6


@pytest.mark.parametrize("name", ["a.jpg", "a.mp4"])
def test_a_file_of_terabytes_is_given_up_when_its_time_is_over(
    tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A hole costs whoever made it nothing; to hash these takes about half an hour."""
    monkeypatch.setattr(engines, "GRACE_SECONDS", 0.5)
    path = tmp_path / "in" / name
    if name == "a.mp4":
        path.parent.mkdir()
        write_video(path, [picture((1, 1, RED))] * 5)
    else:
        write_picture(path, (1, 1, RED))
    try:
        os.truncate(path, 8 << 40)
    except OSError:
        pytest.skip("this file system holds no files of that size")
    (media,) = find_media([tmp_path / "in"])
    results = scan_list([media], fake_weights, tmp_path / "out", file_timeout=1.0)
    assert (results[name].status, results[name].sha256) == ("failed", "")
    assert "1 s" in results[name].reason


def test_an_unforeseen_error_costs_one_row_and_is_logged(
    sound: list[Media], tmp_path: Path, fake_weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    buggy = BuggyMedia(sound[0].root, "bug.png", "photo", sound[0].path)
    results = scan_list([buggy, *sound[1:]], fake_weights, tmp_path)
    assert results["bug.png"].reason == "unexpected error: ZeroDivisionError: a bug"
    assert "unexpected error in bug.png: ZeroDivisionError: a bug (" in caplog.text
    assert results["5.png"].status == "ok"


def test_broken_weights_end_the_scan(sound: list[Media], tmp_path: Path, fake_weights: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    broken.with_suffix(".toml").write_text(fake_weights.with_suffix(".toml").read_text())
    with pytest.raises(WeightsError, match=r"broken\.onnx"):
        scan_list(sound, broken, tmp_path)


def test_files_are_taken_a_few_at_a_time(sound: list[Media], tmp_path: Path, fake_weights: Path) -> None:
    taken = 0

    def many() -> Iterator[Media]:
        nonlocal taken
        for _ in range(5):
            for media in sound:
                taken += 1
                yield media

    results = scan_files(
        many(), settings_for(fake_weights, tmp_path), workers=1, file_timeout=60, stop=threading.Event()
    )
    for done, _ in enumerate(results, 1):
        assert taken <= done + 2
    assert taken == 30


def test_after_a_stop_only_files_already_begun_are_finished(
    sound: list[Media], tmp_path: Path, fake_weights: Path
) -> None:
    stop = threading.Event()
    settings = settings_for(fake_weights, tmp_path)
    results = scan_files(sound, settings, workers=1, file_timeout=60, stop=stop)
    next(results)
    stop.set()
    assert len(list(results)) <= 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is not limited")
@pytest.mark.parametrize(("gigabytes", "status"), [(0.7, "failed"), (2.0, "ok"), (0.0, "ok")])
def test_a_worker_takes_no_more_memory_than_it_may(
    sound: list[Media], tmp_path: Path, fake_weights: Path, gigabytes: float, status: str
) -> None:
    hungry = HungryMedia(sound[0].root, "hungry.png", "photo", sound[0].path)
    settings = replace(settings_for(fake_weights, tmp_path), worker_memory=gigabytes)
    media = [hungry, *sound[1:]]
    results = scan_files(media, settings, workers=1, file_timeout=200, stop=threading.Event())
    found = {result.media.name: result for result in results}
    assert found["hungry.png"].status == status
    reason = "" if status == "ok" else "needs more than the 0.7 GB of --worker-memory"
    assert found["hungry.png"].reason == reason
    assert [found[f"{number}.png"].status for number in range(1, 6)] == ["ok"] * 5
