"""Each table of a report, column by column: what it shows, of which type it is, and how it is read.

The views that tables are read from are in `journal/views.py`. A new column is a line here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from detector.ids import ID_DIGITS, STREAM_FRAMES, stream_sql
from detector.journal import KNOWN_BEFORE

Type = Literal["text", "foreign", "whole", "number", "flag"]
"""`foreign` is text that strangers wrote; a `flag` is written as true or false."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    about: str
    """What it shows, with its unit."""
    type: Type = "text"
    sql: str = ""
    """Expression that it is read with; its name where empty."""
    decimals: int = -1
    """Digits after the point of a `number`."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in order, and the rows they are read from."""

    name: str
    """Of its file, without the suffix."""
    rows: str
    """SQL after FROM."""
    columns: tuple[Column, ...]

    @property
    def sql(self) -> str:
        """Statement that reads all rows, every column by its name."""
        selected = ", ".join(f"{one.sql or _quoted(one.name)} AS {_quoted(one.name)}" for one in self.columns)
        return f"SELECT {selected} FROM {self.rows}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _pixels(name: str, about: str) -> Column:
    return Column(name, f"{about}, pixels of the upright frame", "number", f'"{name}"', 1)


def _share(name: str, about: str, sql: str) -> Column:
    return Column(name, f"{about}, 0 to 1", "number", sql, 6)


def _seconds(name: str, about: str, sql: str = "") -> Column:
    return Column(name, f"{about}, seconds", "number", sql, 3)


def _said(name: str, about: str, type_: Type = "text") -> Column:
    return Column(name, about, type_, f"coalesce({name}, '')")


def _differing(side: str) -> str:
    """SQL of a side of what differs, nothing where nothing does."""
    expression = {
        "x": "differs_left",
        "y": "differs_top",
        "width": "differs_right - differs_left",
        "height": "differs_bottom - differs_top",
    }[side]
    return f"CASE differs_in_part WHEN 'yes' THEN {expression} END"


POST = (
    Column("source_url", "address of the post", "foreign"),
    Column("platform", "where it was posted", "foreign"),
    Column("author", "who posted it", "foreign"),
    Column("posted_at", "when it was posted, UTC", "foreign"),
)

STREAM = (
    "which of the file's video streams it is in, from 0; from 16, 32 … in recordings appended to the first"
)
FRAME_INDEX = f"frames of its stream shown before it, and {STREAM_FRAMES} for each stream before that"
FIRST_FRAME = f"CAST(substr(event_id, {ID_DIGITS} + 3 + length(class_id)) AS INTEGER)"

DETECTIONS = Table(
    "detections",
    "temp.files f JOIN temp.shown USING (sha256) LEFT JOIN temp.settled ON detection_id = id "
    "ORDER BY f.file, f.path, frame_index, rank",
    (
        Column("id", "from content hash, frame and rank; exact copies of a file share it"),
        Column("file", "path under the scanned folder", "foreign", "f.file"),
        Column("sha256", "hash of the file's content"),
        Column("kind", "photo or video", sql="f.kind"),
        Column("frame_index", FRAME_INDEX, "whole"),
        _seconds("time_seconds", "presentation time from the start; 0 for photos"),
        Column("stream", STREAM, "whole", stream_sql("frame_index")),
        Column("page", "pictures before it in a photo of several; 0 is what viewers show", "whole"),
        Column("label", "which flag it seems to be", "foreign"),
        Column("confidence", "how sure the model is, 0 to 1", "number", decimals=4),
        Column("rival_label", "the other flag on the same place"),
        Column("rival_confidence", "how sure the model is of the rival, 0 to 1", "number", decimals=4),
        Column("ambiguous", "whether it is one flag or the other", "flag"),
        _pixels("left", "left edge of the box"),
        _pixels("top", "upper edge"),
        _pixels("right", "right edge"),
        _pixels("bottom", "lower edge"),
        _share("x", "left edge, of the frame's width", '"left" / frame_width'),
        _share("y", "upper edge, of its height", "top / frame_height"),
        _share("width", "of the box, of the frame's width", '("right" - "left") / frame_width'),
        _share("height", "of the box, of its height", "(bottom - top) / frame_height"),
        Column("frame_width", "pixels", "whole"),
        Column("frame_height", "pixels", "whole"),
        Column("annotated", "picture of the whole frame, in the report"),
        Column("crop", "picture of the box, in the report"),
        Column("both_in_frame", "whether this very picture shows each flag, unambiguously", "flag"),
        Column("picture", "the same for all pictures and frames that look the same"),
        *POST,
        _said("verdict", "what people said"),
        _said("verdict_label", "which flag they said it is", "foreign"),
        _said("reviewer", "who said it", "foreign"),
        _said("reviewed_at", "when, UTC"),
        _said("note", "what they noted", "foreign"),
    ),
)


