"""Weights in, Detections out."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.errors import WeightsError
from detector.model.classifier import Classifier, weigh
from detector.model.joining import NMS_IOU, join_rivals, suppress
from detector.model.letterbox import Letterboxed, letterbox
from detector.model.networks import load_onnx, load_pt
from detector.model.pieces import find_pieces, keep_whole
from detector.model.self_test import check_model
from detector.model.weights import WeightsInfo, read_weights_info
from detector.toolbox import sv

Image = NDArray[np.uint8]
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Images (n, 3, h, w), RGB in 0..1, in; (n, 4 + classes, anchors) out: centre x, centre y, width and height
in pixels of the input, then a confidence for each class."""

SAME_CROP_IOU = 0.8  # proposals that overlap more are looked at again once
MAX_SECOND_LOOKS = 64  # an image, and each piece of a very long one
MAX_CANDIDATES = 1000  # an image, before boxes of the same flag are joined
CLOSE_SIZE = 384  # pixels of input: in larger ones, beside such a one, only small boxes are believed
MAX_DISTANT_SIDE = 128  # pixels of input, a small box's longer side


class Model(Protocol):
    """What finds flags in images."""

    info: WeightsInfo

    def detect(self, images: Sequence[Image], floor: float | None = None) -> list[sv.Detections]:
        """One Detections for each upright RGB image (height, width, 3), most confident first.

        Boxes are pixels of the image. Every detection is at least as confident as `floor`, or, where none is
        given, as the threshold recommended for its class. Its `data` are: `rival_class_id` (class of the best
        overlapping detection of another class, -1 for none), `rival_confidence` (0 for none) and
        `ambiguous`. The weaker of two such detections is not given out.
        """


def load_model(
    weights: Path,
    *,
    detail: str = "standard",
    device: str = "cpu",
    threads: int = 1,
    classified: bool = True,
    trust_weights: bool = False,
) -> "NetworkModel":
    """The model in a .onnx (run by ONNX Runtime) or .pt file (run by ultralytics).

    The .toml says which kinds are reported. A detector that tells them apart proposes what it takes for one
    of them; with a classifier, any other need only find flags. `detail` is one of `options.DETAILS`, `device`
    of `options.DEVICES`; without `classified` the detector alone decides, between all that it knows. A .pt
    can run code when it is loaded, and has to be named in its .toml or trusted. Raises WeightsError, also
    when a network's output has another shape or it does not find what it must; UsageError where there is no
    such device.
    """
    info = read_weights_info(weights, detail=detail)
    if weights.suffix == ".pt" and not (info.is_named or trust_weights):
        raise WeightsError(
            f"{weights} can run code when it is loaded, and its .toml does not hold its sha256; "
            "if you trust who made it: --trust-weights"
        )
    network, names = _load_network(weights, device, threads)
    if not classified:
        return NetworkModel(replace(info, class_names=names), network)
    told_apart = set(info.class_names) <= set(names)
    proposing = tuple(names.index(name) for name in info.class_names) if told_apart else ()
    if info.classifier is None:
        if not told_apart:
            raise WeightsError(f"{weights} knows {names}, but its .toml says {info.class_names}")
        return check_model(NetworkModel(info, network, None, proposing))
    device = "cpu" if device == "openvino" else device  # small, and another shape for each number of crops
    second, known = _load_network(info.classifier.path, device, threads)
    missing = [kind for kind in info.classifier.kinds if kind not in known]
    if missing:
        raise WeightsError(f"{info.classifier.path} knows {known}, not {', '.join(missing)}")
    model = NetworkModel(info, network, Classifier(info.classifier, second, known), proposing)
    return check_model(model)


def _load_network(weights: Path, device: str, threads: int) -> tuple[Network, tuple[str, ...]]:
    """What runs the weights, and the names of their classes."""
    if weights.suffix == ".pt":
        return load_pt(weights, device, threads)
    if weights.suffix != ".onnx":
        raise WeightsError(f"{weights} is neither .onnx nor .pt")
    run, properties = load_onnx(weights, device, threads)
    try:
        names = ast.literal_eval(properties["names"])
        class_names = tuple(names[index] for index in range(len(names)))
    except (KeyError, TypeError, ValueError, SyntaxError) as error:
        raise WeightsError(f"{weights} does not name its classes; make it with scripts/convert.py") from error
    return lambda images: run([images])[0], class_names


