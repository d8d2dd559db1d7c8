"""Scans damaged media: python scripts/fuzz.py --mutants 20000 --out fuzz.json

Every format that is read is made small, damaged in a way that a number stands for, read by the readers alone
and scanned by the command, many in a folder. Exit code 1 when something came of it that must not; needs the
extra test. `--only NUMBER` writes one mutant, to look into it.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import typer

from detector.cli import run_script

if TYPE_CHECKING:
    from tests.fuzzing.campaign import Tally

REPOSITORY = Path(__file__).resolve().parent.parent
REASONS = 60  # listed


def main(
    mutants: int = 1000,
    seed: int = 1,
    start: Annotated[int, typer.Option(help="Number of the first mutant.")] = 0,
    batch: Annotated[int, typer.Option(help="Mutants in one scan.")] = 500,
    workers: Annotated[int, typer.Option(help="Of a scan.")] = 2,
    out: Path = Path("fuzz.json"),
    only: Annotated[int | None, typer.Option(help="Write the mutant of this number here and end.")] = None,
) -> int:
    """Tries damaged media of every format, prints how it goes, and writes the figures."""
    from tests.fake_weights import write_fake_weights
    from tests.fuzzing.campaign import Plan, try_mutants
    from tests.fuzzing.corpus import make_corpus
    from tests.fuzzing.mutants import make_mutant

    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        work = Path(name)
        if only is not None:
            mutant = make_mutant(make_corpus(work), seed, only)
            Path(f"{mutant.number:06}-{mutant.seed_name}").write_bytes(mutant.content)
            print(mutant.number, mutant.seed_name, *mutant.mutators)
            return 0
        started = time.monotonic()

        def tell(tally: "Tally") -> None:
            seconds = time.monotonic() - started
            print(f"{tally.mutants} mutants, {len(tally.wrong)} wrong, {seconds:.0f} s", flush=True)
            figures = {"commit": _commit(), "seed": seed, "start": start}
            figures |= {"seconds": round(seconds)} | tally.as_json(REASONS)
            out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")

        plan = Plan(
            mutants=mutants,
            seed=seed,
            start=start,
            batch=batch,
            workers=workers,
        )
        (work / "weights").mkdir()
        tally = try_mutants(plan, work, write_fake_weights(work / "weights"), tell)
    print(*tally.wrong, sep="\n")
    return int(bool(tally.wrong))


def _commit() -> str:
    git = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    run_script(main)
