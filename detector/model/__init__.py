"""Images in, Detections out: the only package that runs networks on what is looked for."""

from detector.model.classifier import (
    EITHER,
    OTHER,
    Classifier,
    ClassifierInfo,
    cut_square,
    log_odds,
    split_kinds,
)
from detector.model.flags import (
    NMS_IOU,
    Model,
    NetworkModel,
    TwoLooks,
    WeightsInfo,
    are_ambiguous,
    find_leads,
    load_model,
    read_weights_info,
    suppress,
)
from detector.model.letterbox import PADDING_GREY
from detector.model.networks import Run, load_onnx

__all__ = [
    "EITHER",
    "NMS_IOU",
    "OTHER",
    "PADDING_GREY",
    "Classifier",
    "ClassifierInfo",
    "Model",
    "NetworkModel",
    "Run",
    "TwoLooks",
    "WeightsInfo",
    "are_ambiguous",
    "cut_square",
    "find_leads",
    "load_model",
    "load_onnx",
    "log_odds",
    "read_weights_info",
    "split_kinds",
    "suppress",
]
