"""A report's views in, static page out: one HTML file beside the pictures, without any request."""

import base64
import hashlib
import io
import sqlite3
from collections import Counter
from typing import Any

import jinja2
from markupsafe import Markup

from detector.report.summary import AMBIGUOUS, BOTH, BOTH_IN_FRAME, Summary

MAX_DETECTIONS = 20_000  # on the page; past this a browser grows slow, and the page says what is left out
MAX_PER_CONTENT = 30  # of one file
MAX_FILES_LISTED = 1000  # of those not read, and of copies of one picture
TEXT_LENGTH = 600  # characters of a post's text
CHART_COLOURS = ("#E69F00", "#CC79A7", "#56B4E9", "#F0E442", "#D55E00")  # as in pictures/annotate.py

# What matters comes first: all classes in one picture, clear detections, many copies, high confidence.
ORDER = "max(both_in_frame) DESC, min(ambiguous), max(cluster_size) DESC, max(confidence) DESC, cluster"


def draw_page(connection: sqlite3.Connection, summary: Summary, run: dict[str, Any]) -> str:
    """The text of `index.html`; pictures are linked relative to it. Texts of strangers are escaped."""
    loader = jinja2.PackageLoader("detector.report")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    script = _source(loader, environment, "page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    cards = {"seen": _find_cards(connection, "shown"), "almost": _find_cards(connection, "almost")}
    on_page = sum(len(card["detections"]) for of_view in cards.values() for card in of_view)
    (different,) = connection.execute(
        "SELECT count(*) FROM (SELECT sha256 FROM temp.shown UNION ALL SELECT sha256 FROM temp.almost) "
        "WHERE sha256 IN (SELECT sha256 FROM temp.files)"
    ).fetchone()  # those of exact copies once
    return environment.get_template("page.html").render(
        summary=summary,
        run=run,
        names={
            **{name: name for name in summary.detections_of},
            BOTH_IN_FRAME: "both in one picture",
            BOTH: "both anywhere in the file",
            AMBIGUOUS: "ambiguous: one flag or the other",
        },
        style=Markup(_source(loader, environment, "page.css")),  # noqa: S704 (our own files)
        script=Markup(script),  # noqa: S704
        script_hash=digest,
        charts=_draw_charts(connection, summary),
        data={"labels": list(summary.detections_of), **cards},
        left_out=different - on_page,
        limits={"a file": MAX_PER_CONTENT, "in all": MAX_DETECTIONS},
        counts={"seen": summary.detections, "almost": summary.almost},
        not_read=_find_not_read(connection),
    )


def _source(loader: jinja2.BaseLoader, environment: jinja2.Environment, name: str) -> str:
    return loader.get_source(environment, name)[0]


# Gallery


def _find_cards(connection: sqlite3.Connection, view: str) -> list[dict[str, Any]]:
    """Clusters with their contents, these with their files and detections, in the order of `ORDER`."""
    detections = _read(
        connection,
        f"""
        WITH numbered AS (
            SELECT v.*, row_number() OVER (PARTITION BY sha256 ORDER BY confidence DESC, id) AS place
            FROM temp.{view} v WHERE crop != ''),
        of_content AS (
            SELECT sha256, max(cluster) AS cluster, max(cluster_size) AS cluster_size
            FROM temp.files WHERE sha256 != '' GROUP BY sha256),
        ordered AS (
            SELECT cluster, row_number() OVER (ORDER BY {ORDER}) AS turn
            FROM numbered JOIN of_content USING (sha256) GROUP BY cluster)
        SELECT n.id, n.sha256, c.cluster, time_seconds, label, round(confidence, 3) AS confidence,
               rival_label, ambiguous, both_in_frame, annotated, crop, verdict, verdict_label, reviewer
        FROM numbered n JOIN of_content c USING (sha256) JOIN ordered o ON o.cluster = c.cluster
        LEFT JOIN temp.settled ON detection_id = n.id
        WHERE place <= {MAX_PER_CONTENT} ORDER BY turn, confidence DESC, n.id LIMIT {MAX_DETECTIONS}
        """,
    )
    files = _read(
        connection,
        f"""
        SELECT file, sha256, kind, status, cluster, source_url, platform, author, posted_at, forwarded_from,
               substr(post_text, 1, {TEXT_LENGTH}) AS post_text, post_warning, captured_at,
               other_posts != '' AS disputed
        FROM temp.files WHERE sha256 IN (SELECT sha256 FROM temp.{view})
        ORDER BY posted_at = '', posted_at, file
        """,
    )
    events = _read(
        connection,
        "SELECT sha256, label, start_seconds, end_seconds, best_detection FROM events "
        "JOIN temp.classes USING (class_id) ORDER BY start_seconds",
    )
    cards: dict[str, dict[str, Any]] = {}
    for row in detections:
        card = cards.setdefault(row.pop("cluster"), {"detections": [], "files": [], "events": []})
        card["detections"].append(row)
    of_cluster = {row["sha256"]: row["cluster"] for row in files}
    for row in files:
        card = cards.get(row["cluster"], {})
        if card and len(card["files"]) < MAX_FILES_LISTED:
            card["files"].append(row)
    for row in events if view == "shown" else ():
        card = cards.get(of_cluster.get(row["sha256"], ""), {})
        if card:
            card["events"].append(row)
    return [{"cluster": name, **card} for name, card in cards.items()]


def _find_not_read(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    return _read(
        connection,
        "SELECT file, kind, reason, read_seconds, declared_seconds FROM temp.files "
        f"WHERE status IN ('failed', 'not_read') ORDER BY reason, file LIMIT {MAX_FILES_LISTED}",
    )


def _read(connection: sqlite3.Connection, sql: str) -> list[dict[str, Any]]:
    """Rows by name of column; what is empty is left out."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value not in ("", None)}
        for row in cursor
    ]


# Charts


def _draw_charts(connection: sqlite3.Connection, summary: Summary) -> list[dict[str, Any]]:
    """Each with its title, its SVG ("" for lack of data), a sentence and the numbers as a table."""
    labels = list(summary.detections_of)
    by_day = {label: summary.shows[label].by_day for label in labels}
    both = {
        "in one picture": summary.shows[BOTH_IN_FRAME].by_day,
        "in one file": summary.shows[BOTH].by_day,
    }
    charts = [
        _by_day_chart("Files that show each flag, by day posted (UTC)", by_day),
        _by_day_chart("Files that show both flags, by day posted (UTC)", both),
    ]
    tenths: dict[str, Counter[str]] = {label: Counter() for label in labels}
    for label, confidence, count in connection.execute(
        "SELECT label, cast(confidence * 20 AS INTEGER) / 20.0, count(*) FROM temp.shown "
        "WHERE sha256 IN (SELECT sha256 FROM temp.files) GROUP BY 1, 2"
    ):
        tenths[label][f"{confidence:.2f}"] += count
    steps = [f"{step / 20:.2f}" for step in range(20)]
    charts.append(_bar_chart("Detections by confidence", "from this confidence on", steps, tenths))
    return charts


def _by_day_chart(title: str, counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Bars for each day, or for each month where days would be too many to tell apart."""
    days = sorted({day for one in counts.values() for day in one})
    if len(days) <= 62:
        return _bar_chart(title, "day", days, counts)
    by_month: dict[str, Counter[str]] = {name: Counter() for name in counts}
    for name, one in counts.items():
        for day, count in one.items():
            by_month[name][day[:7]] += count
    months = sorted({day[:7] for day in days})
    return _bar_chart(title.replace("by day", "by month"), "month", months, by_month)


def _bar_chart(
    title: str, axis: str, steps: list[str], counts: dict[str, dict[str, int]] | dict[str, Counter[str]]
) -> dict[str, Any]:
    rows = [(step, [one.get(step, 0) for one in counts.values()]) for step in steps]
    names = list(counts)
    filled = [row for row in rows if any(row[1])]
    drawing = _draw_bars(steps, names, [numbers for _, numbers in rows], axis) if filled else ""
    total = ", ".join(f"{name} {sum(numbers[i] for _, numbers in rows)}" for i, name in enumerate(names))
    return {"title": title, "axis": axis, "svg": drawing, "names": names, "rows": filled, "total": total}


def _draw_bars(steps: list[str], names: list[str], numbers: list[list[int]], axis: str) -> Markup:
    """An SVG whose texts stay texts and whose black becomes the page's colour of text."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with mpl.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "", "font.family": "sans-serif", "font.size": 9}
    ):
        figure = Figure(figsize=(5, 2.6), layout="constrained")
        axes = figure.add_subplot()
        width = 0.8 / len(names)
        for number, name in enumerate(names):
            places = [step + (number - (len(names) - 1) / 2) * width for step in range(len(steps))]
            colour = CHART_COLOURS[number % len(CHART_COLOURS)]
            axes.bar(places, [row[number] for row in numbers], 0.9 * width, label=name, color=colour)
        shown = range(0, len(steps), max(1, -(-len(steps) // 6)))
        axes.set_xticks(list(shown), [steps[step] for step in shown])
        axes.set_xlim(-0.6, max(len(steps), 3) - 0.4)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axes.set_xlabel(axis)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing = text.getvalue()
    drawing = drawing[drawing.index("<svg") :].replace("#000000", "currentColor")
    return Markup(drawing)  # noqa: S704 (its texts are class names and days; matplotlib escapes them)
