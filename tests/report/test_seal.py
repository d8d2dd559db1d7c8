"""A time stamp over the manifest: asked for, answered by an authority of our own, checked."""

import shutil
import subprocess
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.report import Verification, accept_reply, request_seal, rewrite_report, verify_report
from tests.cli.test_cli import run_detector
from tests.reports import copy_samples

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="the authority here is openssl")
CONFIG = """
[tsa_section]
default_tsa = tsa
[tsa]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
[tsa_extensions]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[root_extensions]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
"""


class Authority:
    """What stamps whatever it is asked to, under a root certificate of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "config").write_text(CONFIG)
        (folder / "serial").write_text("01\n")
        key = ("-newkey", "rsa:2048", "-nodes")
        self.run(
            "req",
            "-x509",
            *key,
            "-keyout",
            "root.key",
            "-out",
            "root.pem",
            "-subj",
            "/CN=Root",
            "-days",
            "30",
            "-config",
            "/dev/null",
            "-addext",
            "basicConstraints=critical,CA:true",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        )
        self.run(
            "req",
            "-new",
            *key,
            "-keyout",
            "tsa.key",
            "-out",
            "tsa.csr",
            "-subj",
            "/CN=Stamps",
            "-config",
            "/dev/null",
        )
        self.run(
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            "-CA",
            "root.pem",
            "-CAkey",
            "root.key",
            "-days",
            "30",
            "-CAcreateserial",
            "-out",
            "tsa.pem",
            "-extfile",
            "config",
            "-extensions",
            "tsa_extensions",
        )
        self.root = folder / "root.pem"

    def run(self, *words: str) -> None:
        done = subprocess.run(
            ["openssl", *words], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def answer(self, request: Path) -> Path:
        words = ("-queryfile", str(request), "-out", "reply.tsr", "-config", "config", "-section", "tsa")
        self.run("ts", "-reply", *words)
        return self.folder / "reply.tsr"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def report(samples: Path, tmp_path: Path) -> Path:
    return copy_samples(samples, tmp_path)


def verify(report: Path) -> Verification:
    return verify_report(report, lambda _done, _total: None)


def test_a_stamped_manifest_is_confirmed(report: Path, authority: Authority) -> None:
    request = request_seal(report)
    assert verify(report).as_it_was  # a request alone says nothing
    seal = accept_reply(report, authority.answer(request), authority.root)
    found = verify(report)
    assert (found.seals, found.seals_broken, found.unknown) == ((seal,), (), ())
    assert seal.is_current
    assert found.as_it_was


def test_a_manifest_that_was_written_again_is_not_the_one_stamped(report: Path, authority: Authority) -> None:
    accept_reply(report, authority.answer(request_seal(report)), authority.root)
    (report / "manifest.sha256").write_text((report / "manifest.sha256").read_text() + "\n")
    (seal,) = verify(report).seals
    assert not seal.is_current


@pytest.mark.parametrize("suffix", [".sha256", ".tsr", ".pem"])
def test_a_changed_seal_does_not_hold(report: Path, authority: Authority, suffix: str) -> None:
    accept_reply(report, authority.answer(request_seal(report)), authority.root)
    (kept,) = (report / "seals").glob(f"*{suffix}")
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    found = verify(report)
    assert found.seals == ()
    assert len(found.seals_broken) == 1
    assert not found.as_it_was


def test_a_reply_of_another_authority_or_to_another_request_is_refused(
    report: Path, authority: Authority, tmp_path: Path
) -> None:
    reply = authority.answer(request_seal(report))
    with pytest.raises(UsageError, match="does not stamp this manifest under these certificates"):
        accept_reply(report, reply, Authority(tmp_path / "other").root)
    shutil.rmtree(report / "seals")
    with pytest.raises(UsageError, match="is no reply to a request of"):
        accept_reply(report, reply, authority.root)
    with pytest.raises(UsageError, match="is no time stamp"):
        accept_reply(report, authority.root, authority.root)


def test_the_command_writes_a_request_and_keeps_the_reply(report: Path, authority: Authority) -> None:
    done = run_detector("seal", report)
    assert done.returncode == 0
    (request,) = (report / "seals").glob("*.tsq")
    assert str(request) in done.stdout
    reply = authority.answer(request)
    assert run_detector("seal", report, "--reply", reply).returncode == 2
    done = run_detector("seal", report, "--reply", reply, "--root", authority.root)
    assert (done.returncode, done.stderr) == (0, "")
    done = run_detector("verify", report)
    assert "UTC: the manifest as it is now" in done.stdout
    assert done.returncode == 0
    rewrite_report(report)  # nothing was reviewed: it is the same again
    assert verify(report).seals[0].is_current
