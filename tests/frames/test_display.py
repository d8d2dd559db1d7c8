"""Videos as they are to be shown: turned, mirrored, stretched, and in the colours that were meant."""

import gc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.errors import NotReadError
from detector.frames import Coverage, Frame, Sampling, read_frame_at, read_frames, read_spans
from tests.media_factory import Image, as_media, corners_image, place_track, read_corners, write_video

ALL = Sampling(every_seconds=0)
TURNS: dict[tuple[int, int, int, int], Callable[[Image], NDArray[np.uint8]]] = {
    (1, 0, 0, 1): lambda image: image,
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (-1, 0, 0, -1): lambda image: np.rot90(image, 2),
    (0, 1, 1, 0): lambda image: image.transpose(1, 0, 2),
    (0, 1, -1, 0): lambda image: np.rot90(image, -1),
    (0, -1, 1, 0): np.rot90,
    (0, -1, -1, 0): lambda image: np.rot90(image.transpose(1, 0, 2), 2),
}


def read_all(path: Path) -> tuple[list[Frame], Coverage]:
    media = as_media(path)
    coverage = Coverage(media.kind)
    return list(read_frames(media, ALL, coverage)), coverage


@pytest.mark.parametrize("matrix", TURNS)
def test_all_eight_orientations_are_applied(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    path = write_video(tmp_path / "a.mp4", [corners_image()] * 3, codec="libx264")
    seen, coverage = read_all(place_track(path, *matrix))
    expected = TURNS[matrix](corners_image())
    assert read_corners(seen[0].image) == read_corners(expected)
    assert seen[0].image.shape == expected.shape
    assert seen[0].resolution_wh == (coverage.width, coverage.height) == expected.shape[1::-1]
    again = read_frame_at(as_media(path), 1, seen[1].time_seconds)
    assert np.array_equal(again, seen[1].image)
    (closer, *_) = read_spans(as_media(path), [(0.0, 0.3)], ALL, coverage)
    assert np.array_equal(closer.image, seen[0].image)


@pytest.mark.parametrize(
    "matrix", [(1, 0.5, 0, 1), (1, 0, 0.3, 1), (0.7, 0.7, -0.7, 0.7), (0.98, 0.17, -0.17, 0.98), (1, 1, 1, 1)]
)
def test_what_is_to_be_shown_sheared_or_aslant_is_refused(
    tmp_path: Path, matrix: tuple[float, float, float, float]
) -> None:
    path = place_track(write_video(tmp_path / "a.mp4", [corners_image()] * 3, codec="libx264"), *matrix)
    with pytest.raises(NotReadError, match="sheared, or turned by other than quarters of a circle"):
        read_all(path)


def test_a_matrix_that_was_rounded_or_never_filled_in_is_no_reason(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [corners_image()], codec="libx264")
    for matrix in ((0, 0, 0, 0), (0.5, 0.001, -0.001, 0.5)):
        (frame,), _ = read_all(place_track(path, *matrix))
        assert read_corners(frame.image) == read_corners(corners_image())


def write_tagged(
    path: Path,
    planes: tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]],
    *,
    pixels: str,
    **colours: int,
) -> Path:
    """One lossless frame of these planes (Y, U, V), each a pixel's value or a picture, with tags."""
    height, width = planes[0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for name, value in colours.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame(width, height, pixels)
        deep = "10" in pixels
        for plane, values in zip(frame.planes, planes, strict=True):
            rows = np.zeros((plane.height, plane.line_size // (2 if deep else 1)), np.uint16)
            rows[:, : plane.width] = values
            plane.update((rows if deep else rows.astype(np.uint8)).tobytes())
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        for name, value in colours.items():
            setattr(frame, name, value)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def yuv_of(
    rgb: tuple[float, float, float], kr: float, kb: float, *, bits: int = 8, full: bool = False
) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]]:
    """Planes of 64 × 48 pixels of one colour (0 to 1), by ITU-R BT.2100, table 9."""
    red, green, blue = rgb
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    blueish, reddish = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    scale, top = 1 << (bits - 8), (1 << bits) - 1
    values = (
        [top * luma, top * blueish + (top + 1) / 2, top * reddish + (top + 1) / 2]
        if full
        else [scale * (219 * luma + 16), scale * (224 * blueish + 128), scale * (224 * reddish + 128)]
    )
    luma_plane, blueish_plane, reddish_plane = (np.full((48, 64), round(one), np.uint16) for one in values)
    return luma_plane, blueish_plane, reddish_plane


FLAG_COLOURS = [(0, 181, 226), (239, 51, 64), (80, 158, 47), (0, 42, 180), (250, 225, 60), (128, 128, 128)]


@pytest.mark.parametrize("colour", FLAG_COLOURS)
@pytest.mark.parametrize(
    ("matrix", "kr", "kb"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114), (9, 0.2627, 0.0593)]
)
@pytest.mark.parametrize("full", [False, True])
def test_matrix_and_range_are_as_the_file_says(
    tmp_path: Path, colour: tuple[int, int, int], matrix: int, kr: float, kb: float, full: bool
) -> None:
    red, green, blue = (value / 255 for value in colour)
    planes = yuv_of((red, green, blue), kr, kb, full=full)
    path = write_tagged(
        tmp_path / "a.mkv", planes, pixels="yuv444p", colorspace=matrix, color_range=2 if full else 1
    )
    (frame,), _ = read_all(path)
    assert np.abs(frame.image[24, 32].astype(int) - colour).max() <= 3


