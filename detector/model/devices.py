"""Weights in, the device out on which they run fastest here; and where what that takes is kept."""

import functools
import hashlib
import platform
import timeit
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from detector.errors import UsageError, WeightsError
from detector.model.cache import cache_folder
from detector.model.networks import load_onnx

TRIAL_SHAPE = (1, 3, 352, 512)  # a photo of 3:2
TRIALS = 5
FASTER = 1.2  # times, from which another device is worth that it rounds otherwise
TRIED = "cpu", "openvino"


def find_devices(weights: Path, devices: Iterable[str]) -> dict[str, str]:
    """For each of `options.DEVICES` why these weights cannot be run on it, "" when they can."""
    return {name: _find_reason(weights, name) for name in devices}


def _find_reason(weights: Path, device: str) -> str:
    try:
        load_onnx(weights, device, 1)
    except (UsageError, WeightsError) as error:
        return str(error)
    return ""


def choose_device(weights: Path, weights_sha256: str, threads: int) -> str:
    """`cpu`, or `openvino` where that is installed and clearly faster with these weights, by a short trial.

    What was found is kept for as long as weights, versions and processor are the same. A GPU has to be asked
    for by name. Raises WeightsError.
    """
    versions = [_version("onnxruntime"), _version("openvino")]
    if weights.suffix != ".onnx" or not all(versions):
        return "cpu"
    machine = [weights_sha256, *versions, str(threads), _name_processor()]
    key = hashlib.sha256("\n".join(machine).encode()).hexdigest()
    folder = cache_folder("devices")
    kept = folder / key if folder else None
    if kept and (device := _read_kept(kept)):
        return device
    device = _try_devices(weights, threads)
    if kept:
        with suppress(OSError):
            kept.write_text(device, encoding="utf-8")
    return device


def _try_devices(weights: Path, threads: int) -> str:
    image = np.full(TRIAL_SHAPE, 0.5, np.float32)
    seconds = {}
    for name in TRIED:
        run, _ = load_onnx(weights, name, threads)
        run([image])  # compiles, takes its memory
        seconds[name] = min(timeit.repeat(functools.partial(run, [image]), number=1, repeat=TRIALS))
    return "openvino" if seconds["openvino"] * FASTER < seconds["cpu"] else "cpu"


def _read_kept(path: Path) -> str:
    """What an earlier trial found, "" where there is none or it is something else."""
    with suppress(OSError, UnicodeDecodeError):
        text = path.read_text(encoding="utf-8")
        return text if text in TRIED else ""
    return ""


def _version(package: str) -> str:
    """Of an installed package, "" when it is not there; it is not imported for that."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _name_processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line
    return f"{platform.machine()} {platform.processor()}"
