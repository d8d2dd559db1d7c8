"""A weights file and its settings in, what they are out."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from detector.errors import WeightsError
from detector.model.classifier import ClassifierInfo, read_classifier_info


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """What a weights file is; read from the .toml of the same name beside it."""

    path: Path
    sha256: str
    class_names: tuple[str, ...]
    input_sizes: tuple[int, ...]
    """Long sides of the network's input in pixels. An image is looked at in each: large flags are found in
    the smaller, distant ones in the larger."""
    floor: float
    """Confidence below which nothing is worth keeping."""
    ambiguity_margin: float
    """A detection that leads its rival by a smaller share of both confidences is ambiguous."""
    thresholds: tuple[float, ...]
    """Recommended confidence for each class."""
    classifier: ClassifierInfo | None = None
    """What takes the second look; none where the detector alone decides."""


def read_weights_info(weights: Path, *, detail: str = "standard") -> WeightsInfo:
    """What the weights are, without loading them, with the input sizes of one level of `options.DETAILS`.

    Raises WeightsError.
    """
    settings_path = weights.with_suffix(".toml")
    try:
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"no weights at {weights}; see weights/README.md") from error
    try:
        settings = tomllib.loads(settings_path.read_text(encoding="utf-8"))
        class_names = tuple(str(name) for name in settings["class_names"])
        sizes = settings["input_sizes"]
        sizes = sizes[detail] if isinstance(sizes, dict) else sizes  # a list is for every detail
        info = WeightsInfo(
            path=weights,
            sha256=sha256,
            class_names=class_names,
            input_sizes=tuple(int(size) for size in sizes),
            floor=float(settings["floor"]),
            ambiguity_margin=float(settings["ambiguity_margin"]),
            thresholds=tuple(float(settings["thresholds"][name]) for name in class_names),
            classifier=(
                read_classifier_info(weights, settings["classifier"], class_names)
                if "classifier" in settings
                else None
            ),
        )
        expected = settings.get("weights_sha256", {}).get(weights.suffix.lstrip("."), sha256)
    except OSError as error:
        raise WeightsError(
            f"no settings at {settings_path}; scripts/convert.py writes them beside the weights"
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{settings_path} is not understood: {error!r}") from error
    if expected != sha256:
        raise WeightsError(
            f"{settings_path} was written for other weights than {weights}; run scripts/convert.py"
        )
    return info