@pytest.mark.parametrize(("size", "kr", "kb"), [((64, 48), 0.299, 0.114), ((1280, 48), 0.2126, 0.0722)])
def test_what_does_not_tell_its_matrix_is_shown_as_players_do(
    tmp_path: Path, size: tuple[int, int], kr: float, kb: float
) -> None:
    planes = [np.full(size[::-1], plane[0, 0]) for plane in yuv_of((0.9, 0.2, 0.25), kr, kb)]
    path = write_tagged(tmp_path / "a.mkv", tuple(planes), pixels="yuv444p")  # type: ignore[arg-type]
    (frame,), _ = read_all(path)
    assert np.abs(frame.image[24, 32].astype(int) - np.array((0.9, 0.2, 0.25)) * 255).max() <= 3


def as_hdr(colour: tuple[int, int, int], transfer: str, *, white_nits: float) -> tuple[float, float, float]:
    """An sRGB colour as a signal in BT.2020 (ITU-R BT.2087, BT.2100), its white as bright as told."""
    srgb = np.array(colour) / 255
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    nits = np.maximum(to_2020 @ light, 0) * white_nits
    if transfer == "pq":
        power = (nits / 10_000) ** 0.1593017578125
        signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        shown = nits / 1000
        luminance = float(shown @ np.array([0.2627, 0.6780, 0.0593]))
        scene = shown * luminance ** (1 / 1.2 - 1)
        high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        signal = np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)
    red, green, blue = signal.tolist()
    return red, green, blue


@pytest.mark.parametrize("colour", FLAG_COLOURS)
@pytest.mark.parametrize(("transfer", "code"), [("pq", 16), ("hlg", 18)])
@pytest.mark.parametrize("pixels", ["yuv444p10le", "yuv420p10le"])
def test_hdr_is_shown_in_the_colours_that_it_has_beside_white(
    tmp_path: Path, colour: tuple[int, int, int], transfer: str, code: int, pixels: str
) -> None:
    dim = tuple(round(0.85 * value) for value in colour)  # below the knee of the tone curve
    planes = yuv_of(as_hdr(dim, transfer, white_nits=203), 0.2627, 0.0593, bits=10)  # type: ignore[arg-type]
    if "420" in pixels:
        planes = planes[0], planes[1][::2, ::2], planes[2][::2, ::2]
    path = write_tagged(
        tmp_path / "a.mkv",
        planes,
        pixels=pixels,
        colorspace=9,
        color_primaries=9,
        color_trc=code,
        color_range=1,
    )
    (frame,), _ = read_all(path)
    assert np.abs(frame.image[24, 32].astype(int) - dim).max() <= 18


def test_what_is_brighter_than_white_keeps_its_hue(tmp_path: Path) -> None:
    planes = yuv_of(as_hdr((230, 60, 60), "pq", white_nits=600), 0.2627, 0.0593, bits=10)
    path = write_tagged(
        tmp_path / "a.mkv", planes, pixels="yuv444p10le", colorspace=9, color_primaries=9, color_trc=16
    )
    (frame,), _ = read_all(path)
    red, green, blue = frame.image[24, 32].astype(int)
    assert red > 230
    assert max(green, blue) < 130
    assert abs(green - blue) < 12


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [
        (Fraction(2), (48, 128)),
        (Fraction(1, 2), (96, 64)),
        (Fraction(16, 15), (48, 68)),
        (Fraction(9), (48, 64)),
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_pixels_that_are_not_square_are_made_so(
    tmp_path: Path, name: str, aspect: Fraction, shape: tuple[int, int]
) -> None:
    images = [corners_image()] * 2
    seen, coverage = read_all(write_video(tmp_path / name, images, codec="libx264", pixel_aspect=aspect))
    assert seen[0].image.shape[:2] == (coverage.height, coverage.width) == shape
    assert read_corners(seen[0].image) == read_corners(corners_image())


def test_pixels_are_stretched_before_the_picture_is_turned(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [corners_image()], codec="libx264", pixel_aspect=Fraction(2))
    (frame,), _ = read_all(place_track(path, 0, 1, -1, 0))
    assert frame.image.shape == (128, 48, 3)
    assert read_corners(frame.image) == read_corners(np.rot90(corners_image(), -1))


def test_decoded_pictures_are_set_free_at_once(tmp_path: Path) -> None:
    """Not when Python next looks for cycles: they hold megabytes each, and few objects."""
    path = write_video(tmp_path / "clip.mp4", [corners_image()] * 8)
    gc.collect()
    gc.disable()
    try:
        frames = sum(1 for _ in read_frames(as_media(path), Sampling(every_seconds=0), Coverage("video")))
        left = sum(type(one) is av.VideoFrame for one in gc.get_objects())
    finally:
        gc.enable()
    assert frames == 8
    assert left == 0
