"""Libraries that phone home by default, imported so that they do not: these are people's protest photos."""

import functools
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def import_ultralytics() -> Any:
    """The module ultralytics, kept from the network. Raises ImportError."""
    os.environ.update(YOLO_OFFLINE="1", YOLO_AUTOINSTALL="false")  # read when it is imported
    os.environ.setdefault("YOLO_CONFIG_DIR", str(Path(tempfile.gettempdir()) / "flag-detector"))
    import ultralytics

    ultralytics.settings.update({"sync": False})
    return ultralytics


@functools.cache
def import_onnxruntime() -> Any:
    """The module onnxruntime, kept from the network.

    Sessions with the entry `session.use_env_allocators` work in one memory; the others each keep the most
    that they ever needed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when it is imported; the function comes too late
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(0, -1, -1, -1))  # its defaults
    return onnxruntime


def import_openvino() -> Any:
    """The module openvino, which reports its import to its makers unless their package for that is missing.

    Raises ImportError.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as if it were not installed
    import openvino

    return openvino
