"""A report in, Label Studio tasks with predictions out (https://labelstud.io/guide/predictions)."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from detector.errors import ReportFolderError
from detector.export.rows import (
    ExportSource,
    FrameDetection,
    ReportFile,
    ReportFrame,
    Written,
    read_contents,
    read_frames,
)
from detector.export.writing import open_new, write_list
from detector.naming import common_folder, tells_too_much

LABEL, IMAGE = "label", "image"  # names that tasks and labelling interface share


def write_labelstudio(source: ExportSource, folder: Path) -> Written:
    """`tasks.json`: a task for each different picture in which something is shown, all its boxes in one
    prediction; `config.xml`: the labelling interface they fit.

    A photo is shown from where it was scanned, a video's frame from the report, with boxes drawn on it.
    """
    folder.mkdir()
    (folder / "config.xml").write_text(_interface(source.info.class_names), encoding="utf-8")
    root = _document_root(source)
    files = detections = 0

    def tasks() -> Iterator[dict[str, object]]:
        nonlocal files, detections
        for copies in read_contents(source):
            shown = [frame for frame in read_frames(source, copies[0]) if frame.shown]
            files += len(copies) if shown else 0
            for frame in shown:
                detections += len(frame.shown)
                yield _task(source, root, copies, frame)

    with open_new(folder / "tasks.json") as out:
        write_list(out, tasks())
        out.write("\n")
    notes = (
        "start Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root}",
        "paste config.xml as the project's labelling interface, add the scanned folder and the report as "
        "local storage, then import tasks.json",
    )
    return Written(files, detections, notes)


def _interface(class_names: tuple[str, ...]) -> str:
    labels = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in class_names)
    return (
        f'<View>\n  <Image name="{IMAGE}" value="$image" zoom="true"/>\n'
        f'  <RectangleLabels name="{LABEL}" toName="{IMAGE}">\n{labels}  </RectangleLabels>\n</View>\n'
    )


def _document_root(source: ExportSource) -> Path:
    """The folder above the scanned files and the report: Label Studio serves only what lies below it."""
    roots = source.connection.execute("SELECT DISTINCT root FROM inputs WHERE belongs")
    folders = [source.folder, *(Path(os.fsdecode(root)) for (root,) in roots)]
    common = common_folder(folders)
    if common in folders:
        common = common.parent
    if not common or tells_too_much(common, folders):
        raise ReportFolderError(
            "the report and the scanned files lie apart: Label Studio serves one folder, and the way through "
            "it would tell whose machine this is; move the report beside them"
        )
    return common


def _task(
    source: ExportSource, root: Path, copies: list[ReportFile], frame: ReportFrame
) -> dict[str, object]:
    file = copies[0]
    is_video = file.kind == "video"
    picture = source.folder / frame.annotated if is_video else file.path
    return {
        "data": {
            "image": f"/data/local-files/?d={quote(os.fsencode(picture.relative_to(root).as_posix()))}",
            "file": file.file,
            "copies": [copy.file for copy in copies[1:]],
            "sha256": file.sha256,
            "frame_index": frame.frame_index,
            "time_seconds": round(frame.time_seconds, 3),
            "ambiguous": any(found.ambiguous for found in frame.shown),
        },
        "predictions": [
            {
                "model_version": f"{source.weights_name} {source.info.weights_sha256[:12]}",
                "score": round(max(found.confidence for found in frame.shown), 6),
                "result": [_region(found, frame, source.info.class_names) for found in frame.shown],
            }
        ],
    }


def _region(found: FrameDetection, frame: ReportFrame, class_names: tuple[str, ...]) -> dict[str, object]:
    box = {"x": found.left / frame.width, "y": found.top / frame.height}
    box |= {"width": (found.right - found.left) / frame.width}
    box |= {"height": (found.bottom - found.top) / frame.height}
    percent = {side: round(100 * share, 4) for side, share in box.items()}
    label = class_names[found.class_id]
    region: dict[str, object] = {
        "id": found.id,
        "from_name": LABEL,
        "to_name": IMAGE,
        "type": "rectanglelabels",
        "original_width": frame.width,
        "original_height": frame.height,
        "image_rotation": 0,
        "score": round(found.confidence, 6),
        "value": {**percent, "rotation": 0, "rectanglelabels": [label]},
    }
    if found.ambiguous:
        rival = class_names[found.rival_class_id]
        region["meta"] = {"text": [f"ambiguous: {label} or {rival} ({found.rival_confidence:.2f})"]}
    return region
