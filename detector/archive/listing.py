"""An archive in, what it holds out."""

import os
from dataclasses import dataclass
from pathlib import Path

from detector.archive.store import WITHOUT_WINDOWS, open_archive

SOURCES = """
SELECT s.folder, s.kind, s.added_at, count(p.path), count(DISTINCT p.content),
       coalesce(min(nullif(p.posted_at, '')), ''), coalesce(max(nullif(p.posted_at, '')), '')
FROM sources s LEFT JOIN places p USING (source) GROUP BY s.source ORDER BY s.source
"""
COUNTS = f"SELECT (SELECT count(*) FROM contents), (SELECT count(*) FROM pictures), ({WITHOUT_WINDOWS})"


@dataclass(frozen=True, slots=True)
class Source:
    """A report in an archive, or a folder of which only the hashes are there."""

    folder: Path
    kind: str
    """`report` or `folder`."""
    added_at: str
    files: int
    contents: int
    first_posted: str
    """When the first of its files with a known post was posted, "" where none is known."""
    last_posted: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What an archive holds."""

    sources: tuple[Source, ...]
    contents: int
    """Different contents in all; one may be in several sources."""
    pictures: int
    """Photos and frames of videos with a hash."""
    without_parts: int
    """Photos of which parts were not hashed, as they came in before this was done."""


def list_archive(archive: Path) -> Listing:
    """Raises ArchiveError when the file is no archive."""
    with open_archive(archive) as connection:
        sources = tuple(
            Source(Path(os.fsdecode(folder)), *told) for folder, *told in connection.execute(SOURCES)
        )
        return Listing(sources, *connection.execute(COUNTS).fetchone())
