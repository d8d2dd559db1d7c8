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
from detector.model.devices import choose_device, find_devices
from detector.model.flags import Model, NetworkModel, TwoLooks, load_model
from detector.model.joining import NMS_IOU, are_ambiguous, find_leads, suppress
from detector.model.letterbox import PADDING_GREY
from detector.model.networks import Run, load_onnx
from detector.model.weights import WeightsInfo, read_weights_info

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
    "choose_device",
    "cut_square",
    "find_devices",
    "find_leads",
    "load_model",
    "load_onnx",
    "log_odds",
    "read_weights_info",
    "split_kinds",
    "suppress",
]