def describe_files(class_names: Sequence[str]) -> Table:
    """The table of inputs, with a column for each flag."""
    per_class = "".join(
        f", max(CASE WHEN class_id = {class_id} THEN confidence END) AS class_{class_id}"
        for class_id in range(len(class_names))
    )
    seen = (
        f"SELECT sha256, count(*) AS detections{per_class}, sum(ambiguous) AS ambiguous_detections, "
        "count(DISTINCT CASE WHEN NOT ambiguous THEN class_id END) AS clear_classes, "
        "max(both_in_frame) AS both_in_frame, "
        "sum(coalesce(verdict, '') IN ('confirmed', 'other_flag')) AS confirmed, "
        "sum(coalesce(verdict, '') IN ('rejected', 'another_flag')) AS rejected, "
        "sum(crop != '' AND coalesce(verdict, '') NOT IN "
        "('confirmed', 'other_flag', 'rejected', 'another_flag')) AS undecided "
        "FROM temp.shown LEFT JOIN temp.settled ON detection_id = id GROUP BY sha256"
    )
    claims = (
        "(SELECT group_concat(key, '; ') FROM (SELECT key FROM temp.claimed k JOIN temp.classes l "
        "ON l.label = k.key WHERE k.sha256 = f.sha256 AND state != 'rejected' ORDER BY l.class_id))"
    )
    drawn = "(SELECT count(*) FROM temp.claims k WHERE k.sha256 = f.sha256 AND k.id GLOB 'drawn-*')"
    return Table(
        "files",
        f"temp.files f LEFT JOIN ({seen}) s ON s.sha256 = f.sha256 ORDER BY f.file, f.path",
        (
            Column("file", "path under the scanned folder", "foreign"),
            Column("run", "number of the scan into this report that it came with; when: run.json", "whole"),
            Column("sha256", "hash of the content", sql="f.sha256"),
            Column("bytes", "length of the content", "whole"),
            Column("kind", "photo, video or other"),
            Column(
                "status",
                "ok, no_detection, failed, not_read (kind not read, hidden, elsewhere) or unsupported",
            ),
            Column(
                "reason",
                "why it failed or was not read, and what else is to be said of how it was read",
                "foreign",
            ),
            Column("width", "pixels, upright", "whole"),
            Column("height", "pixels, upright", "whole"),
            _seconds("duration_seconds", "of a video"),
            Column("frames_read", "frames looked at", "whole"),
            Column("frames_unreadable", "frames that are damaged", "whole"),
            _seconds("read_seconds", "how far it was read"),
            _seconds("declared_seconds", "how long it says it is"),
            Column("detections", "flags seen", "whole", "coalesce(s.detections, 0)"),
            Column(
                "ambiguous_detections",
                "ambiguous ones of these",
                "whole",
                "coalesce(ambiguous_detections, 0)",
            ),
            *(
                Column(name, f"highest confidence of {name}", "number", f"s.class_{class_id}", 4)
                for class_id, name in enumerate(class_names)
            ),
            Column(
                "both",
                "each flag is seen somewhere in the file, unambiguously",
                "flag",
                f"coalesce(s.clear_classes, 0) = {len(class_names)}",
            ),
            Column(
                "both_in_frame",
                "each is seen in one and the same picture",
                "flag",
                "coalesce(s.both_in_frame, 0)",
            ),
            Column(
                "claims",
                "flags that it shows when people's word counts",
                "foreign",
                f"coalesce({claims}, '')",
            ),
            Column(
                "confirmed",
                "detections that people say are one of the flags",
                "whole",
                "coalesce(confirmed, 0)",
            ),
            Column("rejected", "detections that people say are none", "whole", "coalesce(rejected, 0)"),
            Column(
                "undecided",
                "detections with a picture that nobody has decided on",
                "whole",
                "coalesce(undecided, 0)",
            ),
            Column("drawn", "flags that people drew where the model saw none", "whole", drawn),
            Column("cluster", "the same for photos that look the same and videos that share a clip"),
            Column("cluster_size", "files in it", "whole"),
            Column(
                "cluster_distance",
                "bits of 256 from the representative's hash",
                "number",
                "cluster_distance",
                0,
            ),
            Column(
                "representative", "file of the cluster that was posted first, else the largest", "foreign"
            ),
            Column(
                "differs_in_part",
                "whether a part of it shows something else than the representative: yes, no, or empty where "
                "that was not compared",
            ),
            *(
                _share(f"differs_{side}", f"{about} of that part, of its {of}", _differing(side))
                for side, about, of in (
                    ("x", "left edge", "width"),
                    ("y", "upper edge", "height"),
                    ("width", "width", "width"),
                    ("height", "height", "height"),
                )
            ),
            Column(
                "known_before",
                "whether an archive knows what looks like it from before this post: certain, possible, no, "
                "or unknown where a time is missing",
                sql=KNOWN_BEFORE,
            ),
            Column("known_since", "when that was posted, or what its camera wrote", "foreign"),
            Column("known_precision", "second, day, or camera: a clock that may be wrong"),
            Column("known_as", "report, file and post that it is known from", "foreign"),
            Column(
                "known_distance",
                "bits of 256 between them or a part of one",
                "number",
                "known_distance",
                0,
            ),
            Column("known_how", "in what way the two are alike"),
            Column("known_possibly", "a time that may be earlier still", "foreign"),
            Column("known_possibly_as", "what it is known from then", "foreign"),
            Column("captured_at", "what the camera wrote, with its offset from UTC if known"),
            *POST,
            Column("forwarded_from", "who said it first, where the post passes on another's", "foreign"),
            Column("post_id", "of the platform", "foreign"),
            Column("post_text", "what was written with it", "foreign"),
            Column("sidecar", "file that the post's data come from", "foreign"),
            Column("post_rule", "what matched it: path, stem or sha256", "foreign"),
            Column(
                "post_warning",
                "what is doubtful in the post's data; of a sidecar: that it tells about no file",
                "foreign",
            ),
            Column("other_posts", "posts that say otherwise, JSON", "foreign"),
        ),
    )


