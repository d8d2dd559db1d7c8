"""Libraries that phone home or keep files of their own, told not to: these are people's protest photos."""

import atexit
import functools
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from detector.scratch import INNER, PREFIX, share_scratch

OWN_FOLDER = "FLAG_DETECTOR_LIBRARIES"  # where libraries put caches and settings; inherited by all processes
SILENT = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime; its function for that comes too late
    "RAY_USAGE_STATS_ENABLED": "0",
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "false",
}

FONTS = (
    "Arial.ttf",
    "Arial.Unicode.ttf",
)  # ultralytics fetches them before each training, if they are not there


def keep_offline() -> None:
    """Tells this process and all that it begins; to be called before any such library is imported.

    What libraries insist on keeping goes to a temporary folder, which is removed with this process. It is
    made when one of them is imported.
    """
    os.environ.update(SILENT)
    folder = os.environ.get(OWN_FOLDER)
    if not folder:
        outer = Path(tempfile.gettempdir()) / f"{PREFIX}{secrets.token_hex(8)}"
        folder = os.environ[OWN_FOLDER] = str(outer / INNER)
        atexit.register(shutil.rmtree, outer, ignore_errors=True)
    os.environ.update(MPLCONFIGDIR=folder, YOLO_CONFIG_DIR=folder, TORCHINDUCTOR_CACHE_DIR=folder)


def import_ultralytics() -> Any:
    """The module ultralytics. Raises ImportError."""
    share_scratch(Path(os.environ[OWN_FOLDER]))
    import matplotlib as mpl
    import ultralytics

    ultralytics.settings.update({"sync": False})
    font = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for name in FONTS:
        shutil.copy(font, Path(ultralytics.utils.USER_CONFIG_DIR) / name)
    return ultralytics


@functools.cache
def import_onnxruntime() -> Any:
    """The module onnxruntime.

    Sessions with the entry `session.use_env_allocators` work in one memory; the others each keep the most
    that they ever needed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when it is imported; the function comes too late
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # where the variable is not heeded, as on Windows
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
