"""A folder in, one small sound file of every format in it out: made each time, never stored.

`SEEDS` is the one list: a test holds that every container and photo suffix of `detector.formats` is in it.
"""

import io
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detector.formats import CONTAINERS
from tests.media_factory import encoder_options

WIDTH, HEIGHT = 96, 64  # one square of the fake weights is 32
SIZE_OF = {"dvvideo": (720, 576)}  # no other is DV
FRAMES = 8
LARGE_FRAMES = 2
WITHOUT_WRITER = frozenset({"dhav"})
"""Demuxers for which FFmpeg has no muxer: `make_corpus` gives their signature another file's body."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A sound file to damage."""

    name: str
    """File name; its suffix is that of the format."""
    write: Callable[[Path], None]
    container: str = ""
    """FFmpeg's demuxer, "" for photos and sidecars."""
    beside: str = ""
    """Name of the seed that a sidecar belongs to, "" for media."""


def _picture(number: int = 0) -> NDArray[np.uint8]:
    """Red and blue squares on noise: something to find, and bytes that no codec makes disappear."""
    image = np.random.default_rng(number).integers(96, 160, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    image[:32, :32] = (230, 20, 20)
    image[32:, (number % 2 + 1) * 32 :] = (20, 20, 230)
    return image


def _write_video(path: Path, muxer: str, codec: str, pixels: str, **options: str) -> None:
    with av.open(str(path), "w", format=muxer, options=options) as container:
        stream = container.add_stream(codec, rate=25, options=encoder_options(codec))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = SIZE_OF.get(codec, (WIDTH, HEIGHT))
        stream.pix_fmt = pixels
        stream.codec_context.thread_count = 1  # the same bytes each time
        for number in range(LARGE_FRAMES if codec in SIZE_OF else FRAMES):
            frame = av.VideoFrame.from_ndarray(_picture(number), format="rgb24")
            container.mux(stream.encode(frame.reformat(stream.width, stream.height, format=pixels)))
        container.mux(stream.encode(None))


def _write_photo(path: Path, mode: str = "RGB", frames: int = 1, **options: Any) -> None:
    images = [Image.fromarray(_picture(number)).convert(mode) for number in range(frames)]
    rest: dict[str, Any] = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(path, **rest, **options)


def _write_heif(path: Path, frames: int = 1) -> None:
    import pillow_heif

    file = pillow_heif.HeifFile()  # type: ignore[no-untyped-call]
    for number in range(frames):
        file.add_from_pillow(Image.fromarray(_picture(number)))
    file.save(path)


def _write_psd(path: Path) -> None:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, HEIGHT, WIDTH, 8, 3) + bytes(12)
    path.write_bytes(head + bytes(2) + _picture().transpose(2, 0, 1).tobytes())


def _write_raw(path: Path, start: bytes) -> None:
    """A camera's raw as far as it is read: something to know it by, and a preview."""
    preview = io.BytesIO()
    Image.fromarray(_picture()).save(preview, "JPEG")
    path.write_bytes(start + bytes(64) + preview.getvalue())


def _write_dng(path: Path) -> None:
    preview, head = io.BytesIO(), io.BytesIO()
    Image.fromarray(_picture()).save(preview, "JPEG")
    Image.fromarray(_picture()).save(head, "TIFF", tiffinfo={0xC612: bytes((1, 4, 0, 0))})
    path.write_bytes(head.getvalue() + preview.getvalue())


def _write_deep(path: Path) -> None:
    deep = np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16)
    Image.fromarray(deep.reshape(HEIGHT, WIDTH)).save(path)


def _oriented() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9003] = 6, "maker", "2024:05:14 12:00:00"
    return exif


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


POST = {"id": "1", "extractor": "twitter", "uploader": "jane", "timestamp": 1715680000, "description": "a"}
TELEGRAM = {
    "name": "channel",
    "type": "public_channel",
    "id": 1,
    "messages": [
        {"id": 1, "type": "message", "date_unixtime": "1715680000", "photo": "post.jpg", "text": "a"}
    ],
}
POSTS = "file,source_url,posted_at,author,text\npost.jpg,https://x.com/a/status/1,2024-05-14T10:00:00Z,a,b\n"

