"""Colour spaces in, ICC profiles of them out, and pictures that look the same in them: for trying readers."""

import io
import struct
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SPACES: dict[str, tuple[tuple[float, ...], float]] = {  # x and y of red, green, blue, white; gamma
    "sRGB": ((0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290), 0),
    "Display P3": ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290), 0),
    "Adobe RGB": ((0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290), 2.19921875),
    "ProPhoto": ((0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001, 0.3457, 0.3585), 1.8),
}
"""A gamma of 0 is the curve of sRGB."""
CMYK_GRID = 9
CMYK_SPACE = "ProPhoto"


def make_rgb_profile(space: str) -> bytes:
    """A display profile of matrix and curves (ICC.1:2001-04, 6.3.1.2) of one of `SPACES`."""
    chromaticities, gamma = SPACES[space]
    levels = np.linspace(0, 1, 1024)
    curve = struct.pack(">4s4xI", b"curv", 1) + struct.pack(">H", round(gamma * 256))
    if not gamma:
        table = np.round(_srgb_light(levels) * 65535).astype(">u2").tobytes()
        curve = struct.pack(">4s4xI", b"curv", 1024) + table
    columns = zip((b"r", b"g", b"b"), _to_d50(chromaticities).T, strict=True)
    tags = {b"wtpt": _xyz(D50)} | {name + b"XYZ": _xyz(tuple(column)) for name, column in columns}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags | {name + b"TRC": curve for name in (b"r", b"g", b"b")})


def make_grey_profile(gamma: float) -> bytes:
    """A profile of grey with one curve."""
    curve = struct.pack(">4s4xIH", b"curv", 1, round(gamma * 256))
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(D50), b"kTRC": curve})


def make_cmyk_profile() -> bytes:
    """A printer profile whose inks are what lacks in `CMYK_SPACE`, black multiplied: far from plain CMYK."""
    axis = 1 - np.linspace(0, 1, CMYK_GRID)
    rgb = np.stack(np.meshgrid(axis, axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 4)
    chromaticities, gamma = SPACES[CMYK_SPACE]
    xyz = ((rgb[:, :3] * rgb[:, 3:]) ** gamma) @ _to_d50(chromaticities).T
    lab = _to_lab(xyz) * (652.80, 256, 256) + (0, 32768, 32768)
    identity = np.array([0, 65535], ">u2").tobytes()
    head = struct.pack(">4s4xBBBx", b"mft2", 4, 3, CMYK_GRID)
    matrix = struct.pack(">9i", *(round(one * 65536) for one in np.eye(3).ravel()))
    nodes = np.clip(np.round(lab), 0, 65535).astype(">u2").tobytes()
    table = head + matrix + struct.pack(">HH", 2, 2) + identity * 4 + nodes + identity * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(D50), b"A2B0": table})


def to_space(image: Image.Image, space: str) -> Image.Image:
    """An sRGB picture as RGB values of one of `SPACES` that look the same."""
    source, target = (ImageCms.ImageCmsProfile(io.BytesIO(make_rgb_profile(one))) for one in ("sRGB", space))
    converted = ImageCms.profileToProfile(image, source, target, ImageCms.Intent.RELATIVE_COLORIMETRIC)
    return cast("Image.Image", converted)


def to_cmyk(image: Image.Image) -> Image.Image:
    """An sRGB picture as the inks of `make_cmyk_profile` that look the same."""
    inks = 255 - np.asarray(to_space(image, CMYK_SPACE))
    return Image.merge("CMYK", [*Image.fromarray(inks).split(), Image.new("L", image.size)])


def _srgb_light(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def _to_d50(chromaticities: tuple[float, ...]) -> NDArray[np.float64]:
    """Matrix (3, 3) from linear RGB to XYZ under D50, adapted by Bradford's method."""
    x, y = np.reshape(chromaticities, (4, 2)).T
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    to_xyz = xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])
    gains = (BRADFORD @ D50) / (BRADFORD @ xyz[:, 3])
    return np.asarray(np.linalg.inv(BRADFORD) @ np.diag(gains) @ BRADFORD @ to_xyz)


def _to_lab(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = xyz / D50
    f = np.where(shares > 216 / 24389, np.cbrt(shares), (24389 / 27 * shares + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def _xyz(values: tuple[float, ...]) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(value * 65536) for value in values))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4xI4s4s4s", at + len(body), 0x02400000, kind, space, connection)
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    head += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return head + bytes(128 - len(head)) + table + body
