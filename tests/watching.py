"""A command in, what it asked of the network and which files it wrote out, native libraries included.

It runs in a network namespace of its own, where nothing can be reached and the kernel counts what is tried,
and under strace, which sees every system call; either alone where the other is not to be had.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

CALLS = "network,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2"
NETWORK = re.compile(r"\b(connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET")
OURSELVES = 'inet_addr("127.0.0.1")'  # a review answers there
OPENED = re.compile(
    r"\b(?:openat|open|creat)\(.*(?:O_WRONLY|O_RDWR|O_CREAT|creat\().* = \d+<(?P<path>/[^>]*)>$"
)
MADE = re.compile(r"\bmkdir(?:at)?\((?:AT_FDCWD<(?P<cwd>[^>]*)>, )?\"(?P<path>[^\"]+)\".* = 0$")
COUNTED = ("OutNoRoutes", "Ip6OutNoRoutes", "OutDatagrams")  # packets with nowhere to go, and UDP's
NO_FILES = ("/dev/", "/proc/")  # among them the semaphores of multiprocessing, which have no name for long
IN_NAMESPACE = """
counted=$1; shift
"$@"; code=$?
cat /proc/net/snmp /proc/net/snmp6 > "$counted"
exit $code
"""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a command did."""

    returncode: int
    output: str
    asked: tuple[str, ...]
    """Calls that were to reach something outside this process by the network."""
    packets: int
    """That the kernel was to send, counted where a namespace is to be had."""
    written: frozenset[Path]
    """Files opened for writing and folders made."""

    @property
    def reached_out(self) -> bool:
        """Whether anything was asked of the network."""
        return bool(self.asked or self.packets)


@cache
def has_namespaces() -> bool:
    """Whether this user may make a network namespace."""
    unshare = shutil.which("unshare") or ""
    return (
        bool(unshare)
        and not subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode
    )


@cache
def has_mounts() -> bool:
    """Whether this user may mount a small disk where nobody else sees it."""
    words = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(words, capture_output=True, check=False).returncode
    )


@cache
def has_strace() -> bool:
    """Whether system calls can be traced."""
    strace = shutil.which("strace") or ""
    return (
        bool(strace)
        and not subprocess.run(
            [strace, "-o", "/dev/null", "true"], capture_output=True, check=False
        ).returncode
    )


def watch(command: Sequence[object], folder: Path, **environment: str) -> Watched:
    """Runs the command with `folder/home` and `folder/tmp` for its user's; `folder` holds what is noted."""
    folder.mkdir(parents=True, exist_ok=True)
    home, temporary = folder / "home", folder / "tmp"
    home.mkdir()
    temporary.mkdir()
    traced, counted = folder / "trace", folder / "counted"
    words = [str(word) for word in command]
    if has_strace():
        words = [
            "strace",
            "-ff",  # a file for each thread: in one file for all, calls made at a time are cut in two
            "-y",
            "-qq",
            "--seccomp-bpf",
            "-e",
            f"trace={CALLS}",
            "-o",
            str(traced),
            *words,
        ]
    if has_namespaces():
        words = ["unshare", "-rn", "sh", "-c", IN_NAMESPACE, "sh", str(counted), *words]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(home, temporary) | environment,
    )
    trace = [line for one in folder.glob("trace.*") for line in one.read_text(errors="replace").splitlines()]
    return Watched(
        done.returncode,
        done.stdout + done.stderr,
        tuple(line for line in trace if NETWORK.search(line) and OURSELVES not in line),
        count_packets(counted.read_text()) if counted.exists() else 0,
        frozenset(path for line in trace if (path := _written(line))),
    )


def clean_environment(home: Path, temporary: Path) -> dict[str, str]:
    """Of a user who has set nothing: libraries keep quiet where variables say that this is a test."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}


def count_packets(text: str) -> int:
    """Packets that were to leave: /proc/net/snmp has lines of names and of counts, snmp6 a line for each."""
    lines = [line.split() for line in text.splitlines()]
    pairs = [(line[0], line[1]) for line in lines if len(line) == 2]
    for names, counts in pairwise(lines):
        if names[0] == counts[0] and names[0].endswith(":"):
            pairs += zip(names[1:], counts[1:], strict=True)
    return sum(int(count) for name, count in pairs if name in COUNTED)


def _written(line: str) -> Path | None:
    if opened := OPENED.search(line):
        path = opened["path"]
    elif made := MADE.search(line):
        path = os.path.join(made["cwd"] or "/", made["path"])  # noqa: PTH118 (the second may be absolute)
    else:
        return None
    return None if path.startswith(NO_FILES) else Path(path)
