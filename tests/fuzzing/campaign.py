"""How many mutants in, what they did to the readers and to scans out."""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzzing.corpus import SEEDS, make_corpus
from tests.fuzzing.mutants import Mutant, make_mutant
from tests.fuzzing.reading import read_all
from tests.fuzzing.scans import scan_damaged

BESIDE = {seed.name: seed.beside for seed in SEEDS if seed.beside}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is tried."""

    mutants: int
    seed: int = 1
    start: int = 0
    """Number of the first."""
    batch: int = 500
    """So many lie in the folder of one scan."""
    workers: int = 2


@dataclass(slots=True)
class Tally:
    """What has come of it so far."""

    mutants: int = 0
    scans: int = 0
    formats: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    peak_bytes: int = 0
    wrong: list[str] = field(default_factory=list)

    def as_json(self, reasons: int) -> dict[str, object]:
        """For a file, with the commonest reasons."""
        return {
            "mutants": self.mutants,
            "scans": self.scans,
            "formats": self.formats,
            "statuses": dict(self.statuses),
            "reasons": dict(self.reasons.most_common(reasons)),
            "peak_bytes": self.peak_bytes,
            "wrong": self.wrong,
        }


def try_mutants(plan: Plan, work: Path, weights: Path, tell: Callable[[Tally], None]) -> Tally:
    """Reads every mutant and scans all; each batch is gone after it. `tell` is called after each."""
    corpus = make_corpus(work / "corpus")
    tally = Tally(formats=len(corpus))
    end = plan.start + plan.mutants
    for first in range(plan.start, end, plan.batch):
        numbers = range(first, min(end, first + plan.batch))
        _try_batch([make_mutant(corpus, plan.seed, number) for number in numbers], plan, work, weights, tally)
        tell(tally)
    return tally


def write_mutant(mutant: Mutant, folder: Path, corpus: Mapping[str, bytes]) -> Path:
    """The mutant as a file; a damaged sidecar has a folder of its own and sound media beside it."""
    beside = BESIDE.get(mutant.seed_name, "")
    if not beside:
        path = folder / f"{mutant.number:06}-{mutant.seed_name}"
    else:
        path = folder / f"{mutant.number:06}" / mutant.seed_name
        path.parent.mkdir()
        (path.parent / "post.jpg").write_bytes(corpus[beside])
    path.write_bytes(mutant.content)
    return path


def _try_batch(batch: list[Mutant], plan: Plan, work: Path, weights: Path, tally: Tally) -> None:
    folder, report = work / "damaged", work / "report"
    folder.mkdir()
    corpus = {path.name: path.read_bytes() for path in (work / "corpus").iterdir()}
    paths = {write_mutant(mutant, folder, corpus): mutant for mutant in batch}
    media = [path for path, mutant in paths.items() if mutant.seed_name not in BESIDE]
    tally.wrong += [
        f"readers: {path.name}: {wrong} {_recipe(paths[path])}" for path, wrong in read_all(media)
    ]
    outcome = scan_damaged(folder, report, weights, plan.workers)
    tally.wrong += [f"scan: {line}" for line in outcome.wrong]
    tally.mutants += len(batch)
    tally.scans += 1
    tally.statuses += outcome.statuses
    tally.reasons += outcome.reasons
    tally.peak_bytes = max(tally.peak_bytes, outcome.peak_bytes)
    shutil.rmtree(folder)
    shutil.rmtree(report, ignore_errors=True)
    report.with_suffix(".trace").unlink(missing_ok=True)


def _recipe(mutant: Mutant) -> str:
    return f"({', '.join(mutant.mutators)})"
