"""Scripts of the model's line: what they lack is said in a sentence."""

import subprocess
import sys
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from detector.cli import run_script
from detector.errors import WeightsError


def fail_with(error: Exception) -> None:
    """A script's main function."""
    raise error


@pytest.mark.parametrize(
    ("error", "exit_code", "sentence"),
    [
        (WeightsError("no weights at a.pt"), 3, "no weights at a.pt"),
        (FileNotFoundError(2, "No such file or directory", "a.pt"), 2, "a.pt: No such file or directory"),
        (ConnectionError("nobody\n answers"), 2, "nobody answers; without a network, name a file"),
        (
            CalledProcessError(100, ["apt-get", "download"], stderr=b"W: no\nE: no host"),
            2,
            "apt-get download failed: E: no host",
        ),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 7, "need the extras train"),
    ],
)
def test_what_a_script_lacks_is_a_sentence(
    error: Exception,
    exit_code: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def main() -> None:
        fail_with(error)

    monkeypatch.setattr(sys, "argv", ["script"])
    with pytest.raises(SystemExit) as ended:
        run_script(main)
    told = capsys.readouterr().err
    assert ended.value.code == exit_code
    assert told.startswith("Error: ")
    assert sentence in told
    assert told.count("\n") == 1


def test_a_bug_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def main() -> None:
        fail_with(ImportError("cannot import name 'x'", name="detector.model"))

    monkeypatch.setattr(sys, "argv", ["script"])
    with pytest.raises(ImportError):
        run_script(main)


def test_no_script_calls_typer_itself() -> None:
    for path in (Path(__file__).parents[2] / "scripts").glob("*.py"):
        assert "typer.run" not in path.read_text(encoding="utf-8"), path.name


def test_scripts_start_from_another_folder(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "scripts" / "evaluate.py"
    done = subprocess.run(
        [sys.executable, str(script), "--weights", "none.onnx", "--photos", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("Error: no weights at none.onnx")


@pytest.mark.parametrize(
    ("script", "words", "sentence"),
    [
        ("evaluate.py", ["--photos", "."], "no photos in .: they are looked for in the folders in it"),
        ("evaluate.py", ["--dataset", "."], "no pictures in images/val"),
        ("evaluate.py", [], "nothing to measure on: name --photos or --dataset"),
        ("make_dataset.py", ["out", "--flags", "none", "--backgrounds", "."], "'none' does not exist"),
        (
            "make_dataset.py",
            ["out", "--flags", ".", "--backgrounds", "."],
            "no photos in . for the split train",
        ),
        ("join_sets.py", ["out", ".", "--classes", "x"], "--classes must be one of targets, "),
        ("join_sets.py", ["out", "."], ". is no data set: it has no folder images/train"),
        ("join_sets.py", ["out", "none"], "'none' does not exist"),
    ],
)
def test_what_a_script_is_not_given_is_a_sentence(
    script: str, words: list[str], sentence: str, tmp_path: Path
) -> None:
    program = Path(__file__).parents[2] / "scripts" / script
    done = subprocess.run(
        [sys.executable, str(program), *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
