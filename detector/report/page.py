"""A report's views in, static page out: one HTML file beside the pictures, without any request."""

import base64
import hashlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from detector.journal import AMBIGUOUS, BOTH, BOTH_IN_FRAME, REJECTED
from detector.report.authors import find_publishers
from detector.report.gallery import (
    MAX_CONTENTS,
    MAX_DETECTIONS,
    MAX_PER_CONTENT,
    find_contents,
    find_other_files,
)
from detector.report.reasons import in_plain_words
from detector.report.seen import find_seen
from detector.report.summary import Summary

if TYPE_CHECKING:
    import jinja2

MAX_FILES_LISTED = 1000  # of those not read
COLOURS = ("#E69F00", "#CC79A7", "#56B4E9", "#F0E442", "#D55E00")  # of flags, as in pictures/annotate.py
COLOURS_OF_BOTH = {BOTH_IN_FRAME: "#0072B2", BOTH: "#8C8C8C", AMBIGUOUS: "#999999"}
FATES = {
    "ok": "the model sees a flag",
    "no_detection": "read to the end, none seen",
    "failed": "failed: not read, or in part",
    "not_read": "not read: hidden, elsewhere, or of a kind not read here",
    "unsupported": "neither photo nor video",
}
SCRIPTS = ("words", "state", "shots", "seen", "cards", "lightbox", "charts", "thresholds", "start")


def draw_page(
    connection: sqlite3.Connection,
    summary: Summary,
    run: Mapping[str, Any],
    folder: Path,
    differences: Mapping[str, list[dict[str, Any]]] | None = None,
) -> str:
    """The text of `index.html`, to lie in the folder, where its pictures are. Texts of strangers are escaped.

    `differences` are the pairs of `differences.find_differences`, by cluster.
    """
    import jinja2  # needed at the end of a scan: its beginning does not wait for it

    loader = jinja2.PackageLoader("detector.report")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    script = "\n".join(_source(loader, environment, f"page/{name}.js") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    names = {
        **{name: name for name in summary.detections_of},
        BOTH_IN_FRAME: "both in one picture",
        BOTH: "both anywhere in the file",
        AMBIGUOUS: "ambiguous: one flag or the other",
    }
    data = _gather(connection, summary, run, folder) | {"names": names, "differences": differences or {}}
    (asked,) = connection.execute("SELECT count(*) FROM known").fetchone()
    on_page = sum("almost" not in one for content in data["contents"] for one in content["detections"])
    drawn = summary.verdicts.get("missed", 0)
    (contents,) = connection.execute("SELECT count(*) FROM temp.on_page").fetchone()
    return environment.get_template("page.html").render(
        summary=summary,
        run=run,
        so_far=run.get("so_far", False),
        names=names,
        show={**{name: f"label:{name}" for name in summary.detections_of}},
        style=Markup(_source(loader, environment, "page.css")),  # noqa: S704 (our own files)
        script=Markup(script),  # noqa: S704
        script_hash=digest,
        data=data,
        asked=asked,
        to_look_at=summary.to_look_at,
        left_out=max(0, summary.to_look_at - (on_page - drawn)),
        fates=FATES,
        seen_by_fate=dict.fromkeys(FATES, 0) | _count_seen_by_fate(connection),
        contents_left_out=max(0, contents - MAX_CONTENTS),
        most_contents=MAX_CONTENTS,
        limits={"a file": MAX_PER_CONTENT, "in all": MAX_DETECTIONS},
        not_read=_find_not_read(connection),
        publishers={
            "author": find_publishers(connection, "author"),
            "platform": find_publishers(connection, "platform"),
        },
        in_plain_words=in_plain_words,
    )


def _source(loader: "jinja2.BaseLoader", environment: "jinja2.Environment", name: str) -> str:
    return loader.get_source(environment, name)[0]


def _gather(
    connection: sqlite3.Connection, summary: Summary, run: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """What the page's script draws from, but for names and differences."""
    labels = list(summary.detections_of)
    others = find_other_files(connection)
    for file in others:
        if file["status"] in ("failed", "not_read") and (words := in_plain_words(file.get("reason", ""))):
            file["plainly"] = words
    claimed = "SELECT count(*) FROM temp.files WHERE sha256 NOT IN (SELECT sha256 FROM temp.claimed "
    (without,) = connection.execute(f"{claimed}WHERE state != 'rejected')").fetchone()
    colours = dict(zip(labels, COLOURS * (1 + len(labels) // len(COLOURS)), strict=False))
    thresholds = dict(connection.execute("SELECT label, threshold FROM temp.classes").fetchall())
    return {
        "labels": labels,
        "colours": colours | COLOURS_OF_BOTH,
        "thresholds": {label: round(threshold, 4) for label, threshold in thresholds.items()},
        "floor": round(float(run["options"].get("floor", 0.01)), 2),
        "tool": run["tool"],
        "weights": run["weights_sha256"],
        "so_far": run.get("so_far", False),
        "contents": find_contents(connection),
        "known": find_seen(connection, folder),
        "others": others,
        "counts": {"other": without},
        "histogram": _count_by_confidence(connection, labels, 20, "temp.shown"),
        "reach": _reach_by_confidence(connection, labels),
    }


def _count_seen_by_fate(connection: sqlite3.Connection) -> dict[str, int]:
    """Files in which a flag is claimed, by status."""
    return dict(
        connection.execute(
            "SELECT status, count(*) FROM temp.files WHERE sha256 IN "
            f"(SELECT sha256 FROM temp.claimed WHERE state != '{REJECTED}') GROUP BY status"
        ).fetchall()
    )


def _count_by_confidence(
    connection: sqlite3.Connection, labels: list[str], steps: int, view: str
) -> dict[str, list[int]]:
    """Detections in each step of confidence, those of exact copies as often as there are files."""
    counts = {label: [0] * steps for label in labels}
    for label, step, count in connection.execute(
        f"SELECT label, cast(confidence * {steps} AS INTEGER), count(*) FROM {view} "
        "JOIN temp.files USING (sha256) GROUP BY 1, 2"
    ):
        counts[label][min(step, steps - 1)] += count
    return counts


def _reach_by_confidence(connection: sqlite3.Connection, labels: list[str]) -> dict[str, list[int]]:
    """Files by the highest clear confidence in each, in steps of a hundredth, down to the floor."""
    counts = {label: [0] * 101 for label in labels}
    for label, step, count in connection.execute(
        "SELECT label, cast(best * 100 + 1e-4 AS INTEGER), count(*) FROM "
        "(SELECT sha256, label, max(confidence) AS best FROM detections JOIN temp.classes USING (class_id) "
        "WHERE NOT ambiguous GROUP BY 1, 2) JOIN temp.files USING (sha256) GROUP BY 1, 2"
    ):
        counts[label][step] += count
    return counts


def _find_not_read(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    cursor = connection.execute(
        "SELECT file, kind, reason, read_seconds, declared_seconds FROM temp.files "
        "WHERE status IN ('failed', 'not_read') "
        f"ORDER BY reason, file LIMIT {MAX_FILES_LISTED}"
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
