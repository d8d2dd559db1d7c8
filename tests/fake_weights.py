"""Weights of a tiny network that a test can foresee: each 32-pixel square of red or blue is a detection."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

SIDE = 32
INPUT_SIZE = 128
TOML = """
class_names = ["azerbaijan", "kanak"]
input_sizes = [128]
floor = 0.05
ambiguity_margin = 0.2
[thresholds]
azerbaijan = 0.5
kanak = 0.5
"""


def write_fake_weights(folder: Path) -> Path:
    """Writes fake.onnx and fake.toml; returns the path of the first.

    The layout is that of `detector.model`. A square's confidence is its mean red less the larger of its
    mean green and blue for class 0, and the same with red and blue exchanged for class 1, all in 0..1.
    """
    path = folder / "fake.onnx"
    onnx.save(_network(), path)
    path.with_suffix(".toml").write_text(TOML, encoding="utf-8")
    return path


def _network() -> onnx.ModelProto:
    def node(kind: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(kind, inputs.split(), output.split(), **attributes)

    def number(name: str, value: float) -> onnx.TensorProto:
        return helper.make_tensor(name, TensorProto.FLOAT, [], [value])

    nodes = [
        node("AveragePool", "images", "means", kernel_shape=[SIDE, SIDE], strides=[SIDE, SIDE]),
        node("Split", "means", "red green blue", axis=1, num_outputs=3),
        node("Max", "green blue", "not_red"),
        node("Sub", "red not_red", "redness"),
        node("Clip", "redness zero one", "first"),
        node("Max", "green red", "not_blue"),
        node("Sub", "blue not_blue", "blueness"),
        node("Clip", "blueness zero one", "second"),
        node("Mul", "red zero", "zeros"),
        node("Add", "zeros side", "sides"),
        node("CumSum", "sides across", "rights"),
        node("CumSum", "sides down", "bottoms"),
        node("Sub", "rights half", "x"),
        node("Sub", "bottoms half", "y"),
        node("Concat", "x y sides sides first second", "grid", axis=1),
        node("Reshape", "grid shape", "output0"),
    ]
    graph = helper.make_graph(
        nodes,
        "fake",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["n", 6, "anchors"])],
        [
            *(number("zero", 0), number("one", 1), number("side", SIDE), number("half", SIDE / 2)),
            helper.make_tensor("across", TensorProto.INT64, [], [3]),
            helper.make_tensor("down", TensorProto.INT64, [], [2]),
            helper.make_tensor("shape", TensorProto.INT64, [3], [0, 6, -1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {"names": "{0: 'azerbaijan', 1: 'kanak'}"})
    return model
