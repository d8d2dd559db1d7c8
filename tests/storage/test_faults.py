"""A storage that throttles, does not answer, and breaks off uploads and downloads: nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.buckets import FAULTY_SERVER, Bucket, in_environment, storage_server
from tests.conftest import RED, REPOSITORY, write_picture
from tests.test_scan import scan_folder, tables

CODE = "import detector.scanning as s, detector.storage.places as p; s.PART_FILES, p.READ_SECONDS = 8, 2; "
CODE += "from detector.cli import main; main()"

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif("CLUSTER_TESTS" not in os.environ, reason="waits a lot: make test-cluster"),
]


def test_a_storage_that_fails_now_and_then_costs_no_file(
    downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    pytest.importorskip("s3fs", reason="the cluster extra is not installed")
    pytest.importorskip("moto", reason="the test extra is not installed")
    for number in range(24):
        write_picture(downloads / "many" / f"{number}.png", (number % 4, number % 3, RED))
    scan_folder(downloads, tmp_path / "local", fake_weights)
    with storage_server(FAULTY_SERVER) as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        bucket = Bucket()
        bucket.put_folder(downloads, "in")
        words = (f"s3://{bucket.name}/in", "--out", f"s3://{bucket.name}/out", "--weights", fake_weights)
        done = subprocess.run(
            [sys.executable, "-c", CODE, "scan", *map(str, words), "--workers", "2", "--quiet"],
            capture_output=True,
            text=True,
            check=False,
            env=in_environment({"PYTHONPATH": str(REPOSITORY)}),
        )
        assert done.returncode == 1, done.stdout + done.stderr  # a broken picture is among them
        faults = json.loads(bucket.ask("/faults"))
        bucket.fetch("out", tmp_path / "fetched")
    assert {"throttled", "no answer", "half an upload", "half a download"} == faults.keys()
    assert tables(tmp_path / "fetched") == tables(tmp_path / "local")
    for name in ("frames", "crops", "plain"):
        ours, theirs = (
            {path.name: path.read_bytes() for path in (tmp_path / report / name).iterdir()}
            for report in ("local", "fetched")
        )
        assert ours == theirs