VIDEOS = (
    ("h264.mp4", "mov", "mp4", "libx264", "yuv420p"),
    ("h265.mp4", "mov", "mp4", "libx265", "yuv420p"),
    ("av1.mp4", "mov", "mp4", "libsvtav1", "yuv420p"),
    ("mjpeg.mov", "mov", "mov", "mjpeg", "yuvj420p"),
    ("prores.mov", "mov", "mov", "prores_ks", "yuv422p10le"),
    ("phone.3gp", "mov", "3gp", "mpeg4", "yuv420p"),
    ("h264.mkv", "matroska", "matroska", "libx264", "yuv420p"),
    ("ffv1.mkv", "matroska", "matroska", "ffv1", "yuv420p"),
    ("vp8.webm", "matroska", "webm", "libvpx", "yuv420p"),
    ("vp9.webm", "matroska", "webm", "libvpx-vp9", "yuv420p"),
    ("mpeg4.avi", "avi", "avi", "mpeg4", "yuv420p"),
    ("h264.ts", "mpegts", "mpegts", "libx264", "yuv420p"),
    ("windows.wmv", "asf", "asf", "wmv2", "yuv420p"),
    ("flash.flv", "flv", "flv", "flv", "yuv420p"),
    ("program.mpg", "mpeg", "vob", "mpeg2video", "yuv420p"),
    ("bare.m2v", "mpegvideo", "mpeg2video", "mpeg2video", "yuv420p"),
    ("camera.mxf", "mxf", "mxf", "mpeg2video", "yuv420p"),
    ("tape.dv", "dv", "dv", "dvvideo", "yuv420p"),
    ("vp8.ogv", "ogg", "ogg", "libvpx", "yuv420p"),
    ("real.rm", "rm", "rm", "rv20", "yuv420p"),
    ("recorded.wtv", "wtv", "wtv", "mpeg2video", "yuv420p"),
    ("vp9.ivf", "ivf", "ivf", "libvpx-vp9", "yuv420p"),
    ("raw.y4m", "yuv4mpegpipe", "yuv4mpegpipe", "wrapped_avframe", "yuv420p"),
    ("mpeg4.nut", "nut", "nut", "mpeg4", "yuv420p"),
    ("bare.hevc", "hevc", "hevc", "libx265", "yuv420p"),
    ("bare.h264", "h264", "h264", "libx264", "yuv420p"),
)
PHOTOS: tuple[tuple[str, Callable[[Path], None]], ...] = (
    ("plain.jpg", partial(_write_photo, quality=80, exif=_oriented())),
    ("progressive.jpg", partial(_write_photo, quality=70, progressive=True)),
    ("cmyk.jpg", partial(_write_photo, mode="CMYK")),
    ("two.mpo", partial(_write_photo, frames=2, format="MPO")),
    ("plain.png", partial(_write_photo)),
    ("palette.png", partial(_write_photo, mode="P")),
    ("deep.png", _write_deep),
    ("moving.png", partial(_write_photo, frames=3, duration=200)),
    ("lossy.webp", partial(_write_photo, quality=70)),
    ("lossless.webp", partial(_write_photo, mode="RGBA", lossless=True)),
    ("moving.webp", partial(_write_photo, frames=3, duration=200)),
    ("plain.bmp", partial(_write_photo)),
    ("plain.tiff", partial(_write_photo)),
    ("lzw.tif", partial(_write_photo, compression="tiff_lzw", frames=2)),
    ("jpeg.tif", partial(_write_photo, compression="jpeg")),
    ("large.tif", partial(_write_photo, big_tiff=True)),
    ("still.gif", partial(_write_photo, mode="P")),
    ("moving.gif", partial(_write_photo, frames=3, duration=200)),
    ("plain.heic", _write_heif),
    ("several.heif", partial(_write_heif, frames=2)),
    ("plain.avif", partial(_write_photo, quality=60)),
    ("plain.jp2", _write_photo),
    ("plain.ppm", _write_photo),
    ("plain.tga", partial(_write_photo, compression="tga_rle")),
    ("plain.psd", _write_psd),
    ("fuji.raf", partial(_write_raw, start=b"FUJIFILMCCD-RAW 0201")),
    ("phone.dng", _write_dng),
    ("moving.avif", partial(_write_photo, frames=3, duration=200)),
)
SIDECARS = (
    ("post.info.json", partial(_write_json, content=POST)),
    ("result.json", partial(_write_json, content=TELEGRAM)),
    ("posts.csv", lambda path: path.write_text(POSTS, encoding="utf-8")),
)
SEEDS = (
    *(Seed(name, write) for name, write in PHOTOS),
    *(
        Seed(name, partial(_write_video, muxer=muxer, codec=codec, pixels=pixels), container)
        for name, container, muxer, codec, pixels in VIDEOS
    ),
    *(Seed(name, write, beside="plain.jpg") for name, write in SIDECARS),
)


def make_corpus(folder: Path) -> dict[str, bytes]:
    """The bytes of every seed by its name, made in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {}
    for seed in SEEDS:
        path = folder / seed.name
        seed.write(path)
        contents[seed.name] = path.read_bytes()
    for start, container in CONTAINERS.items():
        if container in WITHOUT_WRITER:
            contents[f"{container}-{start.hex()}.dav"] = start + contents["h264.ts"][len(start) :]
    return contents
