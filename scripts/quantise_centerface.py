"""Writes the search for faces in 8 bits, from the parts in floats that `split_centerface.py` writes.

It takes the bytes of a picture and hands bytes from part to part. Channels of a tensor that hold far smaller
values than others would be lost in its 256 steps: they are scaled to more alike ranges first, which layers in
floats would not notice (Nagel et al. 2019, https://arxiv.org/abs/1906.04721). Weights take 7 bits, for
processors whose sums of 8-bit products overflow; the last layers stay in floats. Needs the train extra.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import onnxruntime
import typer
from numpy.typing import NDArray
from onnx import numpy_helper, version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from detector.cli import run_script
from detector.formats import claimed_kind
from detector.frames import read_image
from detector.pictures.annotate import shrink
from detector.pictures.faces import SEARCH_LONG_SIDE, STRIDE

OPSET = 17
CROP_WH = 640, 512  # of each photo, from its middle: enough values
SAMPLES = 400  # values of each tensor and photo
HIGH = 0.999  # of a channel's values in a photo; those above are left out of account
USUAL = 0.9  # of the photos
POWER = 0.5  # how far the ranges of channels are made alike before layers that mix them; fully before others
LAST = ("heatmap", "size", "offset")  # outputs; the layers that give them stay in floats
QUANTISED = ["Conv", "Add", "Relu", "ConvTranspose"]
PASSED_ON = ("fine", "coarse")  # from part to part
Range = tuple[float, float]
Tensor = tuple[str, NDArray[np.float32]]
"""Its name and values (1, c, rows, columns)."""


def main(
    floats: Annotated[Path, typer.Argument(help="Folder of first.onnx and rest.onnx in floats.")],
    photos: Annotated[list[Path], typer.Argument(help="Folders of photos, many with faces; not for tests.")],
    count: Annotated[int, typer.Option(help="Photos that ranges are measured on.")] = 300,
    out: Path = Path("detector/pictures/centerface"),
) -> None:
    """Writes both parts in 8 bits."""
    found = sorted(one for folder in photos for one in folder.rglob("*") if claimed_kind(one) == "photo")
    random.Random(0).shuffle(found)  # noqa: S311 (a sample)
    found = found[:count]
    parts = {name: fold_norms(onnx.load(floats / f"{name}.onnx")) for name in ("first", "rest")}
    usual = find_usual(watch(parts, found))
    for part in parts.values():
        balance(part, usual)
    ranges = find_ranges(watch(parts, found))
    ranges["image"] = 0.0, 255.0
    for name, part in parts.items():
        path = out / f"{name}.onnx"
        quantise(part, ranges, path)
        taking_bytes = take_bytes(onnx.load(path))
        onnx.checker.check_model(taking_bytes)
        onnx.save(taking_bytes, path)


def fold_norms(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with each BatchNormalization within the layer before it, and a name for each layer."""
    model = version_converter.convert_version(model, OPSET)
    weights = {one.name: one for one in model.graph.initializer}
    makers = {name: layer for layer in model.graph.node for name in layer.output}
    for norm in [layer for layer in model.graph.node if layer.op_type == "BatchNormalization"]:
        layer = makers[norm.input[0]]
        scale, shift, mean, variance = (numpy_helper.to_array(weights[name]) for name in norm.input[1:5])
        epsilon = next((one.f for one in norm.attribute if one.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        before = numpy_helper.to_array(weights[layer.input[2]]) if len(layer.input) > 2 else 0
        _scale(weights[layer.input[1]], factor[None, :, None, None])
        bias = np.asarray(before * factor + shift - mean * factor, np.float32)
        name = f"{norm.output[0]} bias"
        model.graph.initializer.append(numpy_helper.from_array(bias, name))
        del layer.input[2:]
        layer.input.append(name)
        layer.output[0] = norm.output[0]
        model.graph.node.remove(norm)
    for layer in model.graph.node:
        layer.name = f"{layer.op_type} {layer.output[0]}"
    return model


def _scale(weights: onnx.TensorProto, factor: NDArray[np.floating[Any]]) -> None:
    scaled = numpy_helper.to_array(weights).astype(np.float64) * factor
    weights.CopyFrom(numpy_helper.from_array(scaled.astype(np.float32), weights.name))


def watch(parts: Mapping[str, onnx.ModelProto], photos: Sequence[Path]) -> Iterator[Tensor]:
    """What each tensor holds in the middle of each photo."""
    sessions = {name: _open_watched(part) for name, part in parts.items()}
    for image in _read_crops(photos):
        given = {"image": image}
        for session in sessions.values():
            names = [one.name for one in session.get_outputs()]
            held = dict(zip(names, session.run(names, given), strict=True))
            yield from held.items()
            given = {name: held[name] for name in PASSED_ON if name in held}


def _open_watched(part: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """The part with what every layer gives as an output."""
    watched = onnx.ModelProto()
    watched.CopyFrom(part)
    outputs = {one.name for one in watched.graph.output}
    for name in (name for layer in part.graph.node for name in layer.output if name not in outputs):
        watched.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(watched.SerializeToString(), options)


def _read_crops(photos: Sequence[Path]) -> Iterator[NDArray[np.float32]]:
    for path in photos:
        image = shrink(read_image(path), SEARCH_LONG_SIDE)
        (height, width), (across, down) = image.shape[:2], CROP_WH
        top, left = max(0, (height - down) // 2), max(0, (width - across) // 2)
        image = image[top : top + down, left : left + across]
        height, width = (side // STRIDE * STRIDE for side in image.shape[:2])
        if height and width:
            yield np.asarray(image[:height, :width].transpose(2, 0, 1)[None], np.float32)


def find_usual(tensors: Iterable[Tensor]) -> dict[str, NDArray[np.floating[Any]]]:
    """How large each channel (c,) of each tensor usually is."""
    sizes: dict[str, list[NDArray[np.floating[Any]]]] = {}
    for name, values in tensors:
        sizes.setdefault(name, []).append(np.quantile(np.abs(values[0]), HIGH, axis=(1, 2)))
    return {name: np.quantile(np.array(of), USUAL, axis=0) for name, of in sizes.items()}


def balance(model: onnx.ModelProto, all_usual: Mapping[str, NDArray[np.floating[Any]]]) -> None:
    """Divides channels between two layers, of which one alone feeds the other, by how large they usually are
    beside the largest; in the next layer they are multiplied again, so that outputs stay the same.
    """
    weights = {one.name: one for one in model.graph.initializer}
    outputs = {one.name for one in model.graph.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for layer in model.graph.node:
        for name in layer.input:
            readers.setdefault(name, []).append(layer)
    for layer in (one for one in model.graph.node if one.op_type == "Conv"):
        name = layer.output[0]
        if [one.op_type for one in readers.get(name, [])] == ["Relu"]:
            name = readers[name][0].output[0]
        if name in outputs or [one.op_type for one in readers.get(name, [])] != ["Conv"]:
            continue
        after = readers[name][0]
        usual = all_usual[name]
        usual = np.maximum(usual, max(1e-4, float(usual.max()) * 1e-3))
        groups = next((one.i for one in after.attribute if one.name == "group"), 1)
        share = (usual / usual.max()) ** (1 if groups > 1 else POWER)
        _scale(weights[layer.input[1]], 1 / share[:, None, None, None])
        for bias in layer.input[2:]:
            _scale(weights[bias], 1 / share)
        back = share[:, None, None, None] if groups > 1 else share[None, :, None, None]
        _scale(weights[after.input[1]], back)


def find_ranges(tensors: Iterable[Tensor]) -> dict[str, Range]:
    """Of each tensor the range whose 256 steps stand for its values with the least squared error."""
    rng = np.random.default_rng(0)
    samples: dict[str, list[NDArray[np.float32]]] = {}
    limits: dict[str, Range] = {}
    for name, values in tensors:
        samples.setdefault(name, []).append(values.ravel()[rng.integers(0, values.size, SAMPLES)])
        low, high = limits.get(name, (0.0, 1e-3))
        limits[name] = min(low, float(values.min())), max(high, float(values.max()))
    return {name: _best_range(np.concatenate(samples[name]), within) for name, within in limits.items()}


def _best_range(values: NDArray[np.float32], within: Range) -> Range:
    lowest, highest = within
    lows = [0.0] if lowest == 0 else lowest * np.linspace(0.4, 1, 7)
    ranges = [(float(low), highest * share) for low in lows for share in np.linspace(0.3, 1, 15)]
    return min(ranges, key=lambda one: float(((_round(values, one) - values) ** 2).mean()))


def _round(values: NDArray[np.float32], within: Range) -> NDArray[np.float64]:
    low, high = within
    step = (high - low) / 255
    zero = round(-low / step)
    return np.asarray((np.clip(np.round(values / step) + zero, 0, 255) - zero) * step, np.float64)


def quantise(model: onnx.ModelProto, ranges: Mapping[str, Range], path: Path) -> None:
    """Writes the model with values and weights in 8 bits, but for the `LAST` layers."""
    limits = {
        name: [{"rmin": np.float32(low), "rmax": np.float32(high)}] for name, (low, high) in ranges.items()
    }
    # the output of a last layer may pass through an activation
    makers = {layer.output[0]: layer for layer in model.graph.node}
    last = [makers[name] for name in LAST if name in makers]
    last += [makers[one.input[0]] for one in last if one.op_type not in QUANTISED]
    quantize_static(
        model,
        path,
        _OnePicture(model),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=QUANTISED,
        nodes_to_exclude=[one.name for one in last],
        extra_options={"TensorQuantOverrides": limits, "ActivationSymmetric": False},
    )


class _OnePicture(CalibrationDataReader):  # type: ignore[misc]
    """One of noise, which ONNX Runtime asks for though all ranges are given."""

    def __init__(self, model: onnx.ModelProto) -> None:
        side = 128
        sizes = {"image": side, "fine": side // 4, "coarse": side // 8}
        rng = np.random.default_rng(0)
        self._given: list[dict[str, NDArray[np.float32]]] = [
            {
                one.name: rng.random(
                    (1, one.type.tensor_type.shape.dim[1].dim_value, *[sizes[one.name]] * 2), np.float32
                )
                for one in model.graph.input
            }
        ]

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return self._given.pop() if self._given else None


def take_bytes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with bytes for inputs, and for outputs that are `PASSED_ON`, without the step from floats."""
    graph = model.graph
    for one in graph.input:
        (to_bytes,) = (layer for layer in graph.node if one.name in layer.input)
        if to_bytes.op_type != "QuantizeLinear":
            raise ValueError(f"{one.name} goes into a layer in floats")
        _rename(graph, to_bytes.output[0], one.name)
        graph.node.remove(to_bytes)
        one.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    for one in graph.output:
        if one.name not in PASSED_ON:
            continue
        (to_floats,) = (layer for layer in graph.node if one.name in layer.output)
        inside = f"{one.name} in floats"
        _rename(graph, one.name, inside)
        _rename(graph, to_floats.input[0], one.name)
        if not any(inside in layer.input for layer in graph.node):
            graph.node.remove(to_floats)
        one.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    del graph.value_info[:]
    return model


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for layer in graph.node:
        for names in (layer.input, layer.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new


if __name__ == "__main__":
    run_script(main)
