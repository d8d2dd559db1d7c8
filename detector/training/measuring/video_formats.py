"""A picture in, videos that show it after a second of grey out: in all containers, colours and clocks."""

import struct
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import cast

import av
import numpy as np
from PIL import Image, ImageOps

from detector.training.measuring.photo_formats import GREY, Written, to_hdr

SHOWN_AT = 1.0  # seconds; grey before
SECONDS = 2
RATE = 4  # frames a second, where the container allows it
LEAP_SECONDS = 5 * 3600
HD = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 1}  # code points of BT.709
MATRICES = {1: "ITU709", 5: "ITU601", 9: "BT2020"}
TURNS = {  # display matrix, and what undoes it
    "mirrored": ((-1, 0, 0, 1), Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": ((-1, 0, 0, -1), Image.Transpose.ROTATE_180),
    "turned": ((0, 1, -1, 0), Image.Transpose.ROTATE_90),
    "turned and mirrored": ((0, 1, 1, 0), Image.Transpose.TRANSPOSE),
}


@dataclass(frozen=True, slots=True)
class _Form:
    """How a video is written."""

    codec: str = "libx264"
    container: str = ""
    pixels: str = "yuv420p"
    size: tuple[int, int] = (0, 0)
    """Of a format that knows no other; grey is added then."""
    rate: int = RATE
    colours: dict[str, int] = field(default_factory=lambda: dict(HD))
    pixel_aspect: int = 1
    """Width of a pixel, its height being 1."""
    options: dict[str, str] = field(default_factory=dict)


def _write(image: Image.Image, path: Path, form: _Form, *, streams: int = 1, leap_seconds: int = 0) -> None:
    """A second of grey, then a second of the picture; with several streams only the last shows it."""
    images = _prepare(image, form)
    with av.open(str(path), "w", format=form.container or None) as container:
        opened = [_add_stream(container, form, images[1].size) for _ in range(streams)]
        for number, stream in enumerate(opened):
            for index in range(SECONDS * form.rate):
                late = index >= round(SHOWN_AT * form.rate)
                frame = _frame(images[late and number == streams - 1], form)
                frame.pts = index + late * leap_seconds * form.rate
                frame.time_base = Fraction(1, form.rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


def _prepare(image: Image.Image, form: _Form) -> tuple[Image.Image, Image.Image]:
    if form.size != (0, 0):
        image = ImageOps.pad(image, form.size, color=GREY)
    width = image.width // form.pixel_aspect
    image = image.resize((width - width % 2, image.height - image.height % 2), Image.Resampling.LANCZOS)
    return Image.new("RGB", image.size, GREY), image


def _add_stream(
    container: av.container.OutputContainer, form: _Form, size: tuple[int, int]
) -> av.VideoStream:
    options = dict(form.options)
    stream = cast("av.VideoStream", container.add_stream(form.codec, rate=form.rate, options=options))
    (stream.width, stream.height), stream.pix_fmt = size, form.pixels
    stream.codec_context.thread_count = 1
    if form.codec not in ("libx264", "libx265", "prores_ks", "libsvtav1", "libvpx-vp9", "libvpx"):
        stream.codec_context.bit_rate = 20_000_000
    if form.pixel_aspect > 1:
        stream.codec_context.sample_aspect_ratio = Fraction(form.pixel_aspect)
    for name, value in form.colours.items():
        setattr(stream.codec_context, name, value)
    return stream


def _frame(image: Image.Image, form: _Form) -> av.VideoFrame:
    whole = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
    frame = whole.reformat(
        format=form.pixels,
        dst_colorspace=MATRICES[form.colours.get("colorspace", 5)],
        dst_color_range=form.colours.get("color_range", 1),
    )
    for name, value in form.colours.items():
        setattr(frame, name, value)
    return frame


def _hdr(image: Image.Image, path: Path, *, transfer: str, form: _Form) -> None:
    codes = {"colorspace": 9, "color_primaries": 9, "color_trc": {"pq": 16, "hlg": 18}[transfer]}
    _write(to_hdr(image, transfer), path, replace(form, colours=codes | {"color_range": 1}))


def _turned(image: Image.Image, path: Path, *, turn: str) -> None:
    matrix, undo = TURNS[turn]
    _write(image.transpose(undo), path, _Form())
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    a, b, c, d = (number << 16 for number in matrix)
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def _joined(image: Image.Image, path: Path, *, form: _Form) -> None:
    """A recording of grey, and one that shows the picture behind it, whose clock begins again."""
    _write(Image.new("RGB", image.size, GREY), path, form)
    first = path.read_bytes()
    _write(image, path, form)
    path.write_bytes(first + path.read_bytes())


def _row(
    name: str, suffix: str, form: _Form, *, same_place: bool = True, streams: int = 1, leap_seconds: int = 0
) -> Written:
    write = partial(_write, form=form, streams=streams, leap_seconds=leap_seconds)
    return Written(name, suffix, write, same_place=same_place, shown_at=SHOWN_AT)


FULL = HD | {"color_range": 2}
SD = {"colorspace": 5, "color_primaries": 5, "color_trc": 6, "color_range": 1}
QUIET = {"x265-params": "log-level=none:pools=none:frame-threads=1"}  # with threads it can hang for ever
PAL = (720, 576)
VIDEO_FORMATS = (
    _row("MP4, H.264", ".mp4", _Form()),
    _row("MP4, HEVC", ".mp4", _Form("libx265", options=QUIET)),
    _row("MP4, AV1", ".mp4", _Form("libsvtav1")),
    _row("MKV, VP9", ".mkv", _Form("libvpx-vp9", options={"cpu-used": "8"})),
    _row("WebM, VP8", ".webm", _Form("libvpx", colours=SD, options={"b": "8M", "cpu-used": "8"})),
    _row("MOV, ProRes", ".mov", _Form("prores_ks", pixels="yuv422p10le")),
    _row("AVI, MPEG-4", ".avi", _Form("mpeg4", colours=SD)),
    _row("TS, H.264", ".ts", _Form(container="mpegts")),
    _row("WMV", ".wmv", _Form("wmv2", "asf", colours=SD)),
    _row("FLV", ".flv", _Form("flv", "flv", colours=SD)),
    _row("MPG", ".mpg", _Form("mpeg2video", "mpeg", rate=25, colours=SD)),
    _row("VOB", ".vob", _Form("mpeg2video", "vob", size=PAL, rate=25, colours=SD), same_place=False),
    _row("MXF", ".mxf", _Form("mpeg2video", "mxf", size=PAL, rate=25, colours=SD), same_place=False),
    _row("DV", ".dv", _Form("dvvideo", "dv", size=PAL, rate=25, colours=SD), same_place=False),
    _row("Ogg, VP8", ".ogv", _Form("libvpx", "ogg", colours=SD, options={"b": "8M", "cpu-used": "8"})),
    _row("RealMedia", ".rm", _Form("rv20", "rm", size=(352, 288), colours=SD), same_place=False),
    _row("bare HEVC", ".hevc", _Form("libx265", "hevc", rate=25, options=QUIET)),
    _row("MP4, BT.601", ".mp4", _Form(colours=SD)),
    _row("MP4, full range", ".mp4", _Form(colours=FULL)),
    _row("MP4, no colours told", ".mp4", _Form(colours={"colorspace": 1, "color_range": 1})),
    *(
        Written(f"MP4, HDR {name.upper()}", ".mp4", partial(_hdr, transfer=name, form=hdr), shown_at=SHOWN_AT)
        for name in ("hlg", "pq")
        for hdr in (_Form("libx265", pixels="yuv420p10le", options=QUIET),)
    ),
    *(Written(f"MP4, {turn}", ".mp4", partial(_turned, turn=turn), shown_at=SHOWN_AT) for turn in TURNS),
    _row("MP4, pixels 2 : 1", ".mp4", _Form(pixel_aspect=2)),
    Written("MKV, joined to another", ".mkv", partial(_joined, form=_Form()), shown_at=SECONDS + SHOWN_AT),
    Written("TS, joined to another", ".ts", partial(_joined, form=_Form()), shown_at=SECONDS + SHOWN_AT),
    _row("MKV, clock leaps by hours", ".mkv", _Form(), leap_seconds=LEAP_SECONDS),
    _row("MP4, in the second stream", ".mp4", _Form(), streams=2),
)
