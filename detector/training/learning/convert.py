"""Trained weights in, the files of a release out: slim .pt, .onnx, and flags.toml with their settings."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from detector.errors import WeightsError
from detector.offline import import_ultralytics
from detector.training.drawing import KINDS, TARGETS
from detector.training.learning.train_classifier import CONTEXT, INPUT_SIZE, build_network

INPUT_SIZES: Mapping[str, Sequence[int]] = {  # long sides by detail; measured in weights/README.md
    "fast": (384,),
    "standard": (512,),
    "thorough": (1280, 512, 256),
}
EXPORT_SIZE = 640  # pixels; the network takes any
OPSET = 17
PATHS = ("data", "model", "project", "name", "save_dir")  # among the settings of a training
FLOOR = 0.05
FIRST_MARGIN = 0.2
CANDIDATE_FLOOR = 0.012  # of the detector, where a classifier takes a second look
FIRST_THRESHOLD = 0.4  # these two until calibrate has found better ones
FIRST_JOINING = (0.0, 0.5, 0.5)


def convert(trained: Path, out: Path, *, name: str = "flags") -> Path:
    """Writes ``NAME.pt`` (half precision, no optimizer), ``NAME.onnx`` and ``NAME.toml`` to ``out``.

    Thresholds are provisional until ``calibrate`` has found better ones. Returns the .onnx file.
    """
    YOLO = import_ultralytics().YOLO  # noqa: N806 (its name)

    out.mkdir(parents=True, exist_ok=True)
    slim, onnx = out / f"{name}.pt", out / f"{name}.onnx"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / slim.name
        _slim(trained, copy)
        exported = YOLO(str(copy)).export(
            format="onnx",
            imgsz=EXPORT_SIZE,
            dynamic=True,
            simplify=True,
            opset=OPSET,
            end2end=False,  # as in `networks.load_pt`
            device="cpu",
        )
        shutil.copy(copy, slim)
        shutil.copy(exported, onnx)
    names = tuple(YOLO(str(slim)).names.values())
    class_names = tuple(name for name in names if name in TARGETS) or TARGETS  # else the classifier says it
    write_settings(out / f"{name}.toml", class_names, [FIRST_THRESHOLD] * len(class_names))
    return onnx


def _slim(trained: Path, slim: Path) -> None:
    """Half precision, without the optimizer, and without the paths of the machine that trained."""
    import torch
    from ultralytics.utils.torch_utils import strip_optimizer

    strip_optimizer(str(trained), str(slim))
    if not slim.exists():
        raise WeightsError(f"{trained} holds no weights of ultralytics")
    saved = torch.load(slim, map_location="cpu", weights_only=False)
    for settings in (saved["train_args"], saved["model"].args):
        for name in PATHS:
            settings.pop(name, None)
    saved["model"].pt_path = None
    torch.save(saved, slim)


def convert_classifier(trained: Path, base: Path, out: Path, *, name: str = "flags") -> Path:
    """Writes ``NAME-classifier.onnx`` to ``out`` and its section to ``NAME.toml``; returns the .onnx file.

    ``base`` is the detector whose backbone the classifier was trained from; thresholds become provisional.
    """
    import onnx
    import torch

    network = build_network(base)
    network.load_state_dict(torch.load(trained, map_location="cpu", weights_only=True))
    path = out / f"{name}-classifier.onnx"
    torch.onnx.export(
        torch.nn.Sequential(network, torch.nn.Softmax(1)).eval(),
        (torch.zeros(2, 3, INPUT_SIZE, INPUT_SIZE),),
        str(path),
        input_names=["images"],
        output_names=["kinds"],
        dynamic_axes={"images": {0: "n"}, "kinds": {0: "n"}},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {"names": repr(dict(enumerate(KINDS)))})
    onnx.save(model, str(path))
    write_settings(out / f"{name}.toml", TARGETS, [FIRST_THRESHOLD] * len(TARGETS))
    return path


def write_settings(
    path: Path,
    class_names: Sequence[str],
    thresholds: Sequence[float],
    *,
    margin: float = FIRST_MARGIN,
    joining: Sequence[float] = FIRST_JOINING,
) -> None:
    """Writes the settings of the weights beside ``path``, with the SHA-256 of those that exist.

    ``margin`` is that of ambiguity; ``joining`` is the classifier's, if there is one.
    """
    weights = {suffix: path.with_suffix(f".{suffix}") for suffix in ("onnx", "pt")}
    digests = {
        suffix: hashlib.sha256(file.read_bytes()).hexdigest()
        for suffix, file in weights.items()
        if file.exists()
    }
    classifier = path.with_name(f"{path.stem}-classifier.onnx")
    text = _format_settings(class_names, thresholds, margin, digests)
    if classifier.exists():
        text += _format_classifier(classifier, joining)
    path.write_text(text, encoding="utf-8")


def _format_classifier(path: Path, joining: Sequence[float]) -> str:
    lines = [
        "",
        "[classifier]  # looks again at what the detector proposes",
        f'file = "{path.name}"',
        f'sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"',
        f"input_size = {INPUT_SIZE}  # pixels of a crop's side",
        f"context = {CONTEXT}  # side of a crop, in longer sides of the box",
        f"candidate_floor = {CANDIDATE_FLOOR}  # of the detector, from which a box is looked at again",
        f"joining = [{', '.join(f'{value:.3f}' for value in joining)}]  # of both looks; fitted",
    ]
    return "\n".join(lines) + "\n"


def _format_settings(
    class_names: Sequence[str], thresholds: Sequence[float], margin: float, digests: Mapping[str, str]
) -> str:
    names = ", ".join(f'"{name}"' for name in class_names)
    sizes = ", ".join(f"{detail} = {list(every)}" for detail, every in INPUT_SIZES.items())
    digest = ", ".join(f'{suffix} = "{value}"' for suffix, value in digests.items())
    lines = [
        f"class_names = [{names}]",
        f"input_sizes = {{ {sizes} }}  # long sides of the letterboxed inputs, pixels",
        f"floor = {FLOOR}  # confidence below which nothing is kept",
        f"ambiguity_margin = {margin}  # share of both by which a detection leads its rival, or is ambiguous",
        f"weights_sha256 = {{ {digest} }}",
        "",
        "[thresholds]  # recommended confidence, from scripts/evaluate.py",
        *(f"{name} = {threshold:.2f}" for name, threshold in zip(class_names, thresholds, strict=True)),
    ]
    return "\n".join(lines) + "\n"
