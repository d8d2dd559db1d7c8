"""What takes long: machines that are lost, drivers that are killed. `make test-cluster` runs it."""

import logging
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.buckets import Bucket, in_environment, storage_server
from tests.conftest import BLUE, RED, REPOSITORY, picture
from tests.media_factory import write_video
from tests.test_evidence import save, scenery
from tests.test_scan import read_table, scan_folder, tables

log = logging.getLogger(__name__)
pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif("CLUSTER_TESTS" not in os.environ, reason="takes minutes: make test-cluster"),
    pytest.mark.skipif(not find_spec("ray"), reason="the cluster extra is not installed"),
]
PICTURES = 120
GENERATED = int(os.environ.get("CLUSTER_GENERATED", "300"))
SMALL = int(os.environ.get("CLUSTER_FILES", "10000"))
KILLS = int(os.environ.get("CLUSTER_KILLS", "20"))
FLAT_MB = 30
PART_FILES = 5
ENVIRONMENT = {"PYTHONPATH": str(REPOSITORY), "RAY_USAGE_STATS_ENABLED": "0"}
RUNNING = """
import sys
from ray.cluster_utils import Cluster

if __name__ == "__main__":
    small = {"object_store_memory": 100_000_000, "num_cpus": 1}
    cluster = Cluster(initialize_head=True, head_node_args=small)
    cluster.add_node(**small)
    print(cluster.address, flush=True)
    sys.stdin.read()  # until the test ends, however
    cluster.shutdown()
"""
CHANGING = """
import logging, sys, threading, time
from pathlib import Path
from ray.cluster_utils import Cluster
from detector.engines.ray import RECOUNT_SECONDS
from detector.options import ScanOptions
from detector.scanning import scan

class Begun(logging.Handler):
    workers = []
    def emit(self, record):
        if "begun on machine" in record.msg:
            self.workers.append(record.args[0])

if __name__ == "__main__":
    folder, out, weights = map(Path, sys.argv[1:4])
    small = {"object_store_memory": 100_000_000, "num_cpus": int(sys.argv[5])}
    cluster = Cluster(initialize_head=True, head_node_args=small)
    second = cluster.add_node(**small)
    logging.getLogger("detector.engines.ray").setLevel(logging.INFO)
    logging.getLogger("detector.engines.ray").addHandler(Begun())
    joined, lost = [], []

    def change(progress):
        if progress.done >= 20 and not joined:
            joined.append(cluster.add_node(**small))
        if joined and not lost and Begun.workers.count(joined[0].node_id) < int(sys.argv[5]):
            time.sleep(0.5)  # the scan would be done before
        elif progress.done >= 60 and not lost:
            lost.append(second)
            cluster.remove_node(second, allow_graceful=False)

    options = ScanOptions(paths=(folder,), out=out, weights=weights, engine="ray", workers=int(sys.argv[4]),
                          address=cluster.address)
    code = int(scan(options, change, threading.Event()).exit_code)
    print(code, len(lost), *sorted(map(Begun.workers.count, set(Begun.workers))))
    cluster.shutdown()
"""
MEASURING = """
import sys, threading
from pathlib import Path
import psutil
from detector.options import ScanOptions
from detector.scanning import scan

if __name__ == "__main__":
    folder, out, weights = map(Path, sys.argv[1:4])
    memory = {}

    def note(progress):
        if progress.done % int(sys.argv[5]) == 0 and not progress.step:
            memory[progress.done] = psutil.Process().memory_full_info().uss

    options = ScanOptions(paths=(folder,), out=out, weights=weights, engine="ray", workers=2,
                          address=sys.argv[4])
    code = int(scan(options, note, threading.Event()).exit_code)
    print(code, *(round(memory[done] / 1e6) for done in sorted(memory)))
"""

KEEPING = f"""
import sys, threading
from pathlib import Path
from detector import scanning
from detector.options import ScanOptions
from detector.storage import reports

if __name__ == "__main__":
    scanning.PART_FILES, scanning.PART_SECONDS, reports.STALE_SECONDS = {PART_FILES}, 3600.0, -1.0
    folder, out, weights = map(Path, sys.argv[1:4])
    looked_at = set()
    options = ScanOptions(paths=(folder,), out=out, weights=weights, engine="ray", workers=1,
                          address=sys.argv[4])
    ended = scanning.scan(options, lambda progress: looked_at.update(progress.in_hand), threading.Event())
    print(int(ended.exit_code), *looked_at)
"""


