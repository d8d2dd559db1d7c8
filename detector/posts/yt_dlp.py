"""yt-dlp's `.info.json` in, Claims out.

Read in extractor/common.py (meaning of the fields) and YoutubeDL.py (`sanitize_info`: file names and entries
are left out by default, kept with --no-clean-info-json).
"""

from collections.abc import Iterator

from detector.posts.fields import MAX_ENTRIES, Fields, as_fields, base_name, first
from detector.posts.post import (
    Claim,
    Moment,
    day_moment,
    epoch_moment,
    make_claim,
    plain,
)

NAMES = ("uploader", "uploader_id", "channel", "channel_id", "creator", "artist", "uploader_url")
HANDLE_FIELD = {"twitter": "uploader_id", "youtube": "uploader_id", "instagram": "channel"}


def read_yt_dlp(fields: Fields, sidecar: str, depth: int = 0) -> Iterator[Claim]:
    """What it says of its video, then of each entry of a playlist."""
    extractor = first(fields, "extractor", "extractor_key").partition(":")[0].lower()
    generic = extractor == "generic"
    handle = HANDLE_FIELD.get(extractor, "uploader")
    claim = make_claim(
        "yt-dlp",
        sidecar,
        _yt_dlp_moment(fields, generic=generic and fields.get("direct") is True),
        url=first(fields, "webpage_url", "original_url"),
        platform="" if generic else extractor,
        author=first(fields, handle, "uploader", "uploader_id", "channel", "creator", "channel_id"),
        aliases=map(fields.get, NAMES),
        post_id=fields.get("id"),
        text=first(fields, "description", "title"),
        names=_yt_dlp_names(fields),
        ids=(plain(fields.get("id")),),  # split chapters: `<title> - 001 <chapter> [<id>].<suffix>`
    )
    yield claim
    entries = fields.get("entries")
    if isinstance(entries, list) and depth < 3:
        for entry in entries[:MAX_ENTRIES]:
            known = as_fields(entry)
            if first(known, "extractor_key", "extractor", "ie_key") or plain(known.get("webpage_url")):
                yield from read_yt_dlp({"extractor": extractor, **known}, sidecar, depth + 1)


def _yt_dlp_moment(fields: Fields, *, generic: bool) -> Moment:
    moment = epoch_moment(fields.get("timestamp"))
    if moment.posted_at and generic:  # extractor/generic.py
        return Moment(moment.posted_at, "posted_at is the web server's Last-Modified")
    return moment if moment.posted_at else day_moment(fields.get("upload_date"))


def _yt_dlp_names(fields: Fields) -> tuple[str, ...]:
    downloads = fields.get("requested_downloads")
    places = [fields, *(as_fields(part) for part in (downloads if isinstance(downloads, list) else [])[:20])]
    written = [plain(place.get(key)) for place in places for key in ("filepath", "_filename", "filename")]
    title, identity = plain(fields.get("title")), plain(fields.get("id"))
    if title and identity:  # the default output template; of a suffix that no file has: found by its stem
        written.append(f"{title} [{identity}].*".replace("/", "⧸"))
    return tuple(dict.fromkeys(base_name(name) for name in written if name))
