"""RGB of any colour space in, sRGB out, where the space is told in code points (ITU-T H.273) or by name."""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""x and y of red, green, blue and white."""

D65 = (0.3127, 0.3290)
BT709: Chromaticities = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *D65)
BT2020: Chromaticities = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *D65)
ADOBE: Chromaticities = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, *D65)
PRIMARIES: dict[int, Chromaticities] = {  # H.273, table 2; those of analogue television differ too little
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316),
    9: BT2020,
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65),
}
TRANSFERS = {4: "gamma 2.2", 5: "gamma 2.8", 8: "linear", 16: "pq", 17: "gamma 2.6", 18: "hlg"}  # table 3
ADOBE_GAMMA = "gamma 2.19921875"  # Adobe RGB (1998) Color Image Encoding, 4.3.1.2

WHITE_NITS = 203.0  # of a sheet of paper in HDR (ITU-R BT.2408)
PEAK_NITS = 1000.0  # nominal, of HLG (ITU-R BT.2100), and of most that is shot in PQ
KNEE = 0.75  # of white; what is darker keeps its brightness, what is brighter is pressed into the rest
GRID = 65  # nodes of a table along each side, the most that Pillow takes
SAME_LEVELS = 2.0  # of 255: a table that changes nothing by more is not applied


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """What RGB values mean."""

    chromaticities: Chromaticities = BT709
    transfer: str = "srgb"
    """srgb, pq, hlg, linear, or gamma and a number. Video in BT.709 is seen as sRGB is."""

    @property
    def is_hdr(self) -> bool:
        """Whether it reaches further than the white of a sheet of paper."""
        return self.transfer in ("pq", "hlg")


ADOBE_RGB = ColourSpace(ADOBE, ADOBE_GAMMA)


def read_code_points(primaries: int, transfer: int) -> ColourSpace:
    """The colour space of code points of nclx boxes, cICP chunks and streams; sRGB where they say nothing."""
    return ColourSpace(PRIMARIES.get(primaries, BT709), TRANSFERS.get(transfer, "srgb"))


def to_srgb(image: NDArray[np.uint8], space: ColourSpace) -> NDArray[np.uint8]:
    """RGB (height, width, 3) of a colour space as sRGB; the same array where that changes nothing."""
    table = find_table(space)
    return np.asarray(Image.fromarray(image).filter(table)) if table else image


@functools.lru_cache(16)
def find_table(space: ColourSpace) -> ImageFilter.Color3DLUT | None:
    """What an RGB picture is to be filtered with to become sRGB; None where that changes nothing.

    Colours outside of sRGB are clipped channel by channel. HDR is tone-mapped: brightness up to `KNEE` of
    white is kept, the highest of the three channels above it follows Reinhard's curve (Reinhard et al. 2002,
    equation 4) up to `PEAK_NITS`, and the others go with it, so that hues stay.
    """
    axis = np.linspace(0, 1, GRID)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")  # red changes fastest
    nodes = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    light = np.maximum(_decode(nodes, space.transfer) @ _to_bt709(space.chromaticities).T, 0)
    converted = _encode(_compress(light) if space.is_hdr else light)
    if np.abs(converted - nodes).max() * 255 <= SAME_LEVELS:
        return None
    return ImageFilter.Color3DLUT(GRID, converted.astype(np.float32).ravel())


def _decode(signal: NDArray[np.float64], transfer: str) -> NDArray[np.float64]:
    """Light (n, 3), 1 being white."""
    if transfer == "pq":
        return _pq_nits(signal) / WHITE_NITS
    if transfer == "hlg":
        return _hlg_nits(signal) / WHITE_NITS
    if transfer == "linear":
        return signal
    if transfer.startswith("gamma "):
        return np.asarray(signal ** float(transfer.removeprefix("gamma ")))
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1


def _pq_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084, as in ITU-R BT.2100, table 4."""
    power = signal ** (32 / 2523)
    return np.asarray(
        10_000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (16_384 / 2610)
    )


def _hlg_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-R BT.2100, table 5, on a display of `PEAK_NITS`."""
    scene = np.where(
        signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    )
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return np.asarray(PEAK_NITS * scene * luminance[:, None] ** 0.2)


def _compress(light: NDArray[np.float64]) -> NDArray[np.float64]:
    highest = light.max(axis=1, keepdims=True)
    above = np.maximum(highest - KNEE, 0) / (1 - KNEE)
    white = (PEAK_NITS / WHITE_NITS - KNEE) / (1 - KNEE)
    pressed = KNEE + (1 - KNEE) * above * (1 + above / white**2) / (1 + above)
    return np.where(highest > KNEE, light * pressed / np.maximum(highest, KNEE), light)


def _encode(light: NDArray[np.float64]) -> NDArray[np.float64]:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _to_bt709(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """Matrix from light in these primaries to light in those of sRGB; white stays white."""
    return np.asarray(np.linalg.inv(_to_xyz(BT709)) @ _to_xyz(chromaticities))


def _to_xyz(chromaticities: Chromaticities) -> NDArray[np.float64]:
    x, y = np.reshape(chromaticities, (4, 2)).T
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    primaries, white = xyz[:, :3], xyz[:, 3]
    return np.asarray(primaries * np.linalg.solve(primaries, white))
