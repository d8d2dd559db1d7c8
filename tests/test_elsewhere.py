"""What other systems lack: nothing that they lack is needed to import what scans."""

import subprocess
import sys

from tests.conftest import REPOSITORY

PROGRAM = """
import os, signal, sys
for name in ("fcntl", "resource", "termios", "pwd", "grp", "readline"):
    sys.modules[name] = None  # an import of it fails, as on Windows
for name in ("SIGHUP", "SIGKILL", "SIGUSR1"):
    delattr(signal, name)
for name in ("fork", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
    delattr(os, name)
import importlib, pathlib
package = pathlib.Path(sys.argv[1], "detector")
for path in sorted(package.rglob("*.py")):
    name = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
    if not name.startswith(("detector.training", "detector.__main__")):
        importlib.import_module(name)
print("imported")
"""


def test_all_that_scans_can_be_imported_without_what_only_unix_has() -> None:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(REPOSITORY)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert told.stdout.endswith("imported\n"), told.stderr[-2000:]
