"""The house's rules: imports point down, nothing reaches the network, faces are hidden."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, needs_openvino

LAYERS = [
    {"errors", "ids", "schema"},
    {"sources", "options", "offline", "processes", "letterbox", "database"},
    {"classifier", "hashes", "networks"},
    {"posts", "frames", "model", "faces", "annotate", "duplicates", "repeats", "events", "verdicts"},
    {"settings", "originals"},
    {"pictures"},
    {"worker"},
    {"engines", "journal", "tables"},
    {"evidence", "summary"},
    {"page"},
    {"report"},
    {"scan", "export", "verify", "compare", "review"},
    {"cli"},
]
SIDEWAYS = {("annotate", "faces")}  # neighbours of one layer that may know each other


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("detector."):
            names.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("detector.")}
    return names


def scan_line() -> list[Path]:
    """Every module of the package but the model's line."""
    package = REPOSITORY / "detector"
    apart = {package / "__init__.py", package / "__main__.py", *(package / "training").rglob("*")}
    return [path for path in package.rglob("*.py") if path not in apart]


def test_imports_point_down() -> None:
    level = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    for path in scan_line():
        name = path.relative_to(REPOSITORY / "detector").parts[0].removesuffix(".py")
        assert name in level, f"{name} has no place in LAYERS"
        for imported in imports_of(path) - {name}:  # the modules of one package know each other
            assert imported != "training", f"{path.name} must not need the model's line"
            below = level[imported] < level[name]
            assert below or (name, imported) in SIDEWAYS, f"{path.name} imports {imported}"


def test_only_its_module_opens_media_or_runs_a_network() -> None:
    owners = {
        "av": {"frames"},
        "onnxruntime": {"offline"},
        "ultralytics": {"offline"},
        "openvino": {"offline"},
    }
    for path in scan_line():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    library = alias.name.split(".")[0]
                    name = path.relative_to(REPOSITORY / "detector").parts[0].removesuffix(".py")
                    assert name in owners.get(library, {name}), f"{path.name} imports {library}"


def test_no_class_name_is_written_in_code() -> None:
    for path in scan_line():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value.lower() not in ("azerbaijan", "kanak"), f"{path.name}:{node.lineno}"


GUARD = """
import socket, sys

def refuse(*arguments, **_):
    sys.stderr.write("NETWORK " + repr(arguments) + "\\n")
    sys.stderr.flush()
    raise OSError("the network is blocked")

real = socket.socket.connect

def connect(self, address):
    return real(self, address) if self.family == getattr(socket, "AF_UNIX", None) else refuse(address)

socket.socket.connect = connect
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
"""


@pytest.mark.parametrize("device", ["cpu", pytest.param("openvino", marks=needs_openvino)])
def test_a_scan_works_with_the_network_blocked_and_does_not_try_it(
    downloads: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "guard"))
    probe = subprocess.run(
        [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "NETWORK" in probe.stderr, "the guard itself does not work"
    command = [sys.executable, "-m", "detector", "scan", str(downloads), "--out", str(tmp_path / "report")]
    done = subprocess.run(
        [*command, "--weights", str(fake_weights), "--device", device],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "NETWORK" not in done.stderr
    assert (tmp_path / "report" / "manifest.sha256").exists()
