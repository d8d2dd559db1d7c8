"""A report's views in, counts out: what was looked at, and in how much of it something is seen."""

from dataclasses import dataclass

from detector.journal import (
    AMBIGUOUS,
    BOTH,
    BOTH_IN_FRAME,
    CONFIRMED,
    EARLIEST_POSTED,
    LATEST_POSTED,
    REJECTED,
    UNDECIDED,
    Journal,
    ReportInfo,
)
from detector.posts import is_sidecar

TOP = 20  # reasons and authors listed


@dataclass(frozen=True, slots=True)
class Appearance:
    """A post of a file that shows something; all "" when no file has a time."""

    posted_at: str
    """A time of day, or a bare day where no more is known."""
    file: str
    sha256: str
    source_url: str
    platform: str
    author: str


@dataclass(frozen=True, slots=True)
class Reach:
    """In how much of the collection something is seen; what people said counts.

    files = said_by_model - rejected + entered = confirmed + undecided
    """

    files: int
    said_by_model: int
    """Files of which the model alone says so."""
    confirmed: int
    """Files of which a person says so."""
    undecided: int
    """Files of which the model says so, and nobody has contradicted yet."""
    rejected: int
    """Files of which the model says so, and people say otherwise."""
    entered: int
    """Files of which only people say so: boxes drawn, flags corrected, ambiguous ones decided."""
    contents: int
    """Different files: exact copies count once."""
    clusters: int
    """Different pictures and clips: copies that look the same count once too."""
    by_day: dict[str, int]
    """Files for each day (UTC) of `posted_at`; files without one are in none."""
    by_platform: dict[str, int]
    by_author: dict[str, int]
    """The authors with most files; none when authors are pseudonymised."""
    first: Appearance
    """By its end something was certainly posted: a bare day, which may be of any zone, ends late."""
    first_possible: Appearance
    """The one that may be the earliest: a bare day begins early. The same where that is so."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts that add up: ok + no_detection + failed + not_read + unsupported + not_reached = files."""

    files: int
    ok: int
    no_detection: int
    failed: int
    not_read: int
    """Known media of kinds not read here, and what is not opened, as hidden files."""
    unsupported: int
    sidecars: int
    """Of the unsupported, those named as sidecars are."""
    unmatched_sidecars: int
    """Of these, those of a known downloader that tell about no file, or are broken."""
    unmatched_names: tuple[str, ...]
    """Their names; the first."""
    not_reached: int
    """Inputs not looked at, because the scan was stopped."""
    earlier: int
    """Of the files, those of earlier scans into the report, in places where the newest did not look."""
    left_out: int
    """Files of earlier runs that are gone from where they were, or left out by --only-these; not in the
    tables."""
    photos: int
    videos: int
    contents: int
    """Different contents among the files with a hash: exact copies count once."""
    clusters: int
    """Different pictures and clips: copies that look the same count once too."""
    posts: int
    """Files whose post is known."""
    frames_read: int
    events: int
    detections: int
    ambiguous: int
    almost: int
    """Detections below the threshold that are near enough to be shown apart."""
    repeated: int
    """Of the detections, those in exact copies of a file, which are looked at once."""
    without_picture: int
    """Of the others, those in frames of videos that show no more than the frames around them."""
    reviewed: int
    """Of the detections, those with a person's verdict."""
    looked_at: int
    """Of the detections to be looked at, as page and review count them, those with a person's verdict."""
    verdicts: dict[str, int]
    """Of the reviewed, how many have each; and `missed`: boxes drawn where the model saw nothing."""
    detections_of: dict[str, int]
    shows: dict[str, Reach]
    """For each class the files in which it is claimed unambiguously; under `both_in_frame` those in which one
    picture or frame shows every class so, under `both` those that do anywhere in the file, under
    `ambiguous` those with a detection that may be one flag or the other."""
    failures: dict[str, int]
    """Reasons of files that failed or are not read, and how many have each; the commonest."""

    @property
    def to_look_at(self) -> int:
        """Detections that a person looks at, on the page and in a review: those with a picture of their own,
        exact copies once."""
        return self.detections - self.repeated - self.without_picture