@contextmanager
def running_cluster(**variables: str) -> Iterator[str]:
    """The address of a cluster of two machines that outlives its drivers."""
    with subprocess.Popen(
        [sys.executable, "-c", RUNNING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=in_environment(ENVIRONMENT | variables),
    ) as cluster:
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        try:
            yield next(line for line in cluster.stdout if ":" in line).strip()
        finally:
            cluster.stdin.close()
            cluster.wait(60)


def run_script(folder: Path, code: str, *words: object) -> list[str]:
    """The last line that a driver prints, in words."""
    (folder / "driver.py").write_text(code)
    done = subprocess.run(
        [sys.executable, folder / "driver.py", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
        env=in_environment(ENVIRONMENT),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1].split()


def make_media(folder: Path, count: int) -> Path:
    """Photos with and without flags, copies of them, videos, and what cannot be read."""
    for number in range(count):
        name = f"{number // 50}/{number}"
        spots = [(number % 4, number % 3, RED if number % 2 else BLUE)] * (number % 5 > 0)
        match number % 10:
            case 7:
                save(scenery(number - 1, *spots), folder / f"{name}.jpg", quality=60)
            case 8:
                (folder / f"{name}.png").write_bytes(b"broken")
            case 9 if number % 30 == 9:
                write_video(
                    folder / f"{name}.mp4", [scenery(number + step // 5, *spots) for step in range(20)]
                )
            case _:
                save(
                    scenery(number - number % 20 if number % 10 == 3 else number, *spots),
                    folder / f"{name}.png",
                )
    return folder


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(PICTURES):
        save(scenery(number, (number % 4, number % 3, RED)), tmp_path / "in" / f"{number}.png")
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("workers", "processors"),  # 0: as many as there is room for; 3: more than that at first
    [(0, 1), (3, 1), (0, 2), (6, 2)],
)
def test_machines_join_and_are_lost_and_no_file_is(
    many: Path, tmp_path: Path, fake_weights: Path, workers: int, processors: int
) -> None:
    scan_folder(many, tmp_path / "local", fake_weights)
    said = run_script(tmp_path, CHANGING, many, tmp_path / "ray", fake_weights, workers, processors)
    assert said == ["0", "1", *3 * [str(processors)]]
    assert tables(tmp_path / "ray") == tables(tmp_path / "local")


def test_a_cluster_that_refuses_the_token_is_said_to_ask_for_one(
    many: Path, tmp_path: Path, fake_weights: Path
) -> None:
    words = ("scan", many, "--out", tmp_path / "ray", "--weights", fake_weights, "--engine", "ray")
    with running_cluster(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="a" * 64) as address:
        done = subprocess.run(
            [sys.executable, "-m", "detector", *map(str, words), "--address", address],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=in_environment(ENVIRONMENT | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "b" * 64}),
        )
    assert done.returncode == 6
    assert "is RAY_AUTH_TOKEN here the token that it asks for?" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_generated_files_give_the_same_tables_and_pictures_as_with_the_local_engine(
    tmp_path: Path, fake_weights: Path
) -> None:
    media = make_media(tmp_path / "in", GENERATED)
    scan_folder(media, tmp_path / "local", fake_weights)
    with running_cluster() as address:
        command = [
            sys.executable,
            "-m",
            "detector",
            "scan",
            str(media),
            "--out",
            str(tmp_path / "ray"),
            "--quiet",
        ]
        command += ["--weights", str(fake_weights), "--engine", "ray", "--address", address]
        done = subprocess.run(command, check=False, timeout=1500, env=in_environment(ENVIRONMENT))
    assert done.returncode == 1  # some are broken
    assert tables(tmp_path / "ray") == tables(tmp_path / "local")
    for name in ("frames", "crops", "plain"):
        ours, theirs = (
            {path.name: path.read_bytes() for path in (tmp_path / engine / name).iterdir()}
            for engine in ("local", "ray")
        )
        assert ours == theirs
    assert len(read_table(tmp_path / "ray" / "files.csv")) == GENERATED


def test_the_driver_needs_no_more_memory_for_more_files(tmp_path: Path, fake_weights: Path) -> None:
    for number in range(SMALL):
        shade = (100 + number % 100, 100 + number // 100, 128)
        spots = [(1, 1, RED)] * (number % 100 == 0)
        image = picture(*spots)
        image[:32] = shade
        save(image, tmp_path / "in" / f"{number // 1000}" / f"{number}.png")
    with running_cluster() as address:
        words = (tmp_path / "in", tmp_path / "ray", fake_weights, address, SMALL // 10)
        code, *memory = run_script(tmp_path, MEASURING, *words)
    assert code == "0"
    log.info("MB of the driver after every tenth of the files: %s", memory)
    assert len(memory) > 9
    assert int(memory[-1]) - int(memory[2]) < FLAT_MB, memory


@contextmanager
def storage_for(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    pytest.importorskip("moto", reason="the test extra is not installed")
    with storage_server() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield Bucket()


def test_a_driver_of_ray_killed_after_something_was_kept_looks_at_none_of_that_again(
    many: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_folder(many, tmp_path / "local", fake_weights)
    (tmp_path / "driver.py").write_text(KEEPING)
    with storage_for(monkeypatch) as bucket, running_cluster() as address:
        bucket.put_folder(many, "in")
        words = (bucket.path("in"), bucket.path("out"), fake_weights, address)
        command = [sys.executable, str(tmp_path / "driver.py"), *map(str, words)]
        with subprocess.Popen(command, env=in_environment(ENVIRONMENT)) as scan:
            while len(bucket.keys("out/parts/")) < 3:
                assert scan.poll() is None, "it was done before anything was kept"
            scan.kill()
        kept = set()
        for part in bucket.fetch("out/parts", tmp_path / "parts").iterdir():
            with closing(sqlite3.connect(part)) as journal:
                kept |= {name for (name,) in journal.execute("SELECT name FROM inputs")}
        code, *looked_at = run_script(tmp_path, KEEPING, *words)
        bucket.fetch("out", tmp_path / "fetched")
    assert code == "0"
    assert len(kept) >= 3 * PART_FILES
    assert sorted(looked_at) == sorted({path.name for path in many.iterdir()} - kept)
    assert tables(tmp_path / "fetched") == tables(tmp_path / "local")


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_driver_killed_again_and_again_ends_with_the_same_tables(
    engine: str, many: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a storage, by kill -9, at any moment of the time that a whole scan takes; each run goes on from
    the parts of those before. A report that is done is compared, and another begun, until all kills are done.
    """
    scan_folder(many, tmp_path / "local", fake_weights)
    moment = random.Random(7)
    code = f"import detector.scanning as s, detector.storage.reports as r; s.PART_FILES = {PART_FILES}; "
    code += "r.STALE_SECONDS = -1.0; from detector.cli import main; main()"
    command = [sys.executable, "-c", code, "scan", str(many), "--weights", str(fake_weights)]
    command += ["--workers", "1", "--quiet", "--engine", engine]
    with storage_for(monkeypatch) as bucket, ExitStack() as stack:
        if engine == "ray":
            command += ["--address", stack.enter_context(running_cluster())]
        environment = in_environment(ENVIRONMENT | {"TMPDIR": str(tmp_path)})

        def begin(number: int) -> subprocess.Popen[bytes]:
            return subprocess.Popen([*command, "--out", str(bucket.path(f"{number}"))], env=environment)

        kills = kept = reports = 0
        began = time.monotonic()
        with begin(0) as scan:
            assert scan.wait(900) == 0
        seconds = time.monotonic() - began
        is_whole = False
        while kills < KILLS or not is_whole:
            with begin(reports) as scan:
                try:
                    assert scan.wait(moment.uniform(0, seconds) if kills < KILLS else 900) == 0
                except subprocess.TimeoutExpired:
                    scan.kill()
                    kills += 1
                    kept += bool(bucket.keys(f"{reports}/parts/"))
                is_whole = scan.returncode == 0
            if not is_whole:
                continue
            bucket.fetch(f"{reports}", tmp_path / f"{reports}")
            assert tables(tmp_path / f"{reports}") == tables(tmp_path / "local"), reports
            reports += 1
    log.warning(
        "%s: a scan took %.0f s; %d kills, %d with parts kept; %d reports",
        engine,
        seconds,
        kills,
        kept,
        reports,
    )
    assert kept
    assert reports
