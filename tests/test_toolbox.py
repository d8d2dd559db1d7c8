import subprocess
import sys

from tests.conftest import REPOSITORY

TRACES = """
import sys
import numpy as np
import detector.scanning
from detector.toolbox import sv
print([name for name in sys.modules if name.partition(".")[0] == "scipy"])
traces, image = sv.TraceAnnotator(smooth=True, thickness=1), np.zeros((64, 64, 3), np.uint8)
for step in range(8):
    box = np.array([[6 * step, step**2, 6 * step + 8, step**2 + 8]], np.float32)
    seen = sv.Detections(box, class_id=np.array([0]), tracker_id=np.array([1]))
    image = traces.annotate(image, seen)
import scipy.interpolate
print(image.any(), scipy.interpolate.splev.__module__)
"""


def test_a_scan_begins_without_scipy_and_supervision_has_it_when_it_is_needed() -> None:
    command = [sys.executable, "-c", TRACES]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\nTrue scipy.interpolate._fitpack_py\n"
