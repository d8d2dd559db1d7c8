"""A reviewed report in, a training set of what people said out: pictures and YOLO labels in two splits."""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image

from detector.errors import MediaError, ReportFolderError
from detector.export.rows import ExportSource, ReportFile, ReportFrame, Written, read_contents, read_frames
from detector.export.writing import open_new, write_data_yaml, yolo_label
from detector.ids import ID_DIGITS, frame_id
from detector.journal import (
    CANNOT_TELL,
    DISPUTED,
    MISSED,
    NOTHING_ELSE,
    OURS,
    Settled,
    Verdict,
    find_standing,
    read_verdicts,
    settle,
)
from detector.originals import read_original
from detector.pictures import protect
from detector.report import escape_cell
from detector.toolbox import sv

VAL_SHARE = 0.2  # of the groups
SAME_BOX = 0.5  # IoU from which a drawn box is the same flag as one that is there already
NAMES_TOLD = 10  # of pictures left out
SAVED_QUALITY = 95  # of JPEG: what is learned from should not be another's compression
DATA_YAML = """\
# Boxes that people confirmed, corrected or drew; pictures without a box were checked and show none.
# No group of pictures that look the same, and no video, is in both splits.
train: images/train
val: images/val
"""


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    """A picture with what people say is on it."""

    name: str
    files: tuple[ReportFile, ...]
    """Exact copies."""
    frame: ReportFrame
    boxes: tuple[tuple[int, float, float, float, float], ...]
    """Class, left, top, right, bottom in pixels."""
    group: str
    is_checked: bool
    """Whether somebody said that nothing else is there."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row of `left_out.csv`: a picture with a detection or a verdict that is not in the set."""

    file: str
    sha256: str
    frame_index: int
    time_seconds: str
    why: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A row of `pictures.csv`."""

    name: str
    split: str
    group: str
    """Pictures that look the same, and all frames of a video, share it."""
    file: str
    sha256: str
    frame_index: int
    time_seconds: str
    boxes: int
    checked: str
    """true when somebody said that nothing else is there."""


def write_reviewed(source: ExportSource, folder: Path) -> Written:
    """`images/`, `labels/` (each with `train` and `val`), `data.yaml` for ultralytics, `pictures.csv` and,
    where something had to stay out, `left_out.csv`.

    A frame is taken when all that is shown in it has a verdict that decides. Pictures come from the
    originals, faces hidden unless the report shows them. Raises ReportFolderError when nothing was reviewed.
    """
    left: list[LeftOut] = []
    frames = list(_find_labelled(source, left))
    if not frames:
        raise ReportFolderError(
            "nobody has reviewed a picture of this report to the end; see detector review"
        )
    splits = split_groups(sorted({frame.group for frame in frames}))
    for split in ("train", "val"):
        (folder / "images" / split).mkdir(parents=True)
        (folder / "labels" / split).mkdir(parents=True)
    write_data_yaml(folder / "data.yaml", DATA_YAML, source.info.class_names)
    written = []
    with open_new(folder / "pictures.csv") as out:
        table = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        table.writerow(field.name for field in fields(Picture))
        for one in frames:
            split = splits[one.group]
            try:
                picture = _read_picture(source, one)
            except MediaError as error:
                left.append(_leave_out(one.files[0], one.frame, str(error)))
                continue
            (folder / "images" / split / f"{one.name}.jpg").write_bytes(picture)
            lines = "".join(f"{yolo_label(box[0], box[1:], one.frame)}\n" for box in one.boxes)
            (folder / "labels" / split / f"{one.name}.txt").write_text(lines, "utf-8")
            table.writerow(astuple(_describe(one, split)))
            written.append(one)
    boxes = sum(len(one.boxes) for one in written)
    files = {file.path for one in written for file in one.files}
    if left:
        with open_new(folder / "left_out.csv") as out:
            table = csv.writer(out, lineterminator="\n")
            table.writerow(field.name for field in fields(LeftOut))
            table.writerows(astuple(one) for one in left)
    return Written(len(files), boxes, tuple(_notes(written, splits, left)))


def split_groups(groups: Sequence[str]) -> dict[str, str]:
    """The split of each group, by the hash of its name: the same also when others are added.

    Where that leaves a split empty, the nearest group goes there.
    """
    turn = {group: int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) / 16**8 for group in groups}
    splits = {group: "val" if turn[group] < VAL_SHARE else "train" for group in groups}
    if len(groups) > 1:
        if "val" not in splits.values():
            splits[min(groups, key=lambda group: turn[group])] = "val"
        if "train" not in splits.values():
            splits[max(groups, key=lambda group: turn[group])] = "train"
    return splits


def _find_labelled(source: ExportSource, left: list[LeftOut]) -> Iterator[LabelledFrame]:
    """Frames that are decided; those with a detection or a verdict that are not go to `left`."""
    standing = find_standing(read_verdicts(source.connection))
    settled = settle(standing)
    on_frame: dict[tuple[str, int], list[Verdict]] = {}
    for row in standing:
        on_frame.setdefault((row.sha256, row.frame_index), []).append(row)
    groups = _find_groups(source)
    number = {name: class_id for class_id, name in enumerate(source.info.class_names)}
    for copies in read_contents(source):
        sha256 = copies[0].sha256
        for frame in read_frames(source, copies[0]):
            rows = on_frame.get((sha256, frame.frame_index), [])
            said = {found.id: settled[found.id] for found in frame.detections if found.id in settled}
            why = _why_undecided(frame, said)
            if why and (rows or frame.shown):
                left.append(_leave_out(copies[0], frame, why))
            if why or not rows:
                continue
            boxes = [
                (number[said[found.id].verdict_label], found.left, found.top, found.right, found.bottom)
                for found in frame.detections
                if found.id in said and said[found.id].verdict in OURS
            ]
            drawn = [
                (number[row.label], row.left, row.top, row.right, row.bottom)
                for row in rows
                if row.verdict == MISSED
            ]
            yield LabelledFrame(
                name=frame_id(sha256, frame.frame_index),
                files=tuple(copies),
                frame=frame,
                boxes=tuple(_without_repeats(boxes, drawn)),
                group=groups[sha256],
                is_checked=any(row.verdict == NOTHING_ELSE for row in rows),
            )


def _why_undecided(frame: ReportFrame, said: Mapping[str, Settled]) -> str:
    """What hinders that a frame is taken, "" for nothing."""
    verdicts = {one.verdict for one in said.values()}
    if DISPUTED in verdicts:
        return "reviewers disagree"
    if CANNOT_TELL in verdicts:
        return "nobody can tell"
    open_ones = sum(found.id not in said for found in frame.shown)
    return f"{open_ones} of {len(frame.shown)} detections are undecided" if open_ones else ""


def _leave_out(file: ReportFile, frame: ReportFrame, why: str) -> LeftOut:
    name = escape_cell(file.file)
    return LeftOut(name, file.sha256, frame.frame_index, f"{frame.time_seconds:.3f}", why)


def _find_groups(source: ExportSource) -> dict[str, str]:
    """For each content the name of its group: all that share a cluster, or a picture that looks the same."""
    head: dict[str, str] = {}

    def find(name: str) -> str:
        while head.setdefault(name, name) != name:
            name = head[name]
        return name

    for table in ("cluster", "picture"):
        rows = source.connection.execute(
            f"SELECT sha256, {table} FROM {'copies' if table == 'cluster' else 'pictures'}"
        )
        for sha256, name in rows:
            one, other = sorted((find(sha256), find(f"~{table} {name}")))
            head[other] = one
    contents = [sha256 for (sha256,) in source.connection.execute("SELECT sha256 FROM results")]
    return {sha256: find(sha256)[:ID_DIGITS] for sha256 in contents}


def _without_repeats(
    boxes: Sequence[tuple[int, float, float, float, float]],
    drawn: Iterable[tuple[int, float, float, float, float]],
) -> list[tuple[int, float, float, float, float]]:
    """All boxes, and those drawn that are not of a flag that has one: two people may have drawn the same."""
    kept = list(boxes)
    for one in drawn:
        same = [other[1:] for other in kept if other[0] == one[0]]
        overlap = sv.box_iou_batch(np.array([one[1:]]), np.array(same)) if same else np.zeros((1, 0))
        if not (overlap >= SAME_BOX).any():
            kept.append(one)
    return kept


def _read_picture(source: ExportSource, one: LabelledFrame) -> bytes:
    sha256 = one.files[0].sha256
    paths = [file.path for file in one.files]
    image = read_original(paths, sha256, one.frame.frame_index, one.frame.time_seconds)
    jpeg = io.BytesIO()
    safe = protect(image, show_faces=source.info.identity.get("show_faces") == "true")
    Image.fromarray(safe).save(jpeg, "JPEG", quality=SAVED_QUALITY)
    return jpeg.getvalue()


def _describe(one: LabelledFrame, split: str) -> Picture:
    return Picture(
        name=one.name,
        split=split,
        group=one.group,
        file=escape_cell(one.files[0].file),
        sha256=one.files[0].sha256,
        frame_index=one.frame.frame_index,
        time_seconds=f"{one.frame.time_seconds:.3f}",
        boxes=len(one.boxes),
        checked="true" if one.is_checked else "false",
    )


def _notes(
    written: Sequence[LabelledFrame], splits: dict[str, str], left: Sequence[LeftOut]
) -> Iterator[str]:
    whole = len(written) + len(left)
    yield f"{len(written)} of {whole} pictures with a detection or a verdict are in the set"
    for split in ("train", "val"):
        ours = [one for one in written if splits[one.group] == split]
        yield f"{split}: {len(ours)} pictures, {sum(not one.boxes for one in ours)} of them without a flag"
        if not ours:
            yield f"{split} is empty: review more different pictures before training"
    unchecked = sum(not one.is_checked for one in written)
    if unchecked:
        yield f"{unchecked} pictures were not marked “nothing else here”: missed flags may be on them"
    if left:
        yield f"{len(left)} left out, all in left_out.csv:"
    for one in left[:NAMES_TOLD]:
        time = f" at {one.time_seconds} s" if float(one.time_seconds) else ""
        yield f"{one.file}{time}: {one.why}"
    if len(left) > NAMES_TOLD:
        yield f"and {len(left) - NAMES_TOLD} more"
