"""Pictures in, a table of formats out: is what a plain JPEG shows found in each, in its place and colours?

python scripts/measure_formats.py                        # datasets/samples
python scripts/measure_formats.py --photos FOLDER --only HEIC

For each way to write a picture: in how many of the pictures whose plain JPEG shows a flag the same flag is
found, the mean confidence of the surest box, in how many there is a box where the surest of the plain JPEG
lies (IoU of 0.5 and more), the mean difference of colours in levels of 255, in how many videos it is seen
when it is shown, and the seconds it takes to read.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import supervision as sv
import typer
from numpy.typing import NDArray
from PIL import Image, ImageOps

from detector.cli import run_script
from detector.errors import MediaError
from detector.frames import Coverage, Sampling, read_frames
from detector.model import NetworkModel, load_model
from detector.options import default_weights
from detector.sources import Media, find_kind
from detector.training.measuring.photo_formats import PHOTO_FORMATS, Written
from detector.training.measuring.video_formats import VIDEO_FORMATS

WRITTEN: tuple[Written, ...] = (*PHOTO_FORMATS, *VIDEO_FORMATS)  # a row each
WEIGHTS = default_weights()
SAMPLES = Path(__file__).resolve().parent.parent / "datasets" / "samples"
LONG_SIDE = 1600  # pixels; larger pictures are scaled down first
SAME_PLACE_IOU = 0.5
NOTHING = np.empty((0, 4), np.float32), np.empty((0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen in one file."""

    labels: frozenset[int]
    confidence: float
    """Of the surest, 0 where nothing is seen."""
    boxes: NDArray[np.float32]
    """In that frame, the surest first (n, 4)."""
    image: NDArray[np.uint8]
    """The frame that shows most."""
    time_seconds: float
    """When that frame is shown."""
    seconds: float
    """That reading took."""


def main(
    photos: Annotated[Path, typer.Option(help="Folder of photos to write in each format.")] = SAMPLES,
    weights: Path = WEIGHTS,
    only: Annotated[list[str] | None, typer.Option(help="Words in a row's name; may be repeated.")] = None,
) -> None:
    """Prints the table: is what a plain JPEG shows found in each format, in its place and colours?"""
    model = load_model(weights)
    images = [image for path in sorted(photos.glob("*.jpg")) if (image := _read(path))]
    with tempfile.TemporaryDirectory() as folder:
        plain = [_look(WRITTEN[0], image, Path(folder), model) for image in images]
        shown = [(image, seen) for image, seen in zip(images, plain, strict=True) if seen.labels]
        print(f"{len(shown)} of {len(images)} pictures show a flag as plain JPEG\n")
        print("| format | found | confidence | in place | colours differ by | in time | seconds |")
        print("|---|--:|--:|--:|--:|--:|--:|")
        for written in WRITTEN:
            if any(word in written.name for word in only or [""]):
                print(_row(written, shown, Path(folder), model), flush=True)


def _read(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as image:
            image.thumbnail((LONG_SIDE, LONG_SIDE))
            upright = ImageOps.exif_transpose(image).convert("RGB")
        width, height = upright.size
        return upright.crop((0, 0, width - width % 4, height - height % 4))  # videos need even sides
    except OSError:  # one of the samples is broken on purpose
        return None


def _row(
    written: Written, shown: Sequence[tuple[Image.Image, Seen]], folder: Path, model: NetworkModel
) -> str:
    found, in_place, in_time, confidences, differences, seconds = 0, 0, 0, [], [], []
    for image, plain in shown:
        seen = _look(written, image, folder, model)
        confidences.append(seen.confidence)
        seconds.append(seen.seconds)
        found += plain.labels <= seen.labels
        in_time += bool(seen.labels) and 0 <= seen.time_seconds - written.shown_at < 1
        if written.same_place and seen.image.shape == plain.image.shape:
            ious = sv.box_iou_batch(seen.boxes, plain.boxes[:1])
            in_place += bool((ious >= SAME_PLACE_IOU).any())
            differences.append(float(np.abs(seen.image.astype(int) - np.asarray(image)).mean()))
    place = f"{in_place}/{len(shown)}" if written.same_place else ""
    times = f"{in_time}/{len(shown)}" if written.shown_at else ""
    colours = f"{np.mean(differences):.1f}" if differences else ""
    return (
        f"| {written.name} | {found}/{len(shown)} | {np.mean(confidences):.2f} | {place} | {colours} "
        f"| {times} | {np.median(seconds):.2f} |"
    )


def _look(written: Written, image: Image.Image, folder: Path, model: NetworkModel) -> Seen:
    path = folder / f"a{written.suffix}"
    written.write(image, path)
    media = Media(folder, path.name, find_kind(path), path)
    best, labels = Seen(frozenset(), 0.0, *NOTHING, 0.0, 0.0), set[int]()
    started, looking = time.perf_counter(), 0.0
    try:
        for frame in read_frames(media, Sampling(), Coverage(media.kind)):
            began = time.perf_counter()
            (detections,) = model.detect([frame.image], min(model.info.thresholds))
            looking += time.perf_counter() - began
            if len(detections):
                confidence, class_id = np.asarray(detections.confidence), np.asarray(detections.class_id)
                labels |= set(class_id.tolist())
                if confidence[0] > best.confidence:
                    boxes = np.asarray(detections.xyxy, np.float32)
                    best = Seen(
                        frozenset(), float(confidence[0]), boxes, frame.image, frame.time_seconds, 0.0
                    )
    except MediaError as error:
        print(f"{written.name}: {error}", file=sys.stderr)
    path.unlink()
    seconds = time.perf_counter() - started - looking
    return Seen(frozenset(labels), best.confidence, best.boxes, best.image, best.time_seconds, seconds)


if __name__ == "__main__":
    run_script(main)
