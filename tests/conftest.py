"""What several tests need."""

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from detector.frames import Sampling
from detector.settings import WorkerSettings
from tests.fake_weights import write_fake_weights

if TYPE_CHECKING:
    from playwright.sync_api import Browser

os.environ.setdefault("COLUMNS", "120")

needs_openvino = pytest.mark.skipif(not find_spec("openvino"), reason="openvino is not installed")

BROWSER_MS = 60_000  # that a browser may take for a step, on a machine with other work
REPOSITORY = Path(__file__).resolve().parent.parent
RED, BLUE, GREY = (230, 20, 20), (20, 20, 230), (128, 128, 128)
Colour = tuple[int, int, int]


@pytest.fixture(scope="session")
def fake_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a network that takes red for the first class and blue for the second."""
    return write_fake_weights(tmp_path_factory.mktemp("weights"))


def picture(*spots: tuple[int, int, Colour], width: int = 128, height: int = 96) -> NDArray[np.uint8]:
    """A grey picture with a coloured 32-pixel square at each (column, row) of such squares."""
    image = np.full((height, width, 3), GREY, np.uint8)
    for column, row, colour in spots:
        image[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = colour
    return image


def write_picture(path: Path, *spots: tuple[int, int, Colour]) -> Path:
    """Such a picture as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(*spots)).save(path)
    return path


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for caches in place of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "flag-detector"


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """A folder with one file of every fate."""
    folder = tmp_path / "downloads"
    write_picture(folder / "red.png", (1, 1, RED))
    write_picture(folder / "sub" / "both.png", (0, 0, RED), (2, 1, BLUE))
    write_picture(folder / "sub" / "blue.png", (3, 2, BLUE))
    write_picture(folder / "nothing.png")
    (folder / "copy of red.png").write_bytes((folder / "red.png").read_bytes())
    (folder / "notes.txt").write_text("not a picture")
    (folder / "empty.jpg").write_bytes(b"")
    whole = (folder / "red.png").read_bytes()
    (folder / "broken.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """A folder with media and their report, to be copied by `copy_samples` and left as it is."""
    from tests.reports import scan_samples

    return scan_samples(tmp_path_factory.mktemp("samples"), fake_weights)


@pytest.fixture(scope="session")
def reviewable(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """The same with what a review needs, to be copied by `copy_reviewable`."""
    from tests.reviewing import scan_reviewable

    return scan_reviewable(tmp_path_factory.mktemp("reviewable"), fake_weights)


def settings_for(
    weights: Path, out: Path, sampling: Sampling | None = None, *, densify: bool = False
) -> WorkerSettings:
    """What a worker looks at files with, in a scan of the fake weights."""
    return WorkerSettings(
        weights=weights,
        floor=0.05,
        thresholds=(0.5, 0.5),
        sampling=sampling or Sampling(),
        densify=densify,
        worker_memory=2.0,
        out=out,
    )


@pytest.fixture(autouse=True)
def usual_priority() -> Iterator[None]:
    """Takes back what SVT-AV1, which encodes videos of tests, gives a process of root: a real-time priority
    before all others, which all processes begun later would inherit."""
    yield
    if sys.platform == "linux" and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Browser]":
    """A real headless Chromium; tests that need one are skipped where none is installed.

    Started by root it gives threads of its own real-time priority, and on two cores all else waits for them:
    the right to do so is taken from it.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=BROWSER_MS)
    if os.geteuid() == 0 and (setpriv := shutil.which("setpriv")):
        modest = tmp_path_factory.mktemp("browser") / "chromium"
        modest.write_text(f'#!/bin/sh\nexec {setpriv} --bounding-set -sys_nice -- {program} "$@"\n')
        modest.chmod(0o700)
        program = str(modest)

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()