class NetworkModel:
    """A network of ultralytics' raw detection layout with the steps before and after it."""

    def __init__(
        self,
        info: WeightsInfo,
        network: Network,
        classifier: Classifier | None = None,
        proposing: Sequence[int] = (),
    ) -> None:
        """``proposing`` are the detector's classes that count; all, if it is left out."""
        self.info = info
        self._network = network
        self.classifier = classifier
        self._proposing = [4 + number for number in proposing]

    def detect(self, images: Sequence[Image], floor: float | None = None) -> list[sv.Detections]:
        """See `Model`."""
        if floor is None:
            limits = np.array(self.info.thresholds, np.float32)
            found = self.detect(images, float(limits.min()))
            enough = [np.asarray(one.confidence) >= limits[np.asarray(one.class_id, int)] for one in found]
            return [cast("sv.Detections", one[kept]) for one, kept in zip(found, enough, strict=True)]
        if self.classifier:
            joining = self.classifier.info.joining
            flags = [_join_looks(look, joining, floor) for look in self.look_twice(images)]
        else:
            flags = [
                found[sv.box_non_max_suppression(found, NMS_IOU)] if len(found) else found
                for found in self._propose(images, floor)
            ]
        margin = self.info.ambiguity_margin
        return [join_rivals(found[:, :4], found[:, 4], found[:, 5].astype(int), margin) for found in flags]

    def look_twice(self, images: Sequence[Image]) -> "list[TwoLooks]":
        """For each image what the detector proposes, and what the classifier sees there."""
        if not self.classifier:
            raise ValueError("these weights have no classifier")
        looks = []
        proposed = self._propose(images, self.classifier.info.candidate_floor)
        for image, rows in zip(images, proposed, strict=True):
            ordered = rows[np.argsort(-rows[:, 4], kind="stable")]
            apart = ordered[suppress(ordered[:, :4], ordered[:, 4], SAME_CROP_IOU)]
            pieces = 1 + len(find_pieces(image.shape[1], image.shape[0]))
            apart = apart[: MAX_SECOND_LOOKS * pieces]
            xyxy = apart[:, :4]
            looks.append(TwoLooks(xyxy, apart[:, 4], self.classifier.classify(image, xyxy)))
        return looks

    def _propose(self, images: Sequence[Image], floor: float) -> Iterator[NDArray[np.float32]]:
        """All boxes of each image (n, 6) as `_read_output` gives them, from every input size, of a very long
        one from pieces of it, too.

        One image at a time: on a CPU a batch is no faster and costs memory.
        """
        for image in images:
            rows = [self._look_at(image, floor)]
            height, width = image.shape[:2]
            for piece in find_pieces(width, height):
                found = self._look_at(image[piece], floor)
                found[:, :4] += np.array([piece[1].start, piece[0].start] * 2, np.float32)
                rows.append(found[keep_whole(found[:, :4], piece, width, height)])
            yield np.concatenate(rows)

    def _look_at(self, image: Image, floor: float) -> NDArray[np.float32]:
        rows = [np.empty((0, 6), np.float32)]
        for size in self.info.input_sizes:
            boxed = letterbox(image, size)
            outputs = self._network(np.asarray(cv2.dnn.blobFromImage(boxed.image, 1 / 255), np.float32))
            if outputs.ndim != 3 or outputs.shape[0] != 1 or outputs.shape[1] <= max((4, *self._proposing)):
                raise WeightsError(f"{self.info.path} gives {outputs.shape}, not (1, 4 and classes, places)")
            output = outputs[0]
            if self._proposing:
                output = output[[*range(4), *self._proposing]]
            largest = find_largest_side(size, self.info.input_sizes)
            believed = output[:, output[2:4].max(axis=0) <= largest]
            rows.append(_read_output(believed, boxed, image.shape, floor))
        return np.concatenate(rows)


@dataclass(frozen=True, slots=True)
class TwoLooks:
    """Places in an image, as the detector and the classifier see them; the detector's surest first."""

    xyxy: NDArray[np.float32]
    """``(n, 4)`` pixels."""
    confidence: NDArray[np.float32]
    """``(n,)`` of the detector."""
    kinds: NDArray[np.float32]
    """``(n, kinds)`` of the classifier."""


def _join_looks(look: TwoLooks, joining: tuple[float, float, float], floor: float) -> NDArray[np.float32]:
    """Boxes with their confidence in every class after both looks (n, 6), where one reaches the floor."""
    confidence = weigh(look.confidence, look.kinds, joining)
    best, classes = confidence.max(axis=1, initial=0), confidence.shape[1]
    kept = np.flatnonzero(suppress(look.xyxy, best, NMS_IOU) & (best >= floor))
    box, class_id = np.repeat(kept, classes), np.tile(np.arange(classes), len(kept))
    return np.column_stack([look.xyxy[box], confidence[box, class_id], class_id]).astype(np.float32)


def find_largest_side(size: int, sizes: Sequence[int]) -> float:
    """Longer side in pixels of the largest box that is believed in an input of this size.

    Each size is asked for flags of the sizes it is good at (Singh and Davis 2018): where an image is also
    looked at in `CLOSE_SIZE` or less, the larger inputs are asked for distant flags only.
    """
    return MAX_DISTANT_SIDE if min(sizes) <= CLOSE_SIZE < size else np.inf


def _read_output(
    output: NDArray[np.float32], boxed: Letterboxed, shape: tuple[int, ...], floor: float
) -> NDArray[np.float32]:
    """Candidates (n, 6) as box in pixels of the image, confidence and class."""
    class_id, anchor = np.nonzero(output[4:] >= floor)
    confidence = output[4:][class_id, anchor]
    best = np.argsort(-confidence, kind="stable")[:MAX_CANDIDATES]
    class_id, confidence, centre = class_id[best], confidence[best], output[:4, anchor[best]].T
    corners = np.hstack([centre[:, :2] - centre[:, 2:] / 2, centre[:, :2] + centre[:, 2:] / 2])
    height, width = shape[:2]
    xyxy = boxed.to_original(corners).clip(0, (width, height, width, height))
    rows = np.column_stack([xyxy, confidence, class_id]).astype(np.float32)
    return rows[(rows[:, 2:4] > rows[:, :2]).all(axis=1)]
