"""Damaged media: a few of the mutants that `scripts/fuzz.py` makes by the thousand."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from detector.formats import CONTAINERS, PHOTO_SUFFIXES, find_container
from detector.frames import Coverage, Sampling, read_frames
from detector.sources import find_kind
from tests.fuzzing.campaign import Plan, Tally, try_mutants
from tests.fuzzing.corpus import SEEDS, WITHOUT_WRITER, make_corpus
from tests.fuzzing.mutants import MUTATORS, make_mutant
from tests.fuzzing.reading import read_all
from tests.fuzzing.scans import find_faults, scan_damaged
from tests.media_factory import as_media

SEED = 7
PER_FORMAT = 2
RAW = "camera raw"  # suffixes that Pillow does not know


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


def test_every_container_that_is_read_has_a_seed(corpus: dict[str, bytes]) -> None:
    read = {*CONTAINERS.values(), "mov", "avi", "mpegts"}
    assert {seed.container for seed in SEEDS if seed.container} | WITHOUT_WRITER == read
    for seed in SEEDS:
        if seed.container:
            assert find_container(corpus[seed.name][:1024]) == seed.container, seed.name


def test_every_photo_format_that_is_read_has_a_seed(corpus: dict[str, bytes], tmp_path: Path) -> None:
    formats = {"DIB"}  # a BMP without its file's head
    suffixes = Image.registered_extensions()
    for seed in SEEDS:
        path = tmp_path / seed.name
        if not seed.container and not seed.beside:
            path.write_bytes(corpus[seed.name])
        if path.exists() and find_kind(path) == "photo":
            media, coverage = as_media(path), Coverage("photo")
            assert list(read_frames(media, Sampling(every_seconds=0), coverage)), seed.name
            formats.add(suffixes.get(path.suffix, RAW))
    assert {suffixes.get(suffix, RAW) for suffix in PHOTO_SUFFIXES} - formats == set()


def test_mutants_are_the_same_each_time_and_each_is_another(corpus: dict[str, bytes]) -> None:
    mutants = [make_mutant(corpus, SEED, number) for number in range(2 * len(corpus))]
    assert mutants == [make_mutant(corpus, SEED, number) for number in range(2 * len(corpus))]
    assert {mutant.seed_name for mutant in mutants} == set(corpus)
    assert sum(mutant.content != corpus[mutant.seed_name] for mutant in mutants) > 1.9 * len(corpus)
    assert {name for mutant in mutants for name in mutant.mutators} == {one.__name__ for one in MUTATORS}


def test_damaged_media_break_neither_the_readers_nor_a_scan(
    corpus: dict[str, bytes], tmp_path: Path, fake_weights: Path
) -> None:
    told: list[Tally] = []
    count = PER_FORMAT * len(corpus)
    tally = try_mutants(Plan(mutants=count, seed=SEED), tmp_path, fake_weights, told.append)
    assert tally.wrong == []
    assert (tally.mutants, tally.scans) == (count, 1)
    assert tally.statuses["failed"] > 10
    assert tally.statuses["ok"] > 10, "damage that no file survives shows nothing"
    assert told == [tally]


# What the checks see


@pytest.mark.parametrize(
    ("status", "reason", "seen"),
    [
        ("failed", "damaged: broken data stream", False),
        ("failed", "damaged: 3 of 4 frames/s at 1/30", False),
        ("failed", "", True),
        ("lost", "", True),
        ("failed", "its decoder crashed (exit code -11)", True),
        ("failed", "no result after 60 s; its decoder hangs", True),
        ("failed", "unexpected error: ZeroDivisionError: division by zero", True),
        ("failed", "cannot identify <_io.BytesIO object at 0x7f00>", True),
        ("failed", "cannot identify image file '/home/jane/a.png'", True),
        ("ok", "C:\\Users\\jane", True),
    ],
)
def test_a_row_that_must_not_be_is_seen(status: str, reason: str, seen: bool) -> None:
    row = {"file": "a.jpg", "status": status, "reason": reason}
    assert bool(find_faults(row, Path("/home/jane"))) is seen


def test_a_reader_that_dies_is_seen_and_one_that_raises_is_a_reason(
    corpus: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in ("one.jpg", "two.jpg", "three.jpg")]
    for path in paths:
        path.write_bytes(corpus["plain.jpg"])
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(BREAKER)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'guard'}:.")
    assert read_all(paths) == [(paths[1], "the process died")]


BREAKER = """
import os, pathlib
real = pathlib.Path.open

def open_or_die(self, *words, **more):
    if self.name == "two.jpg":
        os.kill(os.getpid(), 9)
    if self.name == "three.jpg":
        raise KeyError("three")
    return real(self, *words, **more)

pathlib.Path.open = open_or_die
"""


def test_a_scan_that_fails_is_seen(corpus: dict[str, bytes], tmp_path: Path, fake_weights: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "a.jpg").write_bytes(corpus["plain.jpg"])
    broken = tmp_path / "weights" / "fake.onnx"
    shutil.copytree(fake_weights.parent, broken.parent)
    broken.write_bytes(b"no network")
    outcome = scan_damaged(tmp_path / "damaged", tmp_path / "report", broken, 1)
    assert outcome.wrong[-1].startswith("exit code 3")
