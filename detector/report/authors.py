"""A report's views in, who showed which flag out: by author and by platform, first or after whom."""

import json
import sqlite3
from dataclasses import dataclass

from detector.journal import LATEST_POSTED, REJECTED

MAX_LISTED = 200

ROWS = f"""
WITH shown AS (
    SELECT f.file, f.sha256, coalesce(nullif(f.cluster, ''), f.sha256) AS picture, f.author, f.platform,
           f.posted_at, {LATEST_POSTED} AS latest
    FROM temp.files f WHERE f.sha256 IN (SELECT sha256 FROM temp.claimed WHERE state != '{REJECTED}')),
first_of AS (
    SELECT picture, {{who}} AS who FROM (
        SELECT *, row_number() OVER (PARTITION BY picture ORDER BY latest, file) AS place FROM shown
        WHERE posted_at != '') WHERE place = 1 AND {{who}} != '')
SELECT {{who}}, count(*) AS files, count(DISTINCT s.picture) AS pictures, min(latest), posted_at,
       count(DISTINCT CASE WHEN o.who = {{who}} THEN s.picture END) AS came_first,
       json_group_array(DISTINCT o.who) AS after
FROM shown s LEFT JOIN first_of o ON o.picture = s.picture
WHERE {{who}} != '' GROUP BY {{who}} ORDER BY pictures DESC, files DESC, {{who}} LIMIT {MAX_LISTED}
"""
FLAGS = f"""
SELECT f.{{who}}, c.key, count(*) FROM temp.claimed c JOIN temp.files f ON f.sha256 = c.sha256
WHERE c.state != '{REJECTED}' AND f.{{who}} != '' GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Publisher:
    """An author or a platform."""

    name: str
    files: int
    """In which something is claimed."""
    pictures: int
    """Different ones: copies that look the same count once."""
    first_posted: str
    """The earliest that is certain; a bare day where no more is known, "" for none."""
    came_first: int
    """Of the pictures, those that nobody here posted earlier."""
    after: tuple[str, ...]
    """Who posted pictures of these earlier."""
    shows: dict[str, int]
    """Files for each class and other key that are claimed to show it."""


def find_publishers(connection: sqlite3.Connection, who: str) -> list[Publisher]:
    """Those with most pictures first; `who` is the column author or platform."""
    shows: dict[str, dict[str, int]] = {}
    for name, key, count in connection.execute(FLAGS.format(who=who)):
        shows.setdefault(name, {})[key] = count
    return [
        Publisher(
            name=name,
            files=files,
            pictures=pictures,
            first_posted=posted_at,
            came_first=came_first,
            after=tuple(sorted(one for one in json.loads(after) if one and one != name)),
            shows=shows.get(name, {}),
        )
        for name, files, pictures, _, posted_at, came_first, after in connection.execute(ROWS.format(who=who))
    ]
