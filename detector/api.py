"""What other programs import from `detector`; its names and meanings are kept from version to version."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.frames import read_image as read_photo
from detector.model import Model
from detector.model import load_model as load_weights
from detector.options import ScanOptions, default_weights
from detector.report import Report, open_report
from detector.scanning import Outcome, Progress
from detector.scanning import scan as scan_media

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


def load_model(
    weights: Path | str | None = None, *, detail: str = "standard", device: str = "cpu", threads: int = 1
) -> Model:
    """The model that finds flags in images; the tool's own weights where none are named.

    `detail` is one of `options.DETAILS`, `device` of `options.DEVICES`. Raises WeightsError, or UsageError
    when the device is not to be had.
    """
    path = Path(weights) if weights else default_weights()
    return load_weights(path, detail=detail, device=device, threads=threads)


def read_image(path: Path | str) -> NDArray[np.uint8]:
    """A photo as the scan reads it: upright RGB, (height, width, 3), read-only.

    Raises MediaError, an `Exception` with what is wrong with the file.
    """
    return read_photo(Path(path))


def scan(
    options: ScanOptions,
    report_progress: Callable[[Progress], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> Outcome:
    """Looks at every input and writes the report, as the command does; goes on where an earlier run ended.

    When `stop` is set the files in hand are finished and the tables written. Raises DetectorError. Workers
    are processes of their own: a script calls this under `if __name__ == "__main__":`.
    """
    return scan_media(options, report_progress, stop or threading.Event())
