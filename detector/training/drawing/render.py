"""A shape of cloth and an artwork in, a shaded cut-out of the flag as a camera sees it out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.training.drawing.cloth import Shapes, find_normals

OVERSAMPLING = 2
SUBPIXEL_BITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Where the cloth is seen from; angles in radians."""

    yaw: float
    pitch: float
    roll: float
    distance: float
    """In heights of the flag: small is strong perspective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """How the cloth is lit."""

    direction: NDArray[np.float32]
    """``(3,)`` unit vector towards the light."""
    ambient: float
    """Share of light that comes from everywhere."""
    translucency: float
    """Share of light from behind that shines through."""
    creases: float
    """Depth of fine wrinkles that the simulation does not hold."""


@dataclass(frozen=True, slots=True)
class Cutout:
    """A flag cut out of its picture."""

    colour: NDArray[np.float32]
    """``(height, width, 3)`` RGB, 0 to 255; after them the artwork's further channels."""
    alpha: NDArray[np.float32]
    """``(height, width)``: share of each pixel that the cloth covers, 0 to 1."""
    hoist: NDArray[np.float32]
    """``(2, 2)``: the hoist's upper and lower end, x and y in pixels of the cut-out."""


def render_cloth(
    shape: Shapes,
    artwork: NDArray[np.uint8],
    *,
    size: float,
    camera: Camera,
    light: Light,
    rng: np.random.Generator,
) -> Cutout:
    """Draws one ``(rows, columns, 3)`` shape, its longer side ``size`` pixels, cropped to the cloth."""
    seen, depth = _project(shape, camera)
    seen = (seen - seen.min(axis=(0, 1))) * (size * OVERSAMPLING / max(np.ptp(seen, axis=(0, 1)).max(), 1e-6))
    width, height = (int(np.ceil(extent)) + 2 * OVERSAMPLING for extent in seen.max(axis=(0, 1)))
    width, height = width + width % OVERSAMPLING, height + height % OVERSAMPLING
    uv, covered = _rasterise(seen.astype(np.float32), depth, (width, height))
    brightness = _shade(shape, light, rng)
    texture = _shrink(artwork, size)
    printed = cv2.remap(
        texture,
        uv[..., 0] * (texture.shape[1] - 1),
        uv[..., 1] * (texture.shape[0] - 1),
        cv2.INTER_LINEAR,
    ).astype(np.float32)
    shade = cv2.remap(
        brightness,
        uv[..., 0] * (brightness.shape[1] - 1),
        uv[..., 1] * (brightness.shape[0] - 1),
        cv2.INTER_LINEAR,
    )
    printed[..., :3] *= shade[..., None]
    lit = printed * covered[..., None]
    target = (width // OVERSAMPLING, height // OVERSAMPLING)
    alpha = cv2.resize(covered, target, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(lit, target, interpolation=cv2.INTER_AREA) / np.maximum(alpha, 1e-3)[..., None]
    hoist = (seen[[0, -1], 0] / OVERSAMPLING).astype(np.float32)
    return Cutout(np.clip(colour, 0, 255).astype(np.float32), np.asarray(alpha, np.float32), hoist)


def _project(shape: Shapes, camera: Camera) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Picture coordinates ``(rows, columns, 2)``, y down, and distance from the camera."""
    cos_yaw, sin_yaw = np.cos(camera.yaw), np.sin(camera.yaw)
    cos_pitch, sin_pitch = np.cos(camera.pitch), np.sin(camera.pitch)
    turn = np.array([[cos_yaw, 0, sin_yaw], [0, 1, 0], [-sin_yaw, 0, cos_yaw]])
    nod = np.array([[1, 0, 0], [0, cos_pitch, -sin_pitch], [0, sin_pitch, cos_pitch]])
    points = (shape - shape.mean(axis=(0, 1))) @ (nod @ turn).T
    depth = np.maximum(camera.distance - points[..., 2], 0.2)
    flat = np.stack([points[..., 0], -points[..., 1]], axis=-1) / depth[..., None]
    cos_roll, sin_roll = np.cos(camera.roll), np.sin(camera.roll)
    return flat @ np.array([[cos_roll, sin_roll], [-sin_roll, cos_roll]]), depth


def _rasterise(
    seen: NDArray[np.float32], depth: NDArray[np.float64], size_wh: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where on the flag each pixel lies, ``(height, width, 2)`` from 0 to 1, and which pixels are cloth.

    Triangles are painted from far to near with their number; the place inside each is then solved at once.
    """
    rows, columns = depth.shape
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    corners = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (
        corners[i : rows - 1 + i, j : columns - 1 + j].ravel() for i, j in ((0, 0), (0, 1), (1, 0), (1, 1))
    )
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    triangles = triangles[np.argsort(-depth.ravel()[triangles].mean(axis=1), kind="stable")]
    points = seen.reshape(-1, 2)[triangles]
    fixed = np.round(points * (1 << SUBPIXEL_BITS)).astype(np.int32)
    numbers = np.zeros((size_wh[1], size_wh[0]), np.int32)
    for number, triangle in enumerate(fixed, 1):
        cv2.fillConvexPoly(numbers, triangle, number, cv2.LINE_8, SUBPIXEL_BITS)
    covered = numbers > 0
    chosen = numbers[covered] - 1
    y, x = np.nonzero(covered)
    origin = points[:, 0]
    first, second = points[:, 1] - origin, points[:, 2] - origin
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    area = np.where(np.abs(area) < 1e-3, 1e-3, area)
    offset_x, offset_y = x - origin[chosen, 0], y - origin[chosen, 1]
    along = (offset_x * second[chosen, 1] - offset_y * second[chosen, 0]) / area[chosen]
    down = (first[chosen, 0] * offset_y - first[chosen, 1] * offset_x) / area[chosen]
    along, down = np.clip(along, -0.2, 1.2), np.clip(down, -0.2, 1.2)
    place = np.stack([u.ravel(), v.ravel()], 1)[triangles]
    inside = place[chosen, 0]
    inside = (
        inside + along[:, None] * (place[chosen, 1] - inside) + down[:, None] * (place[chosen, 2] - inside)
    )
    uv = np.zeros((*covered.shape, 2), np.float32)
    uv[covered] = np.clip(inside, 0, 1)
    return uv, covered.astype(np.float32)


def _shade(shape: Shapes, light: Light, rng: np.random.Generator) -> NDArray[np.float32]:
    """Brightness over the flag, four times finer than the shape, around 1."""
    size = (shape.shape[1] * 4, shape.shape[0] * 4)
    normals = np.asarray(cv2.resize(find_normals(shape), size, interpolation=cv2.INTER_CUBIC), np.float32)
    if light.creases > 0:
        coarse = rng.normal(0, 1, (max(3, size[1] // 8), max(3, size[0] // 5))).astype(np.float32)
        fine = rng.normal(0, 0.5, (size[1] // 3, size[0] // 3)).astype(np.float32)
        layers = [cv2.resize(layer, size, interpolation=cv2.INTER_CUBIC) for layer in (coarse, fine)]
        bumps = np.asarray(np.add(*layers), np.float32)
        down, across = np.gradient(bumps)
        normals[..., :2] += light.creases * np.stack([across, down], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-6
    facing = normals @ light.direction
    lit = np.where(facing > 0, facing, -facing * light.translucency)
    depth = cv2.resize(np.ascontiguousarray(shape[..., 2]), size, interpolation=cv2.INTER_CUBIC)
    hollow = np.clip(cv2.GaussianBlur(depth, (0, 0), 6) - depth, 0, 0.15) * 3
    brightness = (light.ambient + (1 - light.ambient) * lit) * (1 - hollow)
    return np.asarray(brightness / max(float(np.percentile(brightness, 80)), 0.05), np.float32)


def _shrink(artwork: NDArray[np.uint8], size: float) -> NDArray[np.uint8]:
    """The artwork no finer than the picture can show, so that sampling it does not flicker."""
    factor = 2 * OVERSAMPLING * size / artwork.shape[1] / 1.6
    if factor >= 1:
        return artwork
    target = (max(8, round(artwork.shape[1] * factor)), max(4, round(artwork.shape[0] * factor)))
    return np.asarray(cv2.resize(artwork, target, interpolation=cv2.INTER_AREA), np.uint8)
