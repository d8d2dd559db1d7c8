"""A folder of damaged files in, a scan of it and all that is wrong with its outcome out."""

import csv
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

STATUSES = frozenset(("ok", "no_detection", "failed", "unsupported", "not_read"))
FAULTS = re.compile(r"unexpected|crashed|hangs|Traceback|object at 0x|Error:|time limit")
"""What no reason may say: that the tool met something nobody thought of, or that 0.1 s of video took ages."""
PATH = re.compile(r"(?<![\w.:<])/(?:[\w.-]+/)+|[A-Za-z]:\\")
NETWORK = re.compile(r"AF_INET6?\b")
ADDRESSES = 12 << 30
"""Of address space in any one, most of which is never used: past this a mutant would harm the machine."""
FILE_SECONDS, SCAN_SECONDS = 60, 3000
MAX_BYTES = 2 << 30
"""Of memory in any one process: media here has 96 × 64 pixels, but may claim to have more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scan of damaged files ended."""

    files: int
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    peak_bytes: int = 0
    wrong: tuple[str, ...] = ()
    """One line for each thing that must not be, with the file's name where it is of one file."""


def scan_damaged(folder: Path, report: Path, weights: Path, workers: int) -> Outcome:
    """Scans the folder with the command, as a user does, and checks what comes out."""
    command = [sys.executable, "-m", "detector", "scan", str(folder), "--out", str(report)]
    command += ["--weights", str(weights), "--workers", str(workers), "--file-timeout", str(FILE_SECONDS)]
    if shutil.which("prlimit"):
        command = ["prlimit", f"--as={ADDRESSES}", *command]
    said, asked = report.with_suffix(".txt"), report.with_suffix(".trace")
    if shutil.which("strace"):
        calls = [
            "strace",
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-e",
            "trace=connect,sendto,sendmsg",
            "-o",
            str(asked),
        ]
        command = [*calls, *command]
    with said.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as running:
        try:
            running.wait(SCAN_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            return Outcome(0, wrong=(f"the scan hangs: no end after {SCAN_SECONDS} s",))
    found = sum(1 for path in folder.rglob("*") if path.is_file())
    text = said.read_text(encoding="utf-8", errors="replace")
    wrong = []
    if asked.exists() and NETWORK.search(asked.read_text(errors="replace")):
        wrong.append("it has tried the network")
    if running.returncode not in (0, 1):
        return Outcome(found, wrong=(*wrong, f"exit code {running.returncode}: {text[-2000:]}"))
    if "Traceback" in text:
        wrong.append(f"a traceback: {text[text.index('Traceback') :][:2000]}")
    return _check_tables(folder, report, found, wrong)


def _check_tables(folder: Path, report: Path, found: int, wrong: list[str]) -> Outcome:
    with (report / "files.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    statuses = Counter(row["status"] for row in rows)
    if len(rows) != found or len({row["file"] for row in rows}) != found:
        wrong.append(f"{found} files, {len(rows)} rows")
    summary = json.loads((report / "summary.json").read_text(encoding="utf-8"))
    wrong += _compare_counts(summary, statuses, found)
    for row in rows:
        wrong += [f"{row['file']}: {fault}" for fault in find_faults(row, folder)]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024  # of any process so far
    if peak > MAX_BYTES:
        wrong.append(f"a process took {peak >> 20} MB")
    reasons = Counter(re.sub(r"[\d.,]+", "#", row["reason"])[:80] for row in rows if row["reason"])
    return Outcome(found, statuses, reasons, peak, tuple(wrong))


def _compare_counts(summary: dict[str, object], statuses: Counter[str], found: int) -> list[str]:
    counted = {name: summary[name] for name in (*STATUSES, "files")}
    seen = {name: statuses[name] for name in STATUSES} | {"files": found}
    return [] if counted == seen else [f"summary.json counts {counted}, files.csv {seen}"]


def find_faults(row: dict[str, str], folder: Path) -> list[str]:
    """What is wrong with a row of files.csv."""
    faults = []
    if row["status"] not in STATUSES:
        faults.append(f"status {row['status']}")
    if row["status"] in ("failed", "unsupported", "not_read") and not row["reason"]:
        faults.append(f"{row['status']} without a reason")
    if FAULTS.search(row["reason"]):
        faults.append(row["reason"])
    if PATH.search(row["reason"]) or str(folder) in row["reason"] or os.sep + "tmp" in row["reason"]:
        faults.append(f"a path in its reason: {row['reason']}")
    return faults
