"""A weights file and its settings in, what they are out."""

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path

from detector.errors import WeightsError
from detector.model.classifier import ClassifierInfo, read_classifier_info
from detector.regular import read_regular

MIN_SIZE, MAX_SIZE = 32, 4096  # pixels of a network's input


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
    is_named: bool = False
    """Whether the .toml holds the hash of this very file: then its maker is that of the .toml."""


def read_weights_info(weights: Path, *, detail: str = "standard") -> WeightsInfo:
    """What the weights are, without loading them, with the input sizes of one level of `options.DETAILS`.

    Raises WeightsError.
    """
    settings_path = weights.with_suffix(".toml")
    try:
        sha256 = hashlib.sha256(read_regular(weights)).hexdigest()
    except OSError as error:
        raise WeightsError(f"no weights at {weights} ({error.strerror}); see weights/README.md") from error
    try:
        settings = tomllib.loads(read_regular(settings_path).decode())
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
        expected = settings.get("weights_sha256", {}).get(weights.suffix.lstrip("."), "")
    except OSError as error:
        raise WeightsError(
            f"no settings at {settings_path} ({error.strerror}); "
            "scripts/convert.py writes them beside the weights"
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{settings_path} is not understood: {error!r}") from error
    if expected and expected != sha256:
        raise WeightsError(
            f"{settings_path} was written for other weights than {weights}; run scripts/convert.py"
        )
    for what, is_sound in _check(info):
        if not is_sound:
            raise WeightsError(f"{settings_path} makes no sense: {what}")
    return replace(info, is_named=bool(expected))


def find_self_test(weights: Path) -> Path:
    """The picture beside the weights in which they must find a flag, if there is one."""
    return weights.with_name(f"{weights.stem}-self-test.jpg")


def _check(info: WeightsInfo) -> Iterator[tuple[str, bool]]:
    """What has to hold of the settings: numbers that are none, or of another kind, would find nothing."""
    names, sizes = info.class_names, info.input_sizes
    yield "class_names must be there, and differ", 0 < len(names) == len(set(names))
    sizes_sound = bool(sizes) and all(MIN_SIZE <= size <= MAX_SIZE for size in sizes)
    yield f"input_sizes must be from {MIN_SIZE} to {MAX_SIZE}", sizes_sound
    yield "floor must be more than 0 and at most 1", 0 < info.floor <= 1
    yield "ambiguity_margin must be from 0 to 1", 0 <= info.ambiguity_margin <= 1
    yield "thresholds must be more than 0 and at most 1", all(0 < one <= 1 for one in info.thresholds)
    second = info.classifier
    if second:
        yield (
            f"the classifier's input_size must be at most {MAX_SIZE}",
            MIN_SIZE <= second.input_size <= MAX_SIZE,
        )
        yield "the classifier's context must be at least 1", 1 <= second.context < inf
        yield "candidate_floor must be more than 0 and at most 1", 0 < second.candidate_floor <= 1
        yield "joining must be numbers", all(isfinite(one) for one in second.joining)
