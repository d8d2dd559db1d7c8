"""What takes long: machines that are lost, drivers that are killed. `make test-cluster` runs it."""

import os
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.buckets import Bucket, in_environment, storage_server
from tests.conftest import RED, REPOSITORY, write_picture
from tests.test_scan import scan_folder, tables

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif("CLUSTER_TESTS" not in os.environ, reason="takes minutes: make test-cluster"),
    pytest.mark.skipif(not find_spec("ray"), reason="the cluster extra is not installed"),
]
PICTURES = 120
LOSING = """
import sys, threading
from pathlib import Path
from ray.cluster_utils import Cluster
from detector.options import ScanOptions
from detector.scanning import scan

if __name__ == "__main__":
    folder, out, weights = map(Path, sys.argv[1:4])
    small = {"object_store_memory": 100_000_000, "num_cpus": 1}
    cluster = Cluster(initialize_head=True, head_node_args=small)
    second = cluster.add_node(**small)
    lost = threading.Event()

    def lose(progress):
        if progress.done >= 20 and not lost.is_set():
            lost.set()
            cluster.remove_node(second, allow_graceful=False)

    options = ScanOptions(paths=(folder,), out=out, weights=weights, engine="ray", workers=int(sys.argv[4]),
                          address=cluster.address)
    print(int(scan(options, lose, threading.Event()).exit_code), lost.is_set())
    cluster.shutdown()
"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(PICTURES):
        write_picture(tmp_path / "in" / f"{number}.png", (number % 4, number % 3, RED))
    return tmp_path / "in"


@pytest.mark.parametrize("workers", ["0", "3"])  # 0: as many as there is room for; 3: more than that
def test_files_of_a_lost_machine_are_given_to_another(
    many: Path, tmp_path: Path, fake_weights: Path, workers: str
) -> None:
    scan_folder(many, tmp_path / "local", fake_weights)
    (tmp_path / "losing.py").write_text(LOSING)
    done = subprocess.run(
        [sys.executable, tmp_path / "losing.py", many, tmp_path / "ray", fake_weights, workers],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=in_environment({"PYTHONPATH": str(REPOSITORY), "RAY_USAGE_STATS_ENABLED": "0"}),
    )
    assert done.stdout.splitlines()[-1:] == ["0 True"], done.stdout + done.stderr
    assert tables(tmp_path / "ray") == tables(tmp_path / "local")


def test_a_driver_killed_again_and_again_ends_with_the_same_tables(
    many: Path, tmp_path: Path, fake_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a storage, by kill -9; each run goes on from the parts of those before."""
    pytest.importorskip("moto", reason="the test extra is not installed")
    scan_folder(many, tmp_path / "local", fake_weights)
    wait = random.Random(7)
    code = "import detector.scanning as s, detector.storage.reports as r; s.PART_FILES = 5; "
    code += "r.STALE_SECONDS = -1.0; from detector.cli import main; main()"
    with storage_server() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        bucket = Bucket()
        command = [sys.executable, "-c", code, "scan", str(many), "--out", str(bucket.path("out"))]
        command += ["--weights", str(fake_weights), "--workers", "1", "--quiet"]
        environment = in_environment({"PYTHONPATH": str(REPOSITORY)})
        kills = 0
        for _ in range(20):
            with subprocess.Popen(command, env=environment) as scan:
                try:
                    assert scan.wait(wait.uniform(2, 9)) == 0
                    break
                except subprocess.TimeoutExpired:
                    scan.kill()
                    kills += 1
        else:
            assert subprocess.run(command, env=environment, check=False, timeout=600).returncode == 0
        bucket.fetch("out", tmp_path / "fetched")
    assert kills
    assert tables(tmp_path / "fetched") == tables(tmp_path / "local")
