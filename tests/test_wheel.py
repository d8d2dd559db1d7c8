"""The wheel: the same bytes each time, and all in it that is needed."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

BUILT_FROM = ("detector", "weights", "pyproject.toml", "README.md", "LICENSE")
NEEDED = (
    *("py.typed", "weights/flags.onnx", "weights/flags.toml", "weights/flags-classifier.onnx"),
    *("pictures/centerface/first.onnx", "pictures/centerface/rest.onnx", "pictures/centerface/LICENSE"),
)
OURS = [".py", ".html", ".css", ".js", ".svg", ".onnx", ".toml", ".typed"]


def copy_source(to: Path) -> Path:
    to.mkdir()
    for name in BUILT_FROM:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.pt"))
        else:
            shutil.copy(source, to / name)
    return to


def build_wheel(source: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (source / "dist").iterdir()
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(copy_source(tmp_path_factory.mktemp("wheel") / "source"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as pip lays it, without the repository."""
    folder = tmp_path_factory.mktemp("installed")
    words = [
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-compile",
        "--target",
        str(folder),
        str(wheel),
    ]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)
    return folder


def test_a_wheel_built_elsewhere_and_later_has_the_same_bytes(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy_source(tmp_path / "another place")
    for number, path in enumerate(sorted(other.rglob("*"))):
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))
        path.chmod(0o700 if path.is_dir() else 0o600)
    monkeypatch.setenv("TZ", "Pacific/Noumea")
    again = build_wheel(other)
    assert again.name == wheel.name
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, again)]
    assert digests[0] == digests[1]


def test_the_wheel_holds_all_that_the_package_opens(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"detector/{name}" for name in NEEDED} <= names
    files = [path for path in (REPOSITORY / "detector").rglob("*") if path.suffix in OURS]
    assert len(files) > 150
    assert {path.relative_to(REPOSITORY).as_posix() for path in files} <= names
    assert not [name for name in names if name.endswith((".pt", ".pyc"))]


def test_the_installed_wheel_scans_and_shows_the_review_alone(installed: Path, tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "datasets" / "samples" / "cape.jpg", tmp_path / "cape.jpg")
    script = f"""
from pathlib import Path
import detector
from detector.options import default_weights
from detector.review.app import create_app
assert Path(detector.__file__).is_relative_to({str(installed)!r}), detector.__file__
assert default_weights().is_relative_to({str(installed)!r})
if __name__ == "__main__":
    options = detector.ScanOptions(paths=(Path("cape.jpg"),), out=Path("report"), workers=1)
    assert detector.scan(options).summary.ok == 1
    client = create_app(Path("report").absolute(), "token", 5000, "Ann").test_client()
    home = client.get("/?token=token", base_url="http://127.0.0.1:5000").text.split("url=")[1].split('"')[0]
    for page in ("", "grid", "progress", "static/review.js", "static/flags/ours/kanak.svg"):
        assert client.get(home + page, base_url="http://127.0.0.1:5000").status_code == 200, page
    assert "<html" in Path("report/index.html").read_text(encoding="utf-8")
"""
    (tmp_path / "alone.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "alone.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
