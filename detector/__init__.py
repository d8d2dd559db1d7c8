"""Finds the flags of Azerbaijan and of the Kanak people in photos and videos.

`load_model`, `read_image`, `scan` and `open_report` are the way in for other programs. What `__all__` does
not name may change.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.api import (
        Model,
        Outcome,
        Progress,
        Report,
        ScanOptions,
        load_model,
        open_report,
        read_image,
        scan,
    )

from detector.offline import keep_offline

__version__ = "0.1.0"
__all__ = [
    "Model",
    "Outcome",
    "Progress",
    "Report",
    "ScanOptions",
    "load_model",
    "open_report",
    "read_image",
    "scan",
]


def __getattr__(name: str) -> object:
    """Imports the rest only when it is asked for: the version alone must not wait for it (PEP 562)."""
    if name in __all__:
        return getattr(importlib.import_module("detector.api"), name)
    raise AttributeError(f"module 'detector' has no attribute {name!r}")


keep_offline()  # the one thing done on import: no command, script, worker or test can forget it
