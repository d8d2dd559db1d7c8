"""Every command in a network of its own: nothing is sent, and files are written where they may be."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.options import ExportFormat
from tests.conftest import REPOSITORY, needs_openvino
from tests.reports import copy_samples
from tests.watching import Watched, has_namespaces, has_strace, watch

pytestmark = pytest.mark.skipif(
    not has_namespaces() and not has_strace(), reason="neither unshare nor strace is to be had"
)
DETECTOR = (sys.executable, "-m", "detector")
WEIGHTS = REPOSITORY / "weights"
needs_train = pytest.mark.skipif(not find_spec("ultralytics"), reason="the train extra is not installed")

SESSION = "import detector, onnxruntime; onnxruntime.InferenceSession({path!r})"
REVIEW = """
import fcntl, re, signal, socket, struct, subprocess, sys, urllib.request
ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(ask, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS: this machine can be reached
review = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
address = next(found[0] for line in review.stdout if (found := re.search(r"http://\\S+", line)))
print(urllib.request.urlopen(address).read().decode()[:60])
review.send_signal(signal.SIGINT)
sys.exit(review.wait())
"""

CACHE = Path(".cache") / "flag-detector"  # of networks that OpenVINO has compiled


@pytest.fixture
def quiet(tmp_path: Path) -> "Callable[..., Watched]":
    """Watches a command that must neither ask the network nor write anywhere but under `out`."""

    def run(*words: object, out: Path | None = None, code: int = 0, cached: bool = False) -> Watched:
        found = watch(words, tmp_path / "watched", PYTHONPATH=str(REPOSITORY))
        assert found.returncode == code, found.output
        assert (found.asked, found.packets) == ((), 0)
        temporary = tmp_path / "watched" / "tmp"
        home = tmp_path / "watched" / "home"
        allowed = [temporary, *([out] if out else []), *([home / CACHE] if cached else [])]
        made = {home / CACHE.parent} if cached else set()
        elsewhere = [path for path in found.written - made if not any(map(path.is_relative_to, allowed))]
        assert elsewhere == []
        assert list(temporary.iterdir()) == []
        left = {path for path in home.rglob("*") if path.is_file()}
        assert all(path.is_relative_to(home / CACHE) for path in left)
        assert bool(left) == cached
        return found

    return run


def test_a_library_that_phones_home_is_seen(tmp_path: Path, fake_weights: Path) -> None:
    """The guard itself: a name looked up by a program that is not Python, a connection, a file in a cache."""
    found = watch(("getent", "ahosts", "name.invalid"), tmp_path / "look-up")
    assert found.reached_out
    program = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    assert watch((sys.executable, "-c", program), tmp_path / "connection").reached_out
    untold = "import detector, os; del os.environ['ORT_DISABLE_TELEMETRY']; "
    program = untold + SESSION.format(path=str(fake_weights))
    watch((sys.executable, "-c", program), tmp_path / "telemetry", PYTHONPATH=str(REPOSITORY))
    assert (tmp_path / "telemetry" / "home" / ".cache" / "Microsoft").exists()


def test_a_library_that_is_told_keeps_quiet(quiet: Callable[..., Watched], fake_weights: Path) -> None:
    quiet(sys.executable, "-c", SESSION.format(path=str(fake_weights)))


@pytest.mark.parametrize("device", ["cpu", pytest.param("openvino", marks=needs_openvino)])
def test_a_scan(
    quiet: Callable[..., Watched], downloads: Path, tmp_path: Path, fake_weights: Path, device: str
) -> None:
    out = tmp_path / "report"
    words = ("scan", downloads, "--out", out, "--weights", fake_weights, "--device", device)
    found = quiet(*DETECTOR, *words, out=out, code=1, cached=device == "openvino")
    assert "8 of 8 files" in found.output
    assert not has_strace() or out / "scan.db" in found.written


@needs_train
@pytest.mark.train
@pytest.mark.timeout(600)
def test_a_scan_with_weights_of_torch(quiet: Callable[..., Watched], downloads: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    quiet(*DETECTOR, "scan", downloads, "--out", out, "--weights", WEIGHTS / "flags.pt", out=out, code=1)


@pytest.mark.parametrize("to", list(ExportFormat))
def test_an_export(quiet: Callable[..., Watched], samples: Path, tmp_path: Path, to: str) -> None:
    report, out = copy_samples(samples, tmp_path), tmp_path / "new" / "exported"
    quiet(*DETECTOR, "export", report, "--to", to, "--out", out, out=out.parent)
    assert [path.name for path in out.parent.iterdir()] == ["exported"]  # what was half made is gone


def test_a_check_and_a_comparison(quiet: Callable[..., Watched], samples: Path, tmp_path: Path) -> None:
    report = copy_samples(samples, tmp_path)
    script = 'set -e; "$0" -m detector verify "$1"; "$0" -m detector compare "$1" "$1" --csv "$2"'
    quiet("sh", "-c", script, sys.executable, report, tmp_path / "table.csv", out=tmp_path / "table.csv")


@pytest.mark.timeout(120)
@pytest.mark.skipif(not has_namespaces(), reason="its own network is brought up, which needs a namespace")
def test_a_review(quiet: Callable[..., Watched], samples: Path, tmp_path: Path) -> None:
    report = copy_samples(samples, tmp_path)
    words = (*DETECTOR, "review", report, "--no-browser")
    assert "<!doctype html" in quiet(sys.executable, "-c", REVIEW, *words, out=report).output.lower()


@needs_train
@pytest.mark.train
@pytest.mark.timeout(900)
def test_a_training_and_its_conversion(quiet: Callable[..., Watched], tmp_path: Path) -> None:
    data = _write_dataset(tmp_path / "data")
    run, base = tmp_path / "runs" / "short", WEIGHTS / "flags.pt"
    script = (
        'set -e; "$0" scripts/train.py --data "$1" --out "$2" --base "$3" --epochs 1 --batch 2 --size 64 '
        '--minutes 1 --workers 0; "$0" scripts/convert.py "$2/weights/last.pt" --out "$2"'
    )
    quiet("sh", "-c", f"cd {REPOSITORY}; {script}", sys.executable, data, run, base, out=tmp_path)
    assert (run / "flags.onnx").exists()


def _write_dataset(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        for number in range(4):
            image = rng.integers(0, 255, (64, 64, 3), np.uint8)
            cv2.imwrite(str(folder / "images" / split / f"{number}.jpg"), image)
            (folder / "labels" / split / f"{number}.txt").write_text("0 0.5 0.5 0.4 0.4\n" if number else "")
    data = folder / "data.yaml"
    names = "names:\n  0: azerbaijan\n  1: kanak\n"
    data.write_text(f"path: {folder}\ntrain: images/train\nval: images/val\n{names}")
    return data
