"""Weights in, what runs them out: ONNX Runtime, OpenVINO or torch."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.errors import UsageError, WeightsError
from detector.model.cache import cache_folder
from detector.model.cuda import CudaNetwork
from detector.offline import import_onnxruntime, import_openvino, import_ultralytics

Array = NDArray[np.float32]
Run = Callable[[Sequence[NDArray[Any]]], list[NDArray[Any]]]
"""All inputs of a network in, all outputs out, in the order in which its file names them and of its types."""


def load_onnx(path: Path, device: str, threads: int) -> tuple[Run, Mapping[str, str]]:
    """What runs an .onnx file, and the file's own properties. `device` is one of `options.DEVICES`.

    Raises WeightsError, or UsageError when the device is not to be had.
    """
    if device == "openvino":
        return _load_openvino(path, threads)
    onnxruntime = import_onnxruntime()

    def make_options() -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # images of many sizes: a plan for each costs memory
        options.add_session_config_entry("session.use_env_allocators", "1")
        return options

    try:
        if device == "cuda":
            network = CudaNetwork(onnxruntime, path, make_options)
            return network, network.properties
        session = onnxruntime.InferenceSession(path, make_options(), providers=["CPUExecutionProvider"])
    except UsageError:
        raise
    except Exception as error:  # its exceptions share no base class but this
        raise WeightsError(f"{path} cannot be loaded: {error}") from error
    properties: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    names = [place.name for place in session.get_inputs()]
    return lambda inputs: list(session.run(None, dict(zip(names, inputs, strict=True)))), properties


def _load_openvino(path: Path, threads: int) -> tuple[Run, Mapping[str, str]]:
    """The same on the CPU through OpenVINO, in the precision that the processor is fastest in.

    Compiled once for all shapes of input. What was compiled is kept for the next scan and other workers.
    """
    try:
        openvino = import_openvino()
    except ImportError as error:
        raise UsageError("--device openvino needs the openvino extra: pip install '.[openvino]'") from error
    settings: dict[str, object] = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    settings["ENABLE_CPU_PINNING"] = False  # else the only threads of all workers share one core
    if folder := cache_folder("openvino"):
        settings["CACHE_DIR"] = str(folder)
    core = openvino.Core()
    try:
        network = core.read_model(path)
    except RuntimeError as error:  # its last line says what is wrong, those before where that was found out
        raise WeightsError(f"{path} cannot be loaded: {str(error).strip().splitlines()[-1]}") from error
    known = network.get_rt_info()
    named = known["framework"].items() if "framework" in known else ()  # the file's own
    properties = {name: str(one.value) for name, one in named}
    _keep_edges_precise(openvino, network)
    request = core.compile_model(network, "CPU", settings).create_infer_request()

    def run(inputs: Sequence[Array]) -> list[Array]:
        request.infer(dict(enumerate(inputs)))
        outputs = request.output_tensors
        return [np.array(tensor.data, np.float32) for tensor in outputs]  # copies: the next call reuses them

    return run, properties


def _keep_edges_precise(openvino: Any, network: Any) -> None:
    """Has the edges of boxes summed up in whole floats: in half floats they are up to four pixels off.

    In ultralytics' networks the sum is a convolution, of which OpenVINO takes all for half floats.
    """
    operations = openvino.opset13
    for node in network.get_ops():
        if node.get_type_name() == "Convolution" and "/dfl/" in node.get_friendly_name():
            parts = operations.multiply(node.input_value(0), node.input_value(1))  # by (1, n, 1, 1)
            total = operations.reduce_sum(parts, [1], keep_dims=True)
            for place in node.output(0).get_target_inputs():
                place.replace_source_output(total.output(0))


def load_pt(weights: Path, device: str, threads: int) -> tuple[Callable[[Array], Array], tuple[str, ...]]:
    """What runs a detector of ultralytics, images in and raw output out, and its class names.

    Raises WeightsError, or UsageError when the device is not to be had.
    """
    try:
        import torch

        ultralytics = import_ultralytics()
    except ImportError as error:
        raise WeightsError(
            f"{weights} needs ultralytics: pip install '.[train]', or use the .onnx"
        ) from error
    if device == "openvino" or (device == "cuda" and not torch.cuda.is_available()):
        raise UsageError(f"device {device} is not to be had for {weights.name}; use cpu")
    torch.set_num_threads(threads)
    try:
        loaded = ultralytics.YOLO(weights, task="detect")
    except (RuntimeError, OSError, EOFError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{weights} cannot be loaded: {error}") from error
    module = loaded.model.float().eval().to(device)
    module.end2end = False  # of YOLO26 all boxes, too, in the layout of the others

    def network(images: Array) -> Array:
        with torch.inference_mode():
            output = module(torch.from_numpy(images).to(device))
        tensor = output[0] if isinstance(output, (list, tuple)) else output
        array: Array = tensor.cpu().numpy()
        return array

    return network, tuple(loaded.names[index] for index in range(len(loaded.names)))
