"""A network on a GPU of NVIDIA: images in, its outputs out."""

import functools
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.errors import UsageError, WeightsError

PROVIDER = "CUDAExecutionProvider"
SETTINGS = {
    "cudnn_conv_algo_search": "HEURISTIC",  # trials would choose otherwise in each worker, and round so
    "use_tf32": "0",  # whole floats, as on the CPU
}
MAX_SHAPES = 16  # compiled at a time: each holds memory of the GPU
INSTEAD = "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]'; else --device cpu"
Images = NDArray[np.float32]


class CudaNetwork:
    """A network of one input, images (n, 3, height, width) in 0..1, compiled for each of their shapes.

    cuDNN's plans take a second, and ONNX Runtime makes them anew whenever a session's input has another shape
    than the one before: so each shape has a session of its own, and batches are filled up to the next power
    of two. Images filled up to squares would all have one shape, but that loses flags.
    """

    def __init__(self, onnxruntime: Any, path: Path, make_options: Callable[[], Any]) -> None:
        """`make_options` makes the options of a session. Raises UsageError where there is no such device."""
        self._missing = _load_libraries(onnxruntime)
        self._onnxruntime, self._path, self._make_options = onnxruntime, path, make_options
        session = self._begin(make_options())
        place = session.get_inputs()[0]
        self._name, self._dimensions = place.name, tuple(place.shape)
        self._compile = functools.lru_cache(MAX_SHAPES)(self._compile_for)
        self.properties: Mapping[str, str] = session.get_modelmeta().custom_metadata_map

    def __call__(self, inputs: Sequence[Images]) -> list[Images]:
        """Its outputs for the images, which are the only input. Raises WeightsError for want of memory."""
        [images] = inputs
        count = len(images)
        filled = np.zeros((1 << (count - 1).bit_length(), *images.shape[1:]), np.float32)
        filled[:count] = images
        state = self._onnxruntime.capi.onnxruntime_pybind11_state
        try:
            outputs = self._compile(filled.shape).run(None, {self._name: filled})
        except (state.RuntimeException, state.Fail) as error:
            reason = f"the GPU cannot run {self._path.name} ({error})"
            raise WeightsError(f"{reason}; fewer --workers need less of its memory") from error
        return [output[:count] for output in outputs]

    def _compile_for(self, shape: tuple[int, ...]) -> Any:
        options = self._make_options()
        for name, size in zip(self._dimensions, shape, strict=True):
            if isinstance(name, str):
                options.add_free_dimension_override_by_name(name, size)
        return self._begin(options)

    def _begin(self, options: Any) -> Any:
        session = self._onnxruntime.InferenceSession(self._path, options, providers=[(PROVIDER, SETTINGS)])
        if PROVIDER not in session.get_providers():  # it goes on with the CPU, and only logs
            missing = self._missing or "no GPU of NVIDIA with a driver that fits"
            raise UsageError(f"--device cuda is not to be had ({missing}): {INSTEAD}")
        return session


def _load_libraries(onnxruntime: Any) -> str:
    """Loads NVIDIA's libraries from where pip puts them; what is missing, "" for nothing.

    Raises UsageError when this ONNX Runtime can do nothing with them.
    """
    if PROVIDER not in onnxruntime.get_available_providers():
        raise UsageError(f"--device cuda is not to be had (this onnxruntime is for the CPU): {INSTEAD}")
    onnxruntime.set_default_logger_severity(4)  # what fails is said by who asked for it
    with redirect_stdout(io.StringIO()) as said:
        onnxruntime.preload_dlls()
    return said.getvalue().partition("\n")[0]
