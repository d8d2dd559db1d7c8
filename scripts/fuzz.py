"""Scans damaged media: python scripts/fuzz.py --mutants 20000 --out fuzz.json

Every format that is read is made small, damaged in a way that a number stands for, read by the readers alone
and scanned by the command, many in a folder. Exit code 1 when something came of it that must not; needs the
extra test. `--only NUMBER` writes one mutant, to look into it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fake_weights import write_fake_weights
from tests.fuzzing.campaign import Plan, Tally, try_mutants
from tests.fuzzing.corpus import make_corpus
from tests.fuzzing.mutants import make_mutant

REPOSITORY = Path(__file__).resolve().parent.parent
REASONS = 60  # listed


def main() -> int:
    """Tries the mutants, prints how it goes, and writes the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--batch", type=int, default=500, help="mutants in one scan")
    parser.add_argument("--workers", type=int, default=2, help="of a scan")
    parser.add_argument("--out", type=Path, default=Path("fuzz.json"))
    parser.add_argument("--only", type=int, help="write the mutant of this number here and end")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        work = Path(name)
        if options.only is not None:
            mutant = make_mutant(make_corpus(work), options.seed, options.only)
            Path(f"{mutant.number:06}-{mutant.seed_name}").write_bytes(mutant.content)
            print(mutant.number, mutant.seed_name, *mutant.mutators)
            return 0
        started = time.monotonic()

        def tell(tally: Tally) -> None:
            seconds = time.monotonic() - started
            print(f"{tally.mutants} mutants, {len(tally.wrong)} wrong, {seconds:.0f} s", flush=True)
            figures = {"commit": _commit(), "seed": options.seed, "start": options.start}
            figures |= {"seconds": round(seconds)} | tally.as_json(REASONS)
            options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")

        plan = Plan(
            mutants=options.mutants,
            seed=options.seed,
            start=options.start,
            batch=options.batch,
            workers=options.workers,
        )
        (work / "weights").mkdir()
        tally = try_mutants(plan, work, write_fake_weights(work / "weights"), tell)
    print(*tally.wrong, sep="\n")
    return int(bool(tally.wrong))


def _commit() -> str:
    git = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
