"""A loaded model in, the same out, if it can be believed: "nothing found" must not mean "nothing works"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from detector.errors import WeightsError
from detector.model.weights import find_self_test

if TYPE_CHECKING:
    from detector.model.flags import NetworkModel


def check_model(model: NetworkModel) -> NetworkModel:
    """Raises WeightsError when a flag that must be found is not."""
    info = model.info
    picture = find_self_test(info.path)
    if not picture.is_file():
        return model  # weights for other flags bring their own, or none
    image = cv2.imread(str(picture))
    if image is None:
        raise WeightsError(f"{picture} is no picture")
    (found,) = model.detect([np.asarray(image[..., ::-1], np.uint8)], info.floor)
    confidence, class_id = np.asarray(found.confidence), np.asarray(found.class_id)
    if not (confidence >= np.asarray(info.thresholds)[class_id]).any():
        raise WeightsError(f"{info.path} does not find the flags in {picture.name}, as they must")
    return model