def summarise(journal: Journal, info: ReportInfo) -> Summary:
    """Counts over the report's files."""

    def one(sql: str) -> int:
        return int(journal.connection.execute(sql).fetchone()[0])

    def counts(sql: str) -> dict[str, int]:
        return {str(name): int(count) for name, count in journal.connection.execute(sql)}

    tally = journal.tally()
    by_status = counts("SELECT status, count(*) FROM temp.files GROUP BY status")
    by_kind = counts("SELECT kind, count(*) FROM temp.files GROUP BY kind")
    unsupported = journal.connection.execute("SELECT file FROM temp.files WHERE status = 'unsupported'")
    unmatched = "FROM temp.files WHERE status = 'unsupported' AND post_warning != ''"
    names = journal.connection.execute(f"SELECT file {unmatched} ORDER BY file LIMIT {TOP}")
    seen = "FROM temp.files JOIN temp.shown USING (sha256)"
    detections_of = counts(f"SELECT label, count(*) {seen} GROUP BY label")
    return Summary(
        files=tally.found,
        ok=by_status.get("ok", 0),
        no_detection=by_status.get("no_detection", 0),
        failed=by_status.get("failed", 0),
        not_read=by_status.get("not_read", 0),
        unsupported=by_status.get("unsupported", 0),
        sidecars=sum(is_sidecar(file.rpartition("/")[2]) for (file,) in unsupported),
        unmatched_sidecars=one(f"SELECT count(*) {unmatched}"),
        unmatched_names=tuple(file for (file,) in names),
        not_reached=tally.found - tally.looked_at,
        earlier=tally.earlier,
        left_out=tally.left_out,
        photos=by_kind.get("photo", 0),
        videos=by_kind.get("video", 0),
        contents=one("SELECT count(DISTINCT sha256) FROM temp.files WHERE sha256 != ''"),
        clusters=one("SELECT count(DISTINCT cluster) FROM temp.files WHERE cluster != ''"),
        posts=one("SELECT count(*) FROM temp.files WHERE post_rule != '' AND kind != 'other'"),
        frames_read=one("SELECT coalesce(sum(frames_read), 0) FROM temp.files"),
        events=one("SELECT count(*) FROM temp.files JOIN events USING (sha256)"),
        detections=one(f"SELECT count(*) {seen}"),
        ambiguous=one(f"SELECT coalesce(sum(ambiguous), 0) {seen}"),
        almost=one("SELECT count(*) FROM temp.files JOIN temp.almost USING (sha256)"),
        repeated=one(f"SELECT count(*) - count(DISTINCT id) {seen}"),
        without_picture=one(f"SELECT count(DISTINCT id) {seen} WHERE crop = ''"),
        reviewed=one(f"SELECT count(*) {seen} JOIN temp.settled ON detection_id = id"),
        looked_at=one(
            f"SELECT count(DISTINCT id) {seen} JOIN temp.settled ON detection_id = id WHERE crop != ''"
        ),
        verdicts=counts(f"SELECT verdict, count(*) {seen} JOIN temp.settled ON detection_id = id GROUP BY 1")
        | counts("SELECT 'missed', count(*) FROM temp.claims WHERE id GLOB 'drawn-*' GROUP BY 1"),
        detections_of={name: detections_of.get(name, 0) for name in info.class_names},
        shows=_find_reach(journal, info),
        failures=counts(
            "SELECT reason, count(*) FROM temp.files WHERE status IN ('failed', 'not_read') "
            f"GROUP BY reason ORDER BY count(*) DESC, reason LIMIT {TOP}"
        ),
    )


def _find_reach(journal: Journal, info: ReportInfo) -> dict[str, Reach]:
    with_authors = info.identity.get("pseudonymise") != "true"
    keys = (*info.class_names, BOTH_IN_FRAME, BOTH, AMBIGUOUS)
    return {key: _reach_of(journal, key, with_authors=with_authors) for key in keys}


def _reach_of(journal: Journal, key: str, *, with_authors: bool) -> Reach:
    execute = journal.connection.execute
    execute("DROP TABLE IF EXISTS temp.showing")
    execute(
        "CREATE TEMP TABLE showing AS SELECT file, path, f.sha256, cluster, posted_at, source_url, platform, "
        "author, state, said FROM temp.claimed c JOIN temp.files f ON f.sha256 = c.sha256 WHERE c.key = ?",
        (key,),
    )
    by_state = dict(execute("SELECT state, count(*) FROM temp.showing GROUP BY state").fetchall())
    (said,) = execute("SELECT coalesce(sum(said), 0) FROM temp.showing").fetchone()
    execute("DELETE FROM temp.showing WHERE state = ?", (REJECTED,))

    def counts(name: str, order: str) -> dict[str, int]:
        return dict(
            execute(
                f"SELECT {name} AS name, count(*) AS files FROM temp.showing WHERE name != '' "
                f"GROUP BY name ORDER BY {order}"
            ).fetchall()
        )

    def first(order: str) -> Appearance:
        row = execute(
            "SELECT posted_at, file, sha256, source_url, platform, author FROM temp.showing "
            f"WHERE posted_at != '' ORDER BY {order}, file, path LIMIT 1"
        ).fetchone()
        return Appearance(*(row or ("",) * 6))

    files, different, clusters, entered = execute(
        "SELECT count(*), count(DISTINCT sha256), count(DISTINCT nullif(cluster, '')), "
        "coalesce(sum(NOT said), 0) FROM temp.showing"
    ).fetchone()
    return Reach(
        files=files,
        said_by_model=said,
        confirmed=by_state.get(CONFIRMED, 0),
        undecided=by_state.get(UNDECIDED, 0),
        rejected=by_state.get(REJECTED, 0),
        entered=entered,
        contents=different,
        clusters=clusters,
        by_day=counts("substr(posted_at, 1, 10)", "name"),
        by_platform=counts("platform", "files DESC, name"),
        by_author=counts("author", f"files DESC, name LIMIT {TOP}") if with_authors else {},
        first=first(LATEST_POSTED),
        first_possible=first(EARLIEST_POSTED),
    )
