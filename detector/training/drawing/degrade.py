"""A clean picture in, the picture as phones, platforms and weather leave it out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


def degrade_picture(picture: Picture, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Haze, night, blur, tone, noise, resampling, sharpening, JPEG, each with its chance; RGB 0 to 255 in."""
    if rng.random() < 0.07:
        picture = _add_smoke(picture, rng)
    if rng.random() < 0.12:
        picture = picture * np.array(rng.uniform(0.35, 0.7) * rng.uniform(0.8, 1.15, 3), np.float32)
    if rng.random() < 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.6))), np.float32)
    if rng.random() < 0.12:
        picture = _blur_motion(picture, rng)
    picture = _change_tone(picture, rng)
    if rng.random() < 0.3:
        height, width = picture.shape[:2]
        factor = float(rng.uniform(0.45, 0.95))
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    if rng.random() < 0.2:
        picture = picture + float(rng.uniform(0.3, 0.9)) * (picture - cv2.GaussianBlur(picture, (0, 0), 1.2))
    if rng.random() < 0.5:
        noise = rng.normal(0, rng.uniform(1, 9), picture.shape).astype(np.float32)
        picture = picture + (cv2.GaussianBlur(noise, (0, 0), 0.7) * 1.6 if rng.random() < 0.5 else noise)
    image = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.75:
        image = _recompress(image, int(rng.integers(35, 92)))
    return np.ascontiguousarray(image)


def _add_smoke(picture: Picture, rng: np.random.Generator) -> Picture:
    height, width = picture.shape[:2]
    clouds = cv2.resize(
        rng.uniform(0, 1, (5, 5)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    share = np.clip(clouds * float(rng.uniform(0.3, 0.8)), 0, 0.75)[..., None]
    colour = np.array(rng.uniform(120, 235) * rng.uniform(0.92, 1.05, 3), np.float32)
    return np.asarray(picture + share * (colour - picture), np.float32)


def _blur_motion(picture: Picture, rng: np.random.Generator) -> Picture:
    length = int(rng.integers(3, 10))
    kernel: Picture = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), float(rng.uniform(0, 180)), 1)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    return np.asarray(cv2.filter2D(picture, -1, kernel / max(float(kernel.sum()), 1e-3)), np.float32)


def _change_tone(picture: Picture, rng: np.random.Generator) -> Picture:
    grey = picture.mean(axis=2, keepdims=True)
    picture = grey + float(rng.uniform(0.65, 1.3)) * (picture - grey)
    picture = (picture - 128) * float(rng.uniform(0.8, 1.25)) + 128 + float(rng.uniform(-18, 18))
    balance = np.array([rng.uniform(0.92, 1.08), 1, rng.uniform(0.92, 1.08)], np.float32)
    return np.asarray(
        255 * np.clip(picture * balance / 255, 0, 1) ** float(rng.uniform(0.75, 1.35)), np.float32
    )


def _recompress(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    encoded, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not encoded:
        raise ValueError("OpenCV could not write JPEG")
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(decoded, np.uint8)[..., ::-1])
