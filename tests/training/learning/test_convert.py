import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest

from detector.model.networks import load_onnx, load_pt
from detector.training.learning.convert import convert, write_settings
from tests.conftest import REPOSITORY

WEIGHTS = REPOSITORY / "weights"


def test_settings_name_the_weights_they_belong_to(tmp_path: Path) -> None:
    (tmp_path / "flags.onnx").write_bytes(b"weights")
    write_settings(tmp_path / "flags.toml", ("a", "b"), (0.31, 0.5))
    settings = tomllib.loads((tmp_path / "flags.toml").read_text())
    assert settings["class_names"] == ["a", "b"]
    assert settings["thresholds"] == {"a": 0.31, "b": 0.5}
    assert settings["weights_sha256"] == {"onnx": hashlib.sha256(b"weights").hexdigest()}
    assert 0 < settings["floor"] < settings["thresholds"]["a"]


def test_the_released_settings_belong_to_the_released_weights() -> None:
    settings = tomllib.loads((WEIGHTS / "flags.toml").read_text(encoding="utf-8"))
    for suffix, digest in settings["weights_sha256"].items():
        assert hashlib.sha256((WEIGHTS / f"flags.{suffix}").read_bytes()).hexdigest() == digest
    assert (WEIGHTS / "flags.onnx").stat().st_size < 12_000_000


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")  # ultralytics and torch warn about each other
def test_released_weights_convert_to_a_dynamic_onnx_with_names(tmp_path: Path) -> None:
    pytest.importorskip("ultralytics")
    onnx = pytest.importorskip("onnx")
    path = convert(WEIGHTS / "flags.pt", tmp_path)
    model = onnx.load(str(path))
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["names"] == "{0: 'azerbaijan', 1: 'kanak'}"
    batch, channels, height, width = model.graph.input[0].type.tensor_type.shape.dim
    assert channels.dim_value == 3
    assert all(axis.dim_param for axis in (batch, height, width))
    assert tomllib.loads((tmp_path / "flags.toml").read_text())["weights_sha256"].keys() == {"onnx", "pt"}


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ["yolo26n", "yolov8n"])
def test_other_families_convert_to_the_same_layout_and_tell_no_paths(family: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    tasks = pytest.importorskip("ultralytics.nn.tasks")
    module = tasks.DetectionModel(f"{family}.yaml", nc=2, verbose=False)
    settings = {"task": "detect", "data": "/home/ann/secret/data.yaml", "project": "/home/ann/secret"}
    module.names, module.args = {0: "azerbaijan", 1: "kanak"}, settings
    trained = tmp_path / "trained.pt"
    torch.save({"model": module, "train_args": settings, "epoch": 3, "optimizer": None}, trained)

    onnx = convert(trained, tmp_path / "out")

    image = np.random.default_rng(0).random((1, 3, 96, 128), np.float32)
    run, _ = load_onnx(onnx, "cpu", 1)
    (output,) = run([image])
    network, names = load_pt(onnx.with_suffix(".pt"), "cpu", 1)
    assert output.shape == (1, 6, 12 * 16 + 6 * 8 + 3 * 4)
    assert np.abs(output - network(image)).max() < 0.05
    assert names == ("azerbaijan", "kanak")
    for written in (onnx, onnx.with_suffix(".pt")):
        assert b"secret" not in written.read_bytes()
