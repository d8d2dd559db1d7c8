"""What a killed process leaves in the temporary folder goes at the next start; what is in use stays."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from detector.offline import OWN_FOLDER
from detector.scratch import is_scratch
from tests.conftest import REPOSITORY

HOLDING = """
import sys
from detector import scratch
scratch.FRESH_SECONDS = float(sys.argv[1])
with scratch.scratch_folder() as folder:
    (folder / "photo.jpg").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(place: Path, fresh_seconds: float = -1.0) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process with a folder of its own in a place, until it is killed or the test ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(fresh_seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(place)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.stdin.close()


def test_a_killed_process_leaves_what_the_next_removes_and_a_living_one_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "fd-of-somebody").mkdir()
    with holding(tmp_path) as (killed, left), holding(tmp_path) as (_, used):
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
        assert is_scratch(left)
        with holding(tmp_path, fresh_seconds=60.0):
            assert left.exists()  # so young a folder may only not be locked yet
        with holding(tmp_path) as (_, own):
            assert not left.parent.exists()
            assert (used / "photo.jpg").exists()
            assert (own.stat().st_mode & 0o777, own.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    assert {path.name for path in tmp_path.iterdir()} == {"fd-of-somebody"}


def test_what_a_link_leads_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    with holding(tmp_path) as (killed, left):
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
    left.parent.rename(tmp_path / "elsewhere")
    (tmp_path / "temporary" / "fd-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "temporary" / "fd-within").mkdir()
    (tmp_path / "temporary" / "fd-within" / "flag-detector.lock").symlink_to(tmp_path / "elsewhere" / "in")
    with holding(tmp_path / "temporary"):
        pass
    assert (tmp_path / "elsewhere" / "in" / "photo.jpg").exists()
    assert {path.name for path in (tmp_path / "temporary").iterdir()} == {"fd-link", "fd-within"}


def test_what_libraries_keep_is_there_as_long_as_one_of_its_processes_and_goes_after_a_kill(
    tmp_path: Path,
) -> None:
    pytest.importorskip("ultralytics", reason="the train extra is not installed")
    code = "import os, sys, detector.offline as o; o.import_ultralytics(); "
    code += "print(os.environ[o.OWN_FOLDER], flush=True); sys.stdin.read()"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)}
    environment.pop(OWN_FOLDER)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        folder = Path(next(line for line in process.stdout if line.startswith(str(tmp_path))).strip())
        try:
            with holding(tmp_path):
                assert any(folder.iterdir())
        finally:
            process.kill()
    with holding(tmp_path):
        assert not folder.parent.exists()
