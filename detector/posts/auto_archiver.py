"""auto-archiver's metadata in, a Claim out.

Read in core/metadata.py and core/media.py (shape), modules/json_enricher (written as metadata.json before
storing, so that media have names of a temporary folder), modules/local_storage (stored under another name, by
default the first 24 digits of the hash) and modules/hash_enricher (`hash` is "SHA-256:...").
"""

import re
from collections.abc import Iterator

from detector.posts.fields import MAX_ENTRIES, Fields, as_fields, base_name, first
from detector.posts.post import (
    Claim,
    Moment,
    day_moment,
    epoch_moment,
    join_warnings,
    make_claim,
    plain,
    text_moment,
)

SHA256 = re.compile(r"SHA-256:([0-9a-fA-F]{64})")


def read_auto_archiver(fields: Fields, sidecar: str) -> Claim:
    """What it says of its post and of the media that belong to it."""
    told = as_fields(fields.get("metadata"))
    names: list[str] = []
    sha256s: list[str] = []
    for media in _inner_media(fields.get("media"), 0):
        urls = media.get("urls")
        written = [media.get("filename"), media.get("_key"), media.get("key")]
        written += urls[:5] if isinstance(urls, list) else []
        names += [base_name(name) for value in written if (name := plain(value))]
        if found := SHA256.fullmatch(plain(as_fields(media.get("properties")).get("hash"))):
            sha256s.append(found[1].lower())
            names.append(f"{found[1].lower()[:24]}.*")  # of a suffix that no file has: found by its stem
    stamp = told.get("timestamp")
    moment = epoch_moment(stamp)
    if not moment.posted_at:
        day = day_moment(plain(told.get("upload_date"))[:10])
        moment = text_moment(stamp)
        if not moment.posted_at and day.posted_at:
            moment = Moment(day.posted_at, join_warnings(moment.warning, day.warning))
    return make_claim(
        "auto-archiver",
        sidecar,
        moment,
        url=first(told, "url", "original_url"),
        platform="",
        author=first(told, "author", "uploader_id", "uploader", "channel"),
        aliases=map(told.get, ("author", "uploader_id", "uploader", "channel", "channel_id", "author_name")),
        post_id=first(told, "id", "display_id"),
        text=first(told, "content", "description", "title"),
        names=tuple(dict.fromkeys(names)),
        sha256s=tuple(dict.fromkeys(sha256s)),
    )


def _inner_media(media: object, depth: int) -> Iterator[Fields]:
    """Media and those inside their properties (thumbnails, other sizes), as Media.all_inner_media goes."""
    for part in (media if isinstance(media, list) else [media])[:MAX_ENTRIES]:
        known = as_fields(part)
        if isinstance(known.get("filename"), str):
            yield known
            if depth < 3:
                for inner in as_fields(known.get("properties")).values():
                    yield from _inner_media(inner, depth + 1)
