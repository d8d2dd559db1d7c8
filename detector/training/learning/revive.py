"""A released classifier (.onnx) in, a network to go on training out: the same answers, batch norms anew.

A release holds convolutions into which their batch norms were folded. Each norm is given the mean and spread
of what its convolution puts out on the crops at hand, and undoes them: training starts where it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def revive(released: Path, network: Any, crops: Any) -> Any:
    """Loads the weights of ``released`` into the network; crops (n, 3, size, size) in 0..1 give the norms."""
    import onnx
    import torch
    from onnx import numpy_helper

    graph = onnx.load(str(released)).graph
    stored = {one.name: torch.tensor(numpy_helper.to_array(one)) for one in graph.initializer}
    nodes = {kind: [node for node in graph.node if node.op_type == kind] for kind in ("Conv", "Gemm")}
    network.eval()
    convolutions = _list_in_order(network, crops[:1])
    norms = {one.conv: one.bn for one in network.modules() if hasattr(one, "bn") and hasattr(one, "conv")}
    if len(convolutions) != len(nodes["Conv"]) or len(nodes["Gemm"]) != 1:
        raise ValueError(f"{released} is not a classifier of this kind")
    with torch.no_grad():
        for node, convolution in zip(nodes["Conv"], convolutions, strict=True):
            weight, bias = (stored[name] for name in node.input[1:3])
            convolution.weight.copy_(weight)
            _set_norm(norms[convolution], torch.zeros_like(bias), torch.ones_like(bias), bias)
        network.head.weight.copy_(stored[nodes["Gemm"][0].input[1]])
        network.head.bias.copy_(stored[nodes["Gemm"][0].input[2]])
        for convolution, (mean, variance) in _measure(network, convolutions, crops).items():
            norm = norms[convolution]
            _set_norm(norm, mean, variance, norm.bias.clone())
    return network


def _list_in_order(network: Any, crops: Any) -> list[Any]:
    """The convolutions, as they are come by."""
    import torch

    found: list[Any] = []
    hooks = [
        one.register_forward_hook(lambda module, _, __: found.append(module))
        for one in network.modules()
        if isinstance(one, torch.nn.Conv2d)
    ]
    with torch.no_grad():
        network(crops)
    for hook in hooks:
        hook.remove()
    return found


def _measure(network: Any, convolutions: Sequence[Any], crops: Any) -> dict[Any, tuple[Any, Any]]:
    """Mean and variance of each convolution's channels."""
    import torch

    found: dict[Any, tuple[Any, Any]] = {}

    def note(module: Any, _: Any, out: Any) -> None:
        found[module] = out.mean((0, 2, 3)), out.var((0, 2, 3))

    hooks = [one.register_forward_hook(note) for one in convolutions]
    with torch.no_grad():
        network(crops)
    for hook in hooks:
        hook.remove()
    return found


def _set_norm(norm: Any, mean: Any, variance: Any, bias: Any) -> None:
    """Gives a norm these statistics, and weights that undo them but for the bias."""
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(bias + mean)
