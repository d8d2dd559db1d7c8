import signal
import sys
from multiprocessing import forkserver
from pathlib import Path

import pytest

from detector.processes import choose_context, import_early


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers import for themselves")
def test_what_workers_are_forked_from_does_not_hear_ctrl_c() -> None:
    handler = signal.getsignal(signal.SIGINT)
    import_early()
    assert signal.getsignal(signal.SIGINT) is handler
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    status = Path(f"/proc/{server}/status").read_text()
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    assert ignored >> (signal.SIGINT - 1) & 1


def test_where_no_socket_can_be_made_workers_import_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "x" * 90)
    assert choose_context().get_start_method() == "spawn"