EVENTS = Table(
    "events",
    "temp.files f JOIN events USING (sha256) JOIN temp.classes c USING (class_id) "
    "ORDER BY f.file, f.path, start_seconds, class_id",
    (
        Column("event_id", "from content hash, flag and first frame"),
        Column("file", "path under the scanned folder", "foreign", "f.file"),
        Column("label", "which flag it seems to be", "foreign", "c.label"),
        _seconds("start_seconds", "first frame that shows it"),
        _seconds("end_seconds", "last frame that shows it"),
        Column("stream", STREAM, "whole", stream_sql(FIRST_FRAME)),
        Column("best_detection", "id of the surest detection"),
        Column("max_confidence", "of its detections, 0 to 1", "number", decimals=4),
        Column("median_confidence", "of its detections, 0 to 1", "number", decimals=4),
        Column("frames_hit", "frames that show it", "whole"),
        Column("frames_sampled", "frames looked at within it", "whole"),
        Column("ambiguous", "whether it is ambiguous in every frame", "flag"),
    ),
)

REVIEWS = Table(
    "reviews",
    "verdicts v LEFT JOIN temp.standing_numbers s USING (number) ORDER BY v.number",
    (
        Column("number", "of the verdict, in order of time", "whole", "v.number"),
        Column("at", "when, UTC"),
        Column("reviewer", "who", "foreign"),
        Column("verdict", "what was said"),
        Column("label", "which flag", "foreign"),
        Column("counts", "neither undone nor replaced", "flag", "s.number IS NOT NULL"),
        Column(
            "settles",
            "an editor's verdict that ends a dispute",
            "flag",
            "v.action GLOB 'settled-*'",
        ),
        Column("undoes", "number of the verdict taken back", "whole"),
        Column("detection_id", "what it is about"),
        Column(
            "file",
            "path under the scanned folder",
            "foreign",
            "coalesce((SELECT min(f.file) FROM temp.files f WHERE f.sha256 = v.sha256), '')",
        ),
        Column("sha256", "hash of the file's content", sql="v.sha256"),
        Column("frame_index", "frames shown before it", "whole", "v.frame_index"),
        _seconds(
            "time_seconds",
            "presentation time",
            "(SELECT time_seconds FROM frames r WHERE r.sha256 = v.sha256 AND r.frame_index = v.frame_index)",
        ),
        _pixels("left", "left edge of a drawn box"),
        _pixels("top", "upper edge"),
        _pixels("right", "right edge"),
        _pixels("bottom", "lower edge"),
        Column("note", "what was noted", "foreign"),
    ),
)
