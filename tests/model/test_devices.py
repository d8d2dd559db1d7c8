import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from detector import scanning
from detector.errors import UsageError
from detector.model import choose_device, devices, load_model
from detector.model.cache import MAX_FILES, cache_folder
from detector.options import ScanOptions
from tests.conftest import RED, needs_openvino, picture, write_picture
from tests.test_scan import scan_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="caches are elsewhere there")


def pretend(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Trials have these outcomes; gives those that are left."""
    left = list(answers)
    monkeypatch.setattr(devices, "_try_devices", lambda *_: left.pop(0))
    monkeypatch.setattr(devices, "_version", lambda _: "1")
    return left


def test_a_trial_is_remembered_for_these_weights(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    left = pretend(monkeypatch, "openvino", "cpu")
    for _ in range(2):
        assert choose_device(Path("one.onnx"), "a", 1) == "openvino"
    assert choose_device(Path("one.onnx"), "b", 1) == "cpu"
    assert not left
    assert len(list((own_cache / "devices").iterdir())) == 2


def test_what_is_remembered_is_not_believed_when_it_is_no_device(
    monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    left = pretend(monkeypatch, "openvino", "cpu")
    choose_device(Path("one.onnx"), "a", 1)
    (kept,) = (own_cache / "devices").iterdir()
    kept.write_bytes(b"\xff\x00cuda")
    assert choose_device(Path("one.onnx"), "a", 1) == "cpu"
    assert not left


@pytest.mark.parametrize(("weights", "versions"), [("one.pt", "1"), ("one.onnx", "")])
def test_without_openvino_or_with_a_pt_it_is_the_cpu_and_nothing_is_tried(
    monkeypatch: pytest.MonkeyPatch, own_cache: Path, weights: str, versions: str
) -> None:
    pretend(monkeypatch)
    monkeypatch.setattr(devices, "_version", lambda _: versions)
    assert choose_device(Path(weights), "a", 1) == "cpu"
    assert not own_cache.exists()


@needs_openvino
@pytest.mark.usefixtures("own_cache")
def test_a_real_trial_names_one_of_the_two(fake_weights: Path) -> None:
    assert choose_device(fake_weights, "a", 1) in ("cpu", "openvino")


def test_a_folder_that_others_can_write_is_no_cache(own_cache: Path) -> None:
    folder = cache_folder("openvino")
    assert folder == own_cache / "openvino"
    assert not stat.S_IMODE(folder.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    folder.chmod(0o777)
    assert cache_folder("openvino") is None


def test_where_nothing_can_be_written_there_is_no_cache(own_cache: Path) -> None:
    own_cache.parent.mkdir()
    own_cache.write_text("a file")
    assert cache_folder("openvino") is None


@pytest.mark.usefixtures("own_cache")
def test_the_oldest_of_many_files_are_removed() -> None:
    folder = cache_folder("openvino")
    assert folder
    for number in range(MAX_FILES + 3):
        path = folder / f"{number}.blob"
        path.touch()
        os.utime(path, (number, number))
    cache_folder("openvino")
    left = sorted(int(path.stem) for path in folder.iterdir())
    assert left == list(range(3, MAX_FILES + 3))


@needs_openvino
def test_damaged_compiled_networks_are_made_again(own_cache: Path, fake_weights: Path) -> None:
    image = picture((1, 1, RED))
    (before,) = load_model(fake_weights, device="openvino").detect([image])
    blobs = list((own_cache / "openvino").iterdir())
    assert blobs
    for damage in (b"", b"\x00" * 5000, blobs[0].read_bytes()[:-1000]):
        for blob in blobs:
            blob.chmod(0o600)
            blob.write_bytes(damage)
        (after,) = load_model(fake_weights, device="openvino").detect([image])
        assert np.array_equal(before.xyxy, after.xyxy)


def test_a_report_keeps_its_device(
    tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "report"
    write_picture(photos / "one.png", (1, 1, RED))
    monkeypatch.setattr(scanning, "choose_device", lambda *_: "cpu")
    scan_folder(photos, out, fake_weights, device="auto")
    monkeypatch.setattr(scanning, "choose_device", lambda *_: "openvino")
    write_picture(photos / "two.png", (1, 1, RED))
    assert scan_folder(photos, out, fake_weights, device="auto").summary.files == 2
    assert json.loads((out / "run.json").read_text())["options"]["device"] == "cpu"


def test_on_a_cluster_the_device_is_named() -> None:
    with pytest.raises(UsageError, match="--device auto is for --engine local"):
        ScanOptions(paths=(Path(),), device="auto", engine="ray").check()
