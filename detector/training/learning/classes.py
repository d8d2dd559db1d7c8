"""Data sets and a detector in, a data set and start weights for a detector of other classes out.

Where a flag is, can be learned from every flag: as one class, `ANY`, or as the targets and `OTHER` flags.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detector.errors import UsageError
from detector.model import OTHER
from detector.offline import import_ultralytics
from detector.training.drawing import TARGETS

ANY = ("flag",)
TARGETS_AND_OTHER = (*TARGETS, OTHER)
DOUBT = 2.0  # log-odds by which a class that is new beside known ones is thought less likely at first


def join_sets(sets: Sequence[Path], out: Path, classes: Sequence[str], *, split: str = "train") -> Path:
    """Writes ``out/data.yaml``: the pictures of all sets, with every flag in them as one of the classes.

    Pictures are linked, not copied, and listed one by one: of a folder that is a link ultralytics would read
    the labels beside what it leads to. ``val`` is one of them: training does not look at it.
    """
    listed: list[str] = []
    for number, one in enumerate(sets):
        if not (one / "images" / split).is_dir():
            raise UsageError(f"{one} is no data set: it has no folder images/{split}")
        root = out / f"{number}-{one.name}"
        labels = root / "labels" / split
        labels.mkdir(parents=True, exist_ok=True)
        images = root / "images" / split
        images.parent.mkdir(exist_ok=True)
        if not images.exists():
            images.symlink_to((one / "images" / split).resolve(), target_is_directory=True)
        for path in sorted((one / "labels" / split).glob("*.txt")):
            lines = _read_flags(one, split, path.name, classes)
            (labels / path.name).write_text("".join(lines), encoding="ascii")
        listed += [f"{path.absolute()}\n" for path in sorted(images.iterdir())]
    (out / "train.txt").write_text("".join(listed), encoding="utf-8")
    (out / "val.txt").write_text(listed[0], encoding="utf-8")
    data = out / "data.yaml"
    names = "\n".join(f"  {number}: {name}" for number, name in enumerate(classes))
    lines = [f"path: {out.resolve()}", "train: train.txt", "val: val.txt", f"names:\n{names}"]
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return data


def _read_flags(folder: Path, split: str, name: str, classes: Sequence[str]) -> list[str]:
    """Lines of all flags in a picture; numbers beyond the targets are flags that are none."""
    files = [folder / kind / split / name for kind in ("labels", "others")]
    found = [line for file in files if file.exists() for line in file.read_text("ascii").splitlines()]
    lines = []
    for line in found:
        kind, _, box = line.partition(" ")
        known = TARGETS_AND_OTHER[min(int(kind), len(TARGETS))] if classes != ANY else ANY[0]
        if known in classes:
            lines.append(f"{classes.index(known)} {box}\n")
    return lines


def change_classes(detector: Path, out: Path, classes: Sequence[str]) -> Path:
    """Writes start weights: outputs of known classes stay, new ones begin as the mean of all."""
    import_ultralytics()
    import torch

    saved = torch.load(detector, map_location="cpu", weights_only=False)
    model: Any = (saved.get("ema") or saved["model"]).float()
    known = list(model.names.values())
    rows = [known.index(name) if name in known else -1 for name in classes]
    doubt = DOUBT if max(rows) >= 0 else 0.0
    head = model.model[-1]
    for branch in head.cv3:
        old = branch[-1]
        weight, bias = old.weight.data, old.bias.data
        new = torch.nn.Conv2d(old.in_channels, len(classes), 1)
        new.weight.data = torch.stack([weight[row] if row >= 0 else weight.mean(0) for row in rows])
        new.bias.data = torch.stack([bias[row] if row >= 0 else bias.mean(0) - doubt for row in rows])
        branch[-1] = new
    head.nc, head.no = len(classes), len(classes) + head.reg_max * 4
    model.nc, model.yaml["nc"], model.names = len(classes), len(classes), dict(enumerate(classes))
    torch.save({**saved, "model": model.half(), "ema": None}, out)
    return out
