"""Data sets and a detector of named flags in, a data set and start weights for a detector of any flag out.

Where a flag is, can be learned from every flag; which one it is, the classifier says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detector.offline import import_ultralytics

NAME = "flag"


def join_sets(sets: Sequence[Path], out: Path, *, split: str = "train") -> Path:
    """Writes ``out/data.yaml``: the pictures of all sets, each flag in them of one class; returns it.

    Pictures are linked, not copied, and listed one by one: of a folder that is a link ultralytics would read
    the labels beside what it leads to. ``val`` is one of them: training does not look at it.
    """
    listed: list[str] = []
    for number, one in enumerate(sets):
        root = out / f"{number}-{one.name}"
        labels = root / "labels" / split
        labels.mkdir(parents=True, exist_ok=True)
        images = root / "images" / split
        images.parent.mkdir(exist_ok=True)
        if not images.exists():
            images.symlink_to((one / "images" / split).resolve(), target_is_directory=True)
        for path in sorted((one / "labels" / split).glob("*.txt")):
            (labels / path.name).write_text("".join(_read_flags(one, split, path.name)), encoding="ascii")
        listed += [f"{path.absolute()}\n" for path in sorted(images.iterdir())]
    (out / "train.txt").write_text("".join(listed), encoding="utf-8")
    (out / "val.txt").write_text(listed[0], encoding="utf-8")
    data = out / "data.yaml"
    lines = [f"path: {out.resolve()}", "train: train.txt", "val: val.txt", f"names:\n  0: {NAME}"]
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return data


def _read_flags(folder: Path, split: str, name: str) -> list[str]:
    """Lines of all flags in a picture, targets and others, as of class 0."""
    files = [folder / kind / split / name for kind in ("labels", "others")]
    lines = [line for file in files if file.exists() for line in file.read_text("ascii").splitlines()]
    return [f"0 {line.partition(' ')[2]}\n" for line in lines]


def start_any_flag(detector: Path, out: Path) -> Path:
    """Writes the weights of a detector with one class, whose outputs are the mean of those it had."""
    import_ultralytics()
    import torch

    saved = torch.load(detector, map_location="cpu", weights_only=False)
    model: Any = (saved.get("ema") or saved["model"]).float()
    head = model.model[-1]
    for branch in head.cv3:
        old = branch[-1]
        new = torch.nn.Conv2d(old.in_channels, 1, 1)
        new.weight.data = old.weight.data.mean(0, keepdim=True)
        new.bias.data = old.bias.data.mean(0, keepdim=True)
        branch[-1] = new
    head.nc, head.no = 1, 1 + head.reg_max * 4
    model.nc, model.yaml["nc"], model.names = 1, 1, {0: NAME}
    torch.save({**saved, "model": model.half(), "ema": None}, out)
    return out
