"""A search for faces in floats in, the same in 8 bits out: the same answers, nearly."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from detector.model import load_onnx
from scripts import quantise_centerface
from tests.test_evidence import save
from tests.test_parts import detailed

SIZES = {"image": 3, "fine": 4, "coarse": 4, "heatmap": 1, "size": 2, "offset": 2}
RNG = np.random.default_rng(0)


Convolution = tuple[str, NDArray[np.float32], dict[str, Any]]


def conv(
    name: str, inside: int, outside: int, groups: int = 1, step: int = 1, size: float = 3
) -> Convolution:
    shape = (outside, inside // groups, 3, 3)
    values = RNG.normal(0, size / np.sqrt(inside * 9 / groups), shape) * RNG.choice(
        [0.05, 1], (outside, 1, 1, 1)
    )
    return name, values.astype(np.float32), {"group": groups, "strides": [step, step], "pads": [1] * 4}


def write_part(
    path: Path, inputs: list[str], layers: list[tuple[str, str, str, Convolution | None]], outputs: list[str]
) -> None:
    """Layers are (kind, input, output, what `conv` gives)."""
    nodes, weights = [], []
    for kind, before, after, made in layers:
        if not made:
            nodes.append(helper.make_node(kind, [before], [after]))
            continue
        name, values, options = made
        weights.append(numpy_helper.from_array(values, name))
        nodes.append(helper.make_node("Conv", [before, name], [after], **options))
    declared = [
        [
            helper.make_tensor_value_info(
                name, onnx.TensorProto.FLOAT, ["n", SIZES[name], f"{name} r", f"{name} c"]
            )
            for name in names
        ]
        for names in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "made", *declared, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8), path)


@pytest.fixture
def floats(tmp_path: Path) -> Path:
    folder = tmp_path / "floats"
    folder.mkdir()
    write_part(
        folder / "first.onnx",
        ["image"],
        [
            ("Conv", "image", "a", conv("wa", 3, 4, step=4, size=0.02)),
            ("Relu", "a", "b", None),
            ("Conv", "b", "c", conv("wc", 4, 4, groups=4)),
            ("Relu", "c", "fine", None),
            ("Conv", "fine", "d", conv("wd", 4, 4, step=2)),
            ("Relu", "d", "coarse", None),
        ],
        ["fine", "coarse"],
    )
    write_part(
        folder / "rest.onnx",
        ["fine", "coarse"],
        [
            ("Conv", "fine", "e", conv("we", 4, 4)),
            ("Relu", "e", "f", None),
            ("Conv", "f", "g", conv("wg", 4, 1)),
            ("Sigmoid", "g", "heatmap", None),
            ("Conv", "f", "size", conv("ws", 4, 2)),
            ("Conv", "coarse", "h", conv("wh", 4, 4)),
            ("Relu", "h", "k", None),
            ("Conv", "k", "offset", conv("wo", 4, 2)),
        ],
        ["heatmap", "size", "offset"],
    )
    return folder


def run(folder: Path, image: NDArray[np.uint8], taken: type) -> list[NDArray[np.float32]]:
    first, rest = (load_onnx(folder / f"{name}.onnx", "cpu", 1)[0] for name in ("first", "rest"))
    return rest(first([image.transpose(2, 0, 1)[None].astype(taken)]))


def test_it_takes_bytes_and_finds_what_floats_find(floats: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for number in range(4):
        save(detailed(number), tmp_path / "photos" / f"{number}.png")
    quantise_centerface.main(floats, [tmp_path / "photos"], count=4, out=tmp_path / "out")
    image = np.ascontiguousarray(detailed(9)[:256, :256])
    for known, found in zip(
        run(floats, image, np.float32), run(tmp_path / "out", image, np.uint8), strict=True
    ):
        assert found.dtype == np.float32
        assert np.abs(found - known).mean() < 0.2 * known.std()


def test_channels_are_balanced_without_a_change_of_what_comes_out(floats: Path, tmp_path: Path) -> None:
    save(detailed(1), tmp_path / "1.png")
    part = quantise_centerface.fold_norms(onnx.load(floats / "first.onnx"))
    before = numpy_helper.to_array(part.graph.initializer[0]).copy()
    watched = quantise_centerface.watch({"first": part}, [tmp_path / "1.png"])
    quantise_centerface.balance(part, quantise_centerface.find_usual(watched))
    assert not np.allclose(numpy_helper.to_array(part.graph.initializer[0]), before)
    (tmp_path / "balanced").mkdir()
    onnx.save(part, tmp_path / "balanced" / "first.onnx")
    (tmp_path / "balanced" / "rest.onnx").write_bytes((floats / "rest.onnx").read_bytes())
    image = np.ascontiguousarray(detailed(9)[:256, :256])
    for known, found in zip(
        run(floats, image, np.float32), run(tmp_path / "balanced", image, np.float32), strict=True
    ):
        np.testing.assert_allclose(found, known, rtol=1e-3, atol=1e-4)
