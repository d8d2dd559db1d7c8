"""An image in, the same fitted into a network's input out, and the way back for boxes."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

STRIDE = 32  # the network halves its input five times
PADDING_GREY = 114  # as in training, around crops and the detector's inputs


@dataclass(frozen=True, slots=True)
class Letterboxed:
    """An image fitted into the network's input, and the way back."""

    image: Image
    scale: float
    left: int
    top: int

    def to_original(self, xyxy: NDArray[Any]) -> NDArray[np.float64]:
        """Boxes (n, 4) from pixels of the input to pixels of the original."""
        return (xyxy.astype(np.float64) - self._offset) / self.scale

    def from_original(self, xyxy: NDArray[Any]) -> NDArray[np.float64]:
        """Boxes (n, 4) from pixels of the original to pixels of the input."""
        return xyxy.astype(np.float64) * self.scale + self._offset

    @property
    def _offset(self) -> NDArray[np.float64]:
        return np.array([self.left, self.top, self.left, self.top], np.float64)


def letterbox(image: Image, input_size: int) -> Letterboxed:
    """Scaled so that the long side is `input_size`, padded to a multiple of the stride.

    The same steps and roundings as ultralytics' LetterBox(auto=True), so that .onnx and .pt agree.
    """
    height, width = image.shape[:2]
    scale = min(input_size / height, input_size / width)
    new_width, new_height = max(round(width * scale), 1), max(round(height * scale), 1)
    if (new_height, new_width) != (height, width):
        image = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    pad_x, pad_y = (input_size - new_width) % STRIDE / 2, (input_size - new_height) % STRIDE / 2
    left, top = round(pad_x - 0.1), round(pad_y - 0.1)
    right, bottom = round(pad_x + 0.1), round(pad_y + 0.1)
    grey = (PADDING_GREY,) * 3
    padded = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=grey)
    return Letterboxed(padded.astype(np.uint8, copy=False), scale, left, top)
