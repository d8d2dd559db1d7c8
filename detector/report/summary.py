"""A report's views in, counts out: what was looked at, and in how much of it something is seen."""

from dataclasses import dataclass

from detector.journal import Journal, ReportInfo
from detector.posts import is_sidecar

TOP = 20  # reasons and authors listed
BOTH_IN_FRAME, BOTH, AMBIGUOUS = "both_in_frame", "both", "ambiguous"


@dataclass(frozen=True, slots=True)
class Appearance:
    """The earliest post of a file that shows something; all "" when no file has a time."""

    posted_at: str
    file: str
    source_url: str
    platform: str
    author: str


@dataclass(frozen=True, slots=True)
class Reach:
    """In how much of the collection something is seen."""

    files: int
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


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts that add up: ok + no_detection + failed + not_read + unsupported + not_reached = files."""

    files: int
    ok: int
    no_detection: int
    failed: int
    not_read: int
    """Known media that this tool does not read."""
    unsupported: int
    sidecars: int
    """Of the unsupported, those named as sidecars are."""
    unmatched_sidecars: int
    """Of these, those of a known downloader that tell about no file, or are broken."""
    unmatched_names: tuple[str, ...]
    """Their names; the first."""
    not_reached: int
    """Inputs not looked at, because the scan was stopped."""
    left_out: int
    """Files of earlier runs whose paths were not named again; not in the tables."""
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
    reviewed: int
    """Of the detections, those with a person's verdict."""
    detections_of: dict[str, int]
    shows: dict[str, Reach]
    """For each class the files in which it is seen unambiguously; under `both_in_frame` those in which one
    picture or frame shows every class so, under `both` those that do anywhere in the file, under
    `ambiguous` those with a detection that may be one flag or the other."""
    failures: dict[str, int]
    """Reasons of files that failed or are not read, and how many have each; the commonest."""


def summarise(journal: Journal, info: ReportInfo) -> Summary:
    """Counts over the newest run's files."""

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
        reviewed=one(f"SELECT count(*) {seen} JOIN temp.settled ON detection_id = id"),
        detections_of={name: detections_of.get(name, 0) for name in info.class_names},
        shows=_find_reach(journal, info),
        failures=counts(
            "SELECT reason, count(*) FROM temp.files WHERE status IN ('failed', 'not_read') "
            f"GROUP BY reason ORDER BY count(*) DESC, reason LIMIT {TOP}"
        ),
    )


def _find_reach(journal: Journal, info: ReportInfo) -> dict[str, Reach]:
    classes = len(info.class_names)
    clear = "SELECT sha256 FROM temp.shown WHERE NOT ambiguous"
    contents = {name: f"{clear} AND class_id = {class_id}" for class_id, name in enumerate(info.class_names)}
    contents[BOTH_IN_FRAME] = "SELECT sha256 FROM temp.shown WHERE both_in_frame"
    contents[BOTH] = f"{clear} GROUP BY sha256 HAVING count(DISTINCT class_id) = {classes}"
    contents[AMBIGUOUS] = "SELECT sha256 FROM temp.shown WHERE ambiguous"
    with_authors = info.identity.get("pseudonymise") != "true"
    return {
        name: _reach_of(journal, condition, with_authors=with_authors) for name, condition in contents.items()
    }


def _reach_of(journal: Journal, contents: str, *, with_authors: bool) -> Reach:
    execute = journal.connection.execute
    execute("DROP TABLE IF EXISTS temp.showing")
    execute(
        "CREATE TEMP TABLE showing AS SELECT file, path, sha256, cluster, posted_at, source_url, platform, "
        f"author FROM temp.files WHERE sha256 IN ({contents})"
    )

    def counts(name: str, order: str) -> dict[str, int]:
        return dict(
            execute(
                f"SELECT {name} AS name, count(*) AS files FROM temp.showing WHERE name != '' "
                f"GROUP BY name ORDER BY {order}"
            ).fetchall()
        )

    files, different, clusters = execute(
        "SELECT count(*), count(DISTINCT sha256), count(DISTINCT nullif(cluster, '')) FROM temp.showing"
    ).fetchone()
    first = execute(
        "SELECT posted_at, file, source_url, platform, author FROM temp.showing WHERE posted_at != '' "
        "ORDER BY posted_at, file, path LIMIT 1"
    ).fetchone()
    return Reach(
        files=files,
        contents=different,
        clusters=clusters,
        by_day=counts("substr(posted_at, 1, 10)", "name"),
        by_platform=counts("platform", "files DESC, name"),
        by_author=counts("author", f"files DESC, name LIMIT {TOP}") if with_authors else {},
        first=Appearance(*(first or ("",) * 5)),
    )
