"""The second engine gives what the first gives. Ray runs in processes of its own, never in this one."""

import json
import os
import signal
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.options import AUTO, ScanOptions, read_workers
from tests.buckets import Bucket, in_environment, storage_server
from tests.conftest import RED, REPOSITORY, write_picture
from tests.test_cutting import save_changed_copies
from tests.test_scan import scan_folder, tables

needs_ray = pytest.mark.skipif(not find_spec("ray"), reason="the cluster extra is not installed")
needs_storage = pytest.mark.skipif(
    not find_spec("moto") or not find_spec("s3fs"), reason="the cluster or test extra is not installed"
)
SECONDS = 250
PATHS = {"PYTHONPATH": str(REPOSITORY)}
CRASHING = """
import json, sys, threading
from pathlib import Path
from detector.engines.ray import Cluster, scan_files
from detector.sources import find_media
from tests.conftest import settings_for
from tests.engines.test_engines import CrashingMedia, KillingMedia

if __name__ == "__main__":
    folder, weights = map(Path, sys.argv[1:])
    out = folder / "out"
    out.mkdir()
    sound = list(find_media([folder / "in"]))
    bad = CrashingMedia(sound[0].root, "bad.png", "photo", sound[0].path, crashes=folder / "crashes", times=2)
    worse = KillingMedia(sound[0].root, "worse.png", "photo", sound[0].path, kills=folder / "kills")
    here = Cluster(address="", gpus_per_worker=0.0, place=out)
    media = [*sound[:2], bad, *sound[2:6], worse, *sound[6:]]
    results = scan_files(media, settings_for(weights, out), cluster=here, workers=1, file_timeout=200,
        stop=threading.Event())
    print(json.dumps({one.media.name: [one.status, one.reason] for one in results}))
"""


def scan_with_ray(folder: Path, out: Path, weights: Path, *more: str, **variables: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "detector", "scan", str(folder), "--out", str(out), *more]
    done = subprocess.run(
        [*command, "--weights", str(weights), "--engine", "ray"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env=in_environment(PATHS | variables),
    )
    return done.returncode, done.stdout + done.stderr


@needs_ray
@needs_storage
def test_tables_and_pictures_are_those_of_the_local_engine(
    downloads: Path, tmp_path: Path, fake_weights: Path
) -> None:
    for number in range(12):
        write_picture(downloads / "many" / f"{number}.png", (number % 4, number % 3, RED))
    save_changed_copies(downloads / "changed")
    scan_folder(downloads, tmp_path / "local", fake_weights)
    home = tmp_path / "home"
    home.mkdir()
    with storage_server() as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        bucket = Bucket()
        bucket.put_folder(downloads, "in")
        words = ("--workers", "2", "--quiet")
        code, output = scan_with_ray(
            bucket.path("in"), bucket.path("out"), fake_weights, *words, HOME=str(home)
        )
        assert code == 1, output
        bucket.fetch("out", tmp_path / "ray")
    assert tables(tmp_path / "ray") == tables(tmp_path / "local")
    for name in ("frames", "crops", "plain", "differences"):
        ours, theirs = (
            {path.name: path.read_bytes() for path in (tmp_path / engine / name).iterdir()}
            for engine in ("local", "ray")
        )
        assert ours == theirs
    assert list(home.iterdir()) == []  # Ray keeps no token and no settings there


@needs_ray
def test_what_kills_its_worker_or_its_actor_is_one_failed_row(tmp_path: Path, fake_weights: Path) -> None:
    for number in range(9):
        write_picture(tmp_path / "in" / f"{number}.png", (number % 4, number // 4, RED))
    (tmp_path / "crash.py").write_text(CRASHING)
    done = subprocess.run(
        [sys.executable, tmp_path / "crash.py", tmp_path, fake_weights],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env=in_environment(PATHS),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("bad.png") == ["failed", "its decoder crashed twice (exit code -9)"]
    assert found.pop("worse.png") == ["failed", "its worker ended twice (ActorDiedError)"]
    assert found == {f"{number}.png": ["ok", ""] for number in range(9)}
    assert len(list((tmp_path / "out" / "crops").iterdir())) == 9
    assert (tmp_path / "kills").read_text() == "xxx"  # once among others, of which none is to pay for it


@needs_ray
def test_a_signal_ends_it_as_it_ends_the_local_engine(tmp_path: Path, fake_weights: Path) -> None:
    for number in range(400):
        shade = (RED[0] - number % 20, RED[1] + number // 20, RED[2])  # copies would be done in no time
        write_picture(tmp_path / "in" / f"{number}.png", (number % 4, 0, shade))
    command = [sys.executable, "-m", "detector", "scan", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    command += ["--weights", str(fake_weights), "--engine", "ray", "--workers", "1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=in_environment(PATHS)
    ) as scan:
        try:
            clock = threading.Event()
            for _ in range(SECONDS * 4):
                if list((tmp_path / "out").glob("crops/*")) or scan.poll() is not None:
                    break
                clock.wait(0.1)
            scan.send_signal(signal.SIGTERM)
            output, _ = scan.communicate(timeout=SECONDS)
        finally:
            scan.kill()
    assert scan.returncode == 130, output
    assert b"Run the same command again" in output
    assert (tmp_path / "out" / "manifest.sha256").exists()


@needs_ray
def test_where_there_is_no_cluster_it_is_said(tmp_path: Path, fake_weights: Path) -> None:
    write_picture(tmp_path / "in" / "one.png")
    code, output = scan_with_ray(tmp_path / "in", tmp_path / "out", fake_weights, "--address", "127.0.0.1:1")
    assert code == 6
    assert "no Ray cluster can be used at 127.0.0.1:1" in output
    scan_folder(tmp_path / "in", tmp_path / "out", fake_weights)
    words = ("--address", "127.0.0.1:1")
    code, output = scan_with_ray(tmp_path / "in", tmp_path / "out", fake_weights, *words)
    assert code == 0, output  # all is known: none is needed


@needs_ray
def test_a_ray_that_cannot_begin_is_said_to_be_so(tmp_path: Path, fake_weights: Path) -> None:
    write_picture(tmp_path / "in" / "one.png")
    code = "import ray\ndef fail(**options): raise Exception('the node timed out')\nray.init = fail\n"
    code += "from detector.cli import main; main()"
    command = [sys.executable, "-c", code, "scan", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [*command, "--weights", str(fake_weights), "--engine", "ray"],
        capture_output=True,
        text=True,
        check=False,
        env=in_environment(PATHS),
    )
    assert done.returncode == 6
    assert "no Ray cluster can be used at this machine: the node timed out" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@needs_ray
def test_ray_is_told_to_send_nothing() -> None:
    code = "import detector, detector.engines.ray; from ray._common.usage import usage_lib as u; "
    code += "from detector.offline import keep_offline; keep_offline(); print(u.usage_stats_enabled())"
    without = {name: value for name, value in os.environ.items() if name != "RAY_USAGE_STATS_ENABLED"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=without | PATHS
    )
    assert done.stdout.strip() == "False"


def test_options_of_a_cluster_are_checked() -> None:
    assert (read_workers("auto"), read_workers("3")) == (AUTO, 3)
    with pytest.raises(UsageError, match="or auto"):
        read_workers("some")
    with pytest.raises(UsageError, match="are for --engine ray"):
        ScanOptions(paths=(Path(),), address="auto").check()
    with pytest.raises(UsageError, match="--engine must be one of"):
        ScanOptions(paths=(Path(),), engine="slurm").check()
    ScanOptions(paths=(Path(),), engine="ray", workers=1000).check()
