import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from detector.engines import local as engines
from detector.engines.local import scan_files
from detector.errors import WeightsError
from detector.sources import Media, find_media
from detector.worker import FileResult
from tests.conftest import RED, settings_for, write_picture


@dataclass(frozen=True, slots=True)
class CrashingMedia(Media):
    """Kills the worker that looks at it: once, or always."""

    marker: Path | None = None

    def sha256(self) -> str:
        if not self.marker or not self.marker.exists():
            if self.marker:
                self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Media.sha256(self)


@dataclass(frozen=True, slots=True)
class HangingMedia(Media):
    """Never comes back from being read."""

    def sha256(self) -> str:
        while True:
            time.sleep(1)


@dataclass(frozen=True, slots=True)
class BuggyMedia(Media):
    """Meets an error nobody foresaw."""

    def size(self) -> int:
        raise ZeroDivisionError("a bug")


def scan_list(media: list[Media], weights: Path, out: Path) -> dict[str, FileResult]:
    results = scan_files(
        media, settings_for(weights, out), workers=2, file_timeout=3.0, stop=threading.Event()
    )
    return {result.media.name: result for result in results}


@pytest.fixture
def sound(tmp_path: Path) -> list[Media]:
    for number in range(6):
        write_picture(tmp_path / "in" / f"{number}.png", (number % 4, 0, RED))
    return list(find_media([tmp_path / "in"]))


def test_a_crash_costs_one_row_with_its_hash(sound: list[Media], tmp_path: Path, fake_weights: Path) -> None:
    first = sound[0]
    crashing = CrashingMedia(first.root, "crash.png", "photo", first.path, tmp_path / "crashed once")
    results = scan_list([*sound[:2], crashing, *sound[2:]], fake_weights, tmp_path)
    assert results["crash.png"].status == "failed"
    assert "crashed" in results["crash.png"].reason
    assert results["crash.png"].sha256 == first.sha256()
    assert [results[f"{number}.png"].status for number in range(6)] == ["ok"] * 6


def test_a_file_that_crashes_every_worker_still_has_a_row(
    sound: list[Media], tmp_path: Path, fake_weights: Path
) -> None:
    crashing = CrashingMedia(sound[0].root, "crash.png", "photo", sound[0].path)
    results = scan_list([crashing, *sound], fake_weights, tmp_path)
    assert (results["crash.png"].status, results["crash.png"].sha256) == ("failed", "")
    assert len(results) == 7


def test_a_hang_costs_one_row(
    sound: list[Media], tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(engines, "HASH_SECONDS", 0.5)
    hanging = HangingMedia(sound[0].root, "hang.png", "photo", sound[0].path)
    results = scan_list([hanging, *sound], fake_weights, tmp_path)
    assert "no result after 3 s" in results["hang.png"].reason
    assert [results[f"{number}.png"].status for number in range(6)] == ["ok"] * 6


def test_an_unforeseen_error_costs_one_row_and_is_logged(
    sound: list[Media], tmp_path: Path, fake_weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    buggy = BuggyMedia(sound[0].root, "bug.png", "photo", sound[0].path)
    results = scan_list([buggy, *sound[1:]], fake_weights, tmp_path)
    assert results["bug.png"].reason == "unexpected error: ZeroDivisionError: a bug"
    assert "unexpected error in bug.png" in caplog.text
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
