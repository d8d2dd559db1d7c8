"""What the commands say: usage errors, help, nothing to scan, an installation that lacks something."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from detector.cli import main
from detector.cli.help import PANELS
from detector.doctor import examine
from detector.options import ScanOptions
from tests.cli.test_cli import run_detector
from tests.conftest import RED, picture
from tests.media_factory import write_video

NO_LIBRARY = """
raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory", name="cv2")
"""


def run_with(guard: Path, module: str, text: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command where a library is another."""
    guard.mkdir()
    (guard / f"{module}.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "detector", *map(str, words)],
        env={**os.environ, "PYTHONPATH": f"{guard}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Done:
    """How a command ended that was called in this process: a process of its own takes a second."""

    returncode: int
    stdout: str
    stderr: str


Call = Callable[..., Done]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    before = os.umask(0o022)

    def call_main(*words: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["detector", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return Done(int(ended.value.code or 0), told.out, told.err)

    yield call_main
    os.umask(before)


# Usage


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["scan", "x", "--bogus"], "No such option: --bogus"),
        (["scan", "x", "--every", "abc"], "Invalid value for '--every'"),
        (["scan", "x", "--every", "-1"], "--every must be a number that is not negative"),
        (["scna"], "No such command 'scna'"),
        (["export", "report"], "Missing option '--to'"),
        (["export", "report", "--to", "word"], "Invalid value for '--to'"),
        (["scan", "/no/such/folder"], "no such file or folder: /no/such/folder"),
        (["scan"], "nothing to scan: name at least one file or folder"),
    ],
)
def test_every_usage_error_is_one_line_of_one_style(call: Call, words: list[str], message: str) -> None:
    done = call(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {message}")
    assert done.stderr.count("\n") == 1


def test_the_command_alone_shows_its_help(call: Call) -> None:
    done = call()
    assert done.returncode == 2
    assert "Usage: detector [OPTIONS] COMMAND" in done.stdout
    assert done.stderr == ""


def test_every_option_of_a_scan_is_in_a_group_of_the_help(call: Call) -> None:
    grouped = [name for names in PANELS.values() for name in names]
    fields = {name for name in ScanOptions.__dataclass_fields__ if name != "paths"} | {"quiet"}
    assert fields <= set(grouped)
    assert len(grouped) == len(set(grouped))
    text = call("scan", "--help").stdout
    places = [text.index(f"─ {panel} ─") for panel in PANELS]
    assert places == sorted(places)
    assert text.index("--every") > places[1]
    assert "─ Options ─" not in text


@pytest.mark.parametrize("words", [["scan"], ["review"], ["export"], ["verify"], ["compare"], ["doctor"], []])
def test_no_type_stands_beside_what_is_only_there_or_not(call: Call, words: list[str]) -> None:
    text = call(*words, "--help").stdout
    assert "--help" in text
    assert "bool" not in text.lower()


def test_shells_are_told_how_to_complete() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from detector.cli import main; main()"],
        env={
            **os.environ,
            "_DETECTOR_COMPLETE": "complete_bash",
            "COMP_WORDS": "detector ex",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.returncode) == (["export"], 0)


def test_ctrl_c_is_heard_while_the_command_is_still_imported(tmp_path: Path) -> None:
    slow = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    done = run_with(tmp_path / "guard", "typer", slow, "scan", ".")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_command_line_without_what_it_speaks_with_says_so(tmp_path: Path) -> None:
    done = run_with(
        tmp_path / "guard", "typer", "raise ModuleNotFoundError('No module named typer')", "doctor"
    )
    assert (done.returncode, done.stderr) == (
        7,
        "Error: No module named typer; install flag-detector again\n",
    )


# Scanning


@pytest.mark.parametrize(
    ("words", "place"),
    [([], "nor in the folders in it"), (["--no-recursive"], "and --no-recursive leaves out the folders")],
)
def test_an_empty_folder_is_said_to_hold_nothing_to_scan(
    tmp_path: Path, fake_weights: Path, words: list[str], place: str
) -> None:
    folder = tmp_path / "down[loads]"
    (folder / "inside" / ".git").mkdir(parents=True)
    done = run_detector("scan", folder, "--out", tmp_path / "out", "--weights", fake_weights, "-q", *words)
    assert done.returncode == 8
    assert f"Nothing to scan: no file in {folder}, {place}" in done.stderr


def test_the_last_line_says_how_long_it_took(downloads: Path, tmp_path: Path, fake_weights: Path) -> None:
    words = ("scan", downloads, "--out", tmp_path / "report", "--weights", fake_weights)
    first, second = run_detector(*words), run_detector(*words)
    last = first.stdout.splitlines()[-1]
    found = re.fullmatch(r"8 files in ([\d.]+) s; looking took ([\d.]+) s, ([\d.]+) files a second\.", last)
    assert found
    in_all, seconds, a_second = map(float, found.groups())
    assert seconds <= in_all
    assert 8 / (seconds + 0.05) - 0.05 <= a_second <= 8 / (seconds - 0.05) + 0.05
    assert re.search(r"; \d more were known from before\.$", second.stdout.splitlines()[-1])


def test_after_ctrl_c_the_counts_say_what_was_not_reached(tmp_path: Path, fake_weights: Path) -> None:
    for number in range(60):
        images = [picture(((number + index) % 3, 0, RED)) for index in range(40)]
        write_video(tmp_path / "in" / f"{number}.mp4", images) if number else (tmp_path / "in").mkdir()
    words = ["scan", tmp_path / "in", "--out", tmp_path / "report", "--weights", fake_weights, "--every", "0"]
    command = [sys.executable, "-m", "detector", *map(str, words), "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while not list((tmp_path / "report" / "crops").glob("*.jpg")):
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        stdout, _ = running.communicate(timeout=120)
    assert running.returncode == 130
    told = " ".join(stdout.split())
    found = re.search(r"Interrupted\. (\d+) of 59 files were looked at, (\d+) were not reached", told)
    assert found
    assert int(found[1]) + int(found[2]) == 59
    assert int(found[1]) > 0
    assert int(found[2]) > 0
    assert f"{found[2]} not looked at yet" in told


# Installation


@pytest.mark.parametrize("words", [["scan", "."], ["doctor"]])
def test_a_machine_without_a_system_library_is_told_what_helps(tmp_path: Path, words: list[str]) -> None:
    done = run_with(tmp_path / "guard", "cv2", NO_LIBRARY, *words, "--out", tmp_path / "report")
    assert done.returncode == 7
    assert "opencv-python-headless" in done.stderr
    assert "libGL.so.1" in done.stderr
    assert "apt-get install libgl1" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_installation_that_lacks_a_package_is_told_so(tmp_path: Path) -> None:
    missing = "raise ModuleNotFoundError('No module named supervision', name='supervision')"
    done = run_with(tmp_path / "guard", "supervision", missing, "scan", ".", "--out", tmp_path / "report")
    assert done.returncode == 7
    assert done.stderr == (
        "Error: a part of this installation cannot be loaded: No module named supervision; "
        "install flag-detector again\n"
    )


def test_the_doctor_finds_this_installation_well(tmp_path: Path) -> None:
    done = run_detector("doctor", "--out", tmp_path / "report")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Everything works."
    assert re.search(r"well   photos +JPEG, PNG, WebP, TIFF, GIF, AVIF, HEIC;", done.stdout)
    assert re.search(r"well   videos +H\.264, HEVC, AV1", done.stdout)
    assert re.search(r"well   self-test +found what .*: kanak 0\.\d\d, azerbaijan 0\.\d\d", done.stdout)
    assert len(done.stdout.splitlines()) < 24, "one screen"
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_names_what_is_wrong(
    tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {check.name: check.found for check in examine(fake_weights, Path("/proc/1")) if not check.well}
    assert wrong.keys() == {"writing", "self-test"}
    assert "choose another --out" in wrong["writing"]
    assert wrong["self-test"] == "not found in the picture that comes along: kanak, azerbaijan"
    damaged = tmp_path / "weights" / "fake.onnx"
    shutil.copytree(fake_weights.parent, damaged.parent)
    with damaged.with_suffix(".toml").open("r+") as settings:
        text = settings.read()
        settings.seek(0)
        settings.write(f'weights_sha256 = {{ onnx = "{"0" * 64}" }}\n{text}')
    wrong = {check.name: check.found for check in examine(damaged, tmp_path) if not check.well}
    assert wrong.keys() == {"weights"}
    assert "was written for other weights" in wrong["weights"]
    monkeypatch.setattr("detector.frames.decoders.PHOTOS", {"PNG": ".png", "XYZ": ".xyz"})
    monkeypatch.setattr("detector.frames.decoders.CODECS", {"H.264": "h264", "Unknown": "h999"})
    wrong = {check.name: check.found for check in examine(tmp_path / "none.onnx", tmp_path) if not check.well}
    assert wrong["photos"].startswith("not read: XYZ (")
    assert wrong["videos"].startswith("no decoder for Unknown;")
    monkeypatch.setattr("detector.frames.decoders.CODECS", {"H.264": "h264"})
    monkeypatch.setattr("detector.frames.decoders.TOLERANCE", -1)
    wrong = {check.name: check.found for check in examine(damaged, tmp_path) if not check.well}
    assert wrong["videos"].startswith("a video is not read: its picture is another; ")


def test_the_doctor_fails_with_an_exit_code_of_its_own(tmp_path: Path) -> None:
    done = run_detector("doctor", "--out", tmp_path, "--weights", tmp_path / "none.onnx")
    assert done.returncode == 7
    assert "1 of these do not work." in done.stdout
