"""Measures how copies of photos are found: python scripts/measure_copies.py PHOTOS... [--reference]"""

import importlib
import io
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from detector.cli import run_script
from detector.copies import (
    HASH_BYTES,
    MAX_DISTANCE,
    MIN_QUALITY,
    PictureHash,
    Windows,
    choose_bits,
    distances,
    find_clusters,
    find_cuts,
    find_luma,
    hash_picture,
    hash_whole_and_inside,
    hash_windows,
    read_windows,
)
from detector.formats import claimed_kind
from detector.frames import Coverage, Sampling, read_frames, read_image
from detector.pictures import PART_SIDE, is_cut_out, shrink
from detector.sources import Media

Rgb = NDArray[np.uint8]


def recode(picture: Image.Image, quality: int) -> Image.Image:
    """The picture through JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def fit(picture: Image.Image, side: int) -> Image.Image:
    """The picture with its long side brought down to SIDE."""
    smaller = picture.copy()
    smaller.thumbnail((side, side), Image.Resampling.LANCZOS)
    return smaller


def platform(picture: Image.Image) -> Image.Image:
    """As sharing platforms do: 1080 px, sharpened, quality 75."""
    return recode(fit(picture, 1080).filter(ImageFilter.UnsharpMask(1, 80, 2)), 75)


def crop(picture: Image.Image, share: float) -> Image.Image:
    """Without SHARE of its width and height, half of it on each side."""
    cut_x, cut_y = round(picture.width * share / 2), round(picture.height * share / 2)
    return recode(picture.crop((cut_x, cut_y, picture.width - cut_x, picture.height - cut_y)), 85)


def crop_anywhere(picture: Image.Image) -> Image.Image:
    """Without up to 7.5 % at each side, by chance, but the same for the same picture."""
    rng = np.random.default_rng(list(picture.resize((8, 8)).tobytes()))
    left, top, right, bottom = rng.uniform(0, 0.075, 4) * (*picture.size, *picture.size)
    return recode(picture.crop((left, top, picture.width - right, picture.height - bottom)), 85)


def caption(picture: Image.Image) -> Image.Image:
    """A white bar with words above, a sixth of the height."""
    bar = max(12, picture.height // 6)
    whole = Image.new("RGB", (picture.width, picture.height + bar), "white")
    whole.paste(picture, (0, bar))
    write = ImageDraw.Draw(whole)
    write.text((bar // 4, bar // 4), "what you see here is from today", fill="black", font_size=bar // 3)
    return recode(whole, 85)


def letterbox(picture: Image.Image) -> Image.Image:
    """Black bars above and below, an eighth of the height each."""
    bar = picture.height // 8
    return recode(ImageOps.expand(picture, (0, bar, 0, bar), "black"), 85)


def screenshot(picture: Image.Image) -> Image.Image:
    """On a telephone's screen of 1080 × 2160, with a status line, a name above and words below."""
    screen = Image.new("RGB", (1080, 2160), "white")
    shown = ImageOps.contain(picture, (1080, 1500))
    screen.paste(shown, ((1080 - shown.width) // 2, 300))
    write = ImageDraw.Draw(screen)
    write.rectangle((0, 0, 1080, 80), fill="black")
    write.ellipse((40, 130, 160, 250), fill="steelblue")
    write.text((200, 160), "somebody · 3 h", fill="black", font_size=48)
    write.text((40, 1850), "1,204 likes\nwhat you see here is from today", fill="black", font_size=44)
    return recode(screen, 85)


def film(picture: Image.Image) -> Image.Image:
    """The middle frame of a one-second H.264 video of the picture, 720 px, constant rate factor 30."""
    small = ImageOps.contain(picture, (720, 720))
    image = np.asarray(small.resize((small.width // 2 * 2, small.height // 2 * 2)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.mp4")
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", 25, options={"crf": "30"})
            stream.height, stream.width = image.shape[:2]
            stream.pix_fmt = "yuv420p"
            for _ in range(25):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            container.mux(stream.encode())
        media = Media(path.parent, path.name, claimed_kind(path), path)
        frames = list(read_frames(media, Sampling(every_seconds=0), Coverage("video")))
    return Image.fromarray(frames[len(frames) // 2].image)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "re-encoded, quality 70": lambda picture: recode(picture, 70),
    "320 px, quality 85": lambda picture: recode(fit(picture, 320), 85),
    "quality 30": lambda picture: recode(picture, 30),
    "mirrored, quality 85": lambda picture: recode(ImageOps.mirror(picture), 85),
    "mirrored, 320 px": lambda picture: recode(fit(ImageOps.mirror(picture), 320), 85),
    "platform: 1080 px, sharpened, 75": platform,
    "video frame, H.264": film,
    "cropped by 2 %": lambda picture: crop(picture, 0.02),
    "cropped by 10 %": lambda picture: crop(picture, 0.1),
    "cropped anywhere, up to 15 %": crop_anywhere,
    "caption bar": caption,
    "black bars": letterbox,
    "screenshot": screenshot,
}


def to_arrays(found: list[PictureHash]) -> tuple[Rgb, Rgb, NDArray[np.bool_]]:
    """Hashes, hashes of the mirror images, and which can be used."""
    bits = np.frombuffer(b"".join(each.bits for each in found), np.uint8).reshape(-1, HASH_BYTES)
    turned = np.frombuffer(b"".join(each.mirrored_bits for each in found), np.uint8).reshape(-1, HASH_BYTES)
    return bits, turned, np.array([each.quality >= MIN_QUALITY for each in found])


def distance_between(first: list[PictureHash], second: list[PictureHash]) -> NDArray[np.uint16]:
    """Bits between pictures, row by row, mirrored or not; 256 where one has too little quality."""
    (bits, turned, usable), (other, other_turned, other_usable) = to_arrays(first), to_arrays(second)
    mirrored = np.minimum(distances(turned, other), distances(bits, other_turned))
    nearest = np.minimum(distances(bits, other), mirrored)
    return np.where(usable & other_usable, nearest, 8 * HASH_BYTES).astype(np.uint16)


def hash_both(images: list[Rgb]) -> tuple[list[PictureHash], list[PictureHash]]:
    """Hashes of the whole pictures and of their insides."""
    found = [hash_whole_and_inside(image, find_luma(image)) for image in images]
    return [whole for whole, _ in found], [inside for _, inside in found]


def find_cut_out(
    images: list[Rgb],
    copies: list[Rgb],
    both: tuple[list[PictureHash], list[PictureHash]],
    windows: Rgb,
    joined: NDArray[np.bool_],
) -> tuple[set[int], list[tuple[int, int]]]:
    """Copies that are told to be cut out of their original, of those that are not `joined` by their hashes,
    and pairs of a copy and another photo.
    """
    count = len(images)
    sides = [to_arrays(found) for found in both]
    hashes = np.concatenate([hashes[usable] for plain, turned, usable in sides for hashes in (plain, turned)])
    numbers = np.concatenate([np.flatnonzero(usable) for _, _, usable in sides for _ in range(2)])
    right: set[int] = set()
    wrong = []
    bits = choose_bits(len(hashes), windows[..., 0].size)
    blocks = [Windows(np.arange(count), windows)]
    for number, original in find_cuts(hashes, count + numbers, blocks, bits):
        copy = number - count
        if copy == original and joined[copy]:
            continue
        if is_cut_out(shrink(copies[copy], PART_SIDE), shrink(images[original], PART_SIDE)):
            if copy == original:
                right.add(copy)
            else:
                wrong.append((copy, original))
    return right, wrong


def report_precision(
    title: str, found: list[PictureHash], pictures: NDArray[np.int64], names: list[str]
) -> None:
    """Prints how clusters are mixed; FOUND goes round and round through the photos with NAMES."""
    hashes, mirrored, usable = to_arrays(found)
    labels = find_clusters(hashes, mirrored, usable=usable, pictures=pictures)[usable]
    order = np.argsort(labels, kind="stable")
    origin = (np.arange(len(found)) % len(names))[usable][order]
    clusters = np.split(origin, np.flatnonzero(np.diff(labels[order])) + 1)
    same = sum(int((n * (n - 1) // 2).sum()) for n in (np.bincount(members) for members in clusters))
    together = sum(len(members) * (len(members) - 1) // 2 for members in clusters)
    print(f"{title}: precision {same / together:.4f}, {same} of {together} pairs in clusters are right")
    for members in (np.unique(members) for members in clusters):
        if len(members) > 1:
            print("  different photos in one cluster: " + ", ".join(names[member] for member in members))


def compare_with_reference(images: list[Rgb], found: list[PictureHash]) -> None:
    """Prints the distance to the hashes of the package pdqhash, where it is installed."""
    compute = importlib.import_module("pdqhash").compute
    apart, gates = [], 0
    for image, ours in zip(images, found, strict=True):
        bits, quality = compute(image)
        theirs = np.packbits(bits.astype(bool)).tobytes()
        apart.append((int.from_bytes(theirs, "big") ^ int.from_bytes(ours.bits, "big")).bit_count())
        gates += quality != ours.quality
    shares = {limit: f"{np.mean(np.array(apart) <= limit):.1%}" for limit in (0, 2, 4, 10)}
    print(f"pdqhash: {len(apart)} photos, share at most so many bits apart {shares}, most {max(apart)} bits;")
    print(f"  quality differs {gates} times")


def main(
    photos: Annotated[
        list[Path], typer.Argument(help="Folders of photos, looked at with what is below them.")
    ],
    limit: Annotated[int, typer.Option(help="At most so many photos, drawn at random.")] = 10_000,
    seed: int = 0,
    reference: Annotated[bool, typer.Option(help="Compare with the package pdqhash.")] = False,
) -> None:
    """Prints recall for each kind of copy, precision over all, and the closest different photos."""
    paths = sorted(path for folder in photos for path in folder.rglob("*") if claimed_kind(path) == "photo")
    order = np.random.default_rng(seed).permutation(len(paths))[:limit]
    paths = [paths[number] for number in order]
    images = [read_image(path) for path in paths]
    began = time.perf_counter()
    originals = [hash_picture(image) for image in images]
    print(f"{1000 * (time.perf_counter() - began) / len(images):.1f} ms a hash")
    if reference:
        compare_with_reference(images, originals)
    both = hash_both(images)
    usable = to_arrays(originals)[2]
    began = time.perf_counter()
    wholes = to_arrays(originals)[0][:, None]
    windows = np.concatenate(
        [wholes, read_windows([hash_windows(find_luma(image)) for image in images])], axis=1
    )
    print(f"{1000 * (time.perf_counter() - began) / len(images):.1f} ms for all windows of a photo")
    print(f"{len(images)} photos, {usable.sum()} of quality {MIN_QUALITY} or more;")
    print("recall whole / with inside / with what is cut out")
    found_cut = 0
    wrong_cut: list[tuple[int, int]] = []
    plain, seen = list(originals), both[0] + both[1]
    for name, change in CHANGES.items():
        copies = [np.asarray(change(Image.fromarray(image))) for image in images]
        whole, copies_both = [hash_picture(copy) for copy in copies], hash_both(copies)
        apart = distance_between(originals, whole)[usable]
        pairs = itertools.product(both, copies_both)
        every = np.minimum.reduce([distance_between(*pair) for pair in pairs])
        nearest = every[usable]
        recall, with_inside = np.mean(apart <= MAX_DISTANCE), np.mean(nearest <= MAX_DISTANCE)
        right, wrong = find_cut_out(images, copies, copies_both, windows, every <= MAX_DISTANCE)
        found_cut, wrong_cut = found_cut + len(right), wrong_cut + wrong
        cut = np.array([number in right for number in range(len(images))])[usable]
        with_cut = np.mean((nearest <= MAX_DISTANCE) | cut)
        bits = f"median {np.median(apart):3.0f} bits, 99 % within {np.percentile(apart, 99):3.0f}"
        print(f"{name:34} {recall:.3f} / {with_inside:.3f} / {with_cut:.3f}  {bits}", flush=True)
        plain += whole
        seen += copies_both[0] + copies_both[1]
    names, rows = [path.name for path in paths], np.arange(len(seen))
    report_precision("wholes", plain, rows[: len(plain)], names)
    pictures = rows // (2 * len(names)) * len(names) + rows % len(names)
    report_precision("wholes and insides", seen, pictures, names)
    share = found_cut / max(1, found_cut + len(wrong_cut))
    print(f"cut out: precision {share:.4f}, {found_cut} of {found_cut + len(wrong_cut)} pairs are right")
    for copy, original in sorted(set(wrong_cut)):
        print(f"  told to be cut out of another: {names[copy]}, {names[original]}")


if __name__ == "__main__":
    run_script(main)
