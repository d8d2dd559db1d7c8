import os
import signal
import subprocess
import sys
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detector.processes import choose_context, import_early
from tests.conftest import RED, REPOSITORY, write_picture


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers import for themselves")
def test_what_workers_are_forked_from_does_not_hear_ctrl_c() -> None:
    handler = signal.getsignal(signal.SIGINT)
    import_early()
    assert signal.getsignal(signal.SIGINT) is handler
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    status = Path(f"/proc/{server}/status").read_text()
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    assert ignored >> (signal.SIGINT - 1) & 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers import for themselves")
def test_workers_begin_with_what_they_need_and_do_not_import_the_command_line() -> None:
    code = """
from detector.__main__ import main  # as the script of the command does
from detector.processes import choose_context, safe_imports
look = "import sys; sys.exit('detector.worker' not in sys.modules or 'detector.cli' in sys.modules)"
with safe_imports():
    worker = choose_context().Process(target=exec, args=(look,))
    worker.start()
worker.join(60)
print(worker.exitcode)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_where_no_socket_can_be_made_workers_import_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "x" * 90)
    assert choose_context().get_start_method() == "spawn"


def test_nothing_is_imported_from_the_folder_in_which_a_scan_is_begun(
    tmp_path: Path, fake_weights: Path
) -> None:
    """A stranger's downloads may hold a `numpy.py`, and people do scan `.`"""
    downloads, command = tmp_path / "downloads", tmp_path / "bin" / "command.py"
    write_picture(downloads / "red.png", (1, 1, RED))
    for name in ("numpy", "cv2", "av", "signal", "json", "detector"):
        (downloads / f"{name}.py").write_text(f"open('ran-{name}', 'w').close()")
    command.parent.mkdir()
    command.write_text("from detector.cli import main\nif __name__ == '__main__':\n    main()\n")
    words = ["scan", ".", "--out", str(tmp_path / "report"), "--weights", str(fake_weights), "-q"]
    done = subprocess.run(
        [sys.executable, str(command), *words],
        cwd=downloads,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONSAFEPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(downloads.glob("ran-*"))


def test_decoders_print_nothing_about_damaged_files(tmp_path: Path, fake_weights: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    noise = np.random.default_rng(1).integers(0, 99, (64, 96, 3)).astype(np.uint8)
    Image.fromarray(noise).save(folder / "a.tif", compression="tiff_lzw")
    content = bytearray((folder / "a.tif").read_bytes())
    content[200:300] = b"\xff" * 100
    (folder / "a.tif").write_bytes(content)
    words = ["scan", str(folder), "--out", str(tmp_path / "report"), "--weights", str(fake_weights), "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "detector", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers import for themselves")
def test_ctrl_c_is_heard_while_the_process_that_workers_are_forked_from_is_begun() -> None:
    code = """
import os, signal
from multiprocessing import forkserver
from detector.processes import import_early
begin = forkserver.ensure_running
forkserver.ensure_running = lambda: (begin(), os.kill(os.getpid(), signal.SIGINT))
try:
    import_early()
except KeyboardInterrupt:
    print("heard")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("heard\n", "")
