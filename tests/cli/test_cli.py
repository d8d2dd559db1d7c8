import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from detector.cli import app
from detector.options import ScanOptions
from tests.conftest import BLUE, RED, REPOSITORY, write_picture

REFERENCE = (REPOSITORY / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")


def run_detector(*words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "detector", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=120)


def test_a_scan_says_what_it_found_and_exits_1_when_files_failed(
    downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    done = run_detector("scan", downloads, "--out", tmp_path / "report", "--weights", fake_weights)
    assert done.returncode == 1
    assert re.search(r"8\s+files found \(6 photos, 0 videos\)", done.stdout)
    assert re.search(r"3\s+show the flag: azerbaijan \(\d detections\)", done.stdout)
    assert re.search(r"1\s+show both in one picture: azerbaijan and kanak", done.stdout)
    assert re.search(r"2\s+failed", done.stdout)
    assert "files.csv" in done.stdout
    assert "8 of 8 files" in done.stderr


def test_a_scan_without_failures_exits_0_and_quiet_says_nothing(tmp_path: Path, fake_weights: Path) -> None:
    write_picture(tmp_path / "in" / "red.png", (0, 0, RED))
    done = run_detector(
        "scan", tmp_path / "in", "--out", tmp_path / "report", "--weights", fake_weights, "--quiet"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "exit_code", "message"),
    [
        (["scan"], 2, "name at least one file or folder"),
        (["scan", "/no/such/folder"], 2, "no such file or folder: /no/such/folder"),
        (["scan", ".", "--every", "-1"], 2, "--every must be a number that is not negative"),
        (["scan", ".", "--every", "nan"], 2, "--every must be a number that is not negative"),
        (["scan", ".", "--file-timeout", "inf"], 2, "--file-timeout must be a number of seconds"),
        (["scan", ".", "--floor", "nan"], 2, "--floor must be more than 0"),
        (["scan", ".", "--workers", "100000"], 2, "--workers must be at least 1 and at most"),
        (["scan", ".", "--threads", "0"], 2, "--threads must be at least 1 and at most"),
        (["scan", ".", "--worker-memory", "-1"], 2, "--worker-memory must be a number"),
        (["scan", ".", "--min-confidence", "1.5"], 2, "--min-confidence must be"),
        (["scan", ".", "--device", "tpu"], 2, "--device must be one of cpu, openvino, cuda, auto"),
        (["scan", ".", "--weights", "/no/such.onnx"], 3, "no weights at"),
        (["scan", ".", "--out", "/dev/null/report"], 4, "cannot be written"),
        (["scan", ".", "--from-file", "/no/list"], 2, "--from-file /no/list cannot be read"),
    ],
)
def test_a_usage_error_says_what_to_do_and_has_its_exit_code(
    words: list[str], exit_code: int, message: str, tmp_path: Path, fake_weights: Path
) -> None:
    for flag, value in (("--weights", fake_weights), ("--out", tmp_path / "report")):
        if flag not in words:
            words = [*words, flag, str(value)]
    done = run_detector(*words)
    assert done.returncode == exit_code
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_other_settings_exit_4(downloads: Path, tmp_path: Path, fake_weights: Path) -> None:
    common = ("scan", downloads, "--out", tmp_path / "report", "--weights", fake_weights, "--quiet")
    assert run_detector(*common).returncode == 1
    done = run_detector(*common, "--keyframes")
    assert done.returncode == 4
    assert "keyframes was false, is now true" in " ".join(done.stderr.split())


def test_max_failures_exits_5(downloads: Path, tmp_path: Path, fake_weights: Path) -> None:
    for number in range(10):
        (downloads / f"a{number}.jpg").write_bytes(b"\xff\xd8\xff")
    done = run_detector(
        *("scan", downloads, "--out", tmp_path / "report", "--weights", fake_weights, "--max-failures", "1")
    )
    assert done.returncode == 5
    assert "Stopped by --max-failures 1" in done.stdout


def test_paths_come_from_a_file_and_from_standard_input(tmp_path: Path, fake_weights: Path) -> None:
    red, blue = (write_picture(tmp_path / "in" / name, (0, 0, RED)) for name in ("red.png", "blue.png"))
    (tmp_path / "list.txt").write_text(f"{red}\n\n{blue}\n")
    for source, stdin in ((str(tmp_path / "list.txt"), ""), ("-", f"{red}\n{blue}\n")):
        out = tmp_path / f"report {source == '-'}"
        done = run_detector(
            *("scan", "--from-file", source, "--out", out, "--weights", fake_weights), stdin=stdin
        )
        assert done.returncode == 0
        assert [line.split(",")[0] for line in (out / "files.csv").read_text().splitlines()[1:]] == [
            '"blue.png"',
            '"red.png"',
        ]


def begin_long_scan(tmp_path: Path, fake_weights: Path) -> "subprocess.Popen[str]":
    """A scan that takes a while and has written its first picture."""
    for number in range(400):
        shade = (60 + number % 20, 60 + number // 20, 60)  # copies of a file would not be looked at again
        write_picture(tmp_path / "in" / f"{number:03}.png", (number % 4, 0, BLUE), (1, 2, shade))
    words = [
        "scan",
        tmp_path / "in",
        "--out",
        tmp_path / "report",
        "--weights",
        fake_weights,
        "--workers",
        "1",
    ]
    running = subprocess.Popen(
        [sys.executable, "-m", "detector", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 (no threads here; under nohup it is ignored)
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "report" / "frames").glob("*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.05)
    return running


@pytest.mark.parametrize("asking", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_asks_a_scan_to_end_gets_the_files_in_hand_finished(
    tmp_path: Path, fake_weights: Path, asking: signal.Signals
) -> None:
    running = begin_long_scan(tmp_path, fake_weights)
    os.killpg(running.pid, asking)  # a terminal sends it to the workers too
    stdout, stderr = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "Run the same command again to go on" in stdout
    assert "Traceback" not in stderr
    rows = (tmp_path / "report" / "files.csv").read_text().splitlines()[1:]
    assert 1 <= len(rows) < 400
    assert not [row for row in rows if "failed" in row]
    words = ("--weights", fake_weights, "--quiet")
    assert run_detector("scan", tmp_path / "in", "--out", tmp_path / "report", *words).returncode == 0
    assert len((tmp_path / "report" / "files.csv").read_text().splitlines()) == 401


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not to be found this way")
def test_when_a_scan_is_killed_its_workers_end(tmp_path: Path, fake_weights: Path) -> None:
    running = begin_long_scan(tmp_path, fake_weights)
    started = find_processes(running.pid)
    assert len(started) > 1  # itself, a worker, and what workers are forked from
    running.kill()
    running.communicate()
    deadline = time.monotonic() + 60
    while find_processes(running.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert find_processes(running.pid) == []


def find_processes(session: int) -> list[str]:
    """Programs that run in a session."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = status.read_text().partition("(")[2].rpartition(")")
            state, _, _, own = rest.split()[:4]
            if int(own) == session and state != "Z":
                found.append(name)
    return found


@pytest.mark.parametrize("stderr", ["2>&1 | head -c 1", "2>/dev/full", "2>&-", ">/dev/full 2>&1", ">&- 2>&-"])
def test_whoever_does_not_listen_stops_no_scan(tmp_path: Path, fake_weights: Path, stderr: str) -> None:
    write_picture(tmp_path / "in" / "red.png", (0, 0, RED))
    command = f"{sys.executable} -m detector scan in --out report --weights {fake_weights} {stderr}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len((tmp_path / "report" / "files.csv").read_text().splitlines()) == 2
    assert "complete" in (tmp_path / "report" / "run.json").read_text()


def test_workers_have_all_three_streams_where_the_command_has_none(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    look = "import os; open('seen', 'w').write(' '.join(os.readlink(f'/proc/self/fd/{n}') for n in range(3)))"
    program.write_text(
        "import subprocess, sys; from detector.cli.streams import keep_streams_usable\n"
        f"keep_streams_usable(); subprocess.run([sys.executable, '-c', {look!r}])"
    )
    command = f"PYTHONPATH={REPOSITORY} {sys.executable} {program} <&- >&- 2>&-"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "seen").read_text() == "/dev/null /dev/null /dev/null"


def test_a_terminal_gets_a_bar(tmp_path: Path, fake_weights: Path) -> None:
    write_picture(tmp_path / "in" / "red.png", (0, 0, RED))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "detector", "scan", str(tmp_path / "in")]
    command += ["--out", str(tmp_path / "report"), "--weights", str(fake_weights)]
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 65536)
        except OSError:
            break
    os.close(ours)
    assert b"1/1" in shown
    assert b"1 detections, 0 failed" in shown


def test_terminal_codes_in_names_and_reasons_are_not_obeyed(tmp_path: Path, fake_weights: Path) -> None:
    (tmp_path / "in").mkdir()
    done = run_detector(
        "scan", tmp_path / "[red]no\x1b[2J", "--out", tmp_path / "report", "--weights", fake_weights
    )
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "[red]no" in done.stderr


def test_the_script_does_what_the_command_does(downloads: Path, tmp_path: Path, fake_weights: Path) -> None:
    words = [str(downloads), "--out", str(tmp_path / "report"), "--weights", str(fake_weights), "--quiet"]
    script = subprocess.run([sys.executable, "scripts/detect.py", *words], cwd=REPOSITORY, check=False)
    assert script.returncode == 1
    assert (tmp_path / "report" / "detections.csv").exists()


def test_every_command_and_flag_is_in_the_reference() -> None:
    commands = typer.main.get_command(app)
    assert hasattr(commands, "commands")
    for name, command in commands.commands.items():
        assert f"detector {name}" in REFERENCE
        for parameter in command.params:
            for flag in [*parameter.opts, *parameter.secondary_opts]:
                if flag.startswith("--") and flag != "--help":
                    assert f"`{flag}`" in REFERENCE, f"{flag} is not in the reference"


def test_flags_have_the_names_and_defaults_of_the_options() -> None:
    commands = typer.main.get_command(app)
    assert hasattr(commands, "commands")
    parameters = {one.name: one.default for one in commands.commands["scan"].params}
    defaults = ScanOptions()
    for name in ScanOptions.__dataclass_fields__:
        if name != "paths":
            assert parameters[name] == getattr(defaults, name)


def test_help_does_not_load_the_network_libraries() -> None:
    heavy = {"cv2", "numpy", "onnxruntime", "pandas"}
    code = f"import sys, detector.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_scan_does_not_wait_for_pandas() -> None:
    code = "import sys, detector.scanning, detector.review; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_version_is_shown() -> None:
    assert CliRunner().invoke(app, ["--version"]).output.startswith("flag-detector ")
