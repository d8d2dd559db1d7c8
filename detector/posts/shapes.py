"""JSON about one post in, Claims out: yt-dlp, gallery-dl, instaloader and auto-archiver.

Each shape was read in the code that writes it (yt-dlp 2026.10.26, gallery-dl 1.32.18, instaloader 4.16,
auto-archiver 1.2.9). JSON of another shape gives no claim.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

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

Fields = Mapping[str, object]

MAX_ENTRIES = 20_000  # of a playlist
CAPTION_TIME = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)_UTC")
HANDLE_FIELD = {"twitter": "uploader_id", "youtube": "uploader_id", "instagram": "channel"}
SHA256 = re.compile(r"SHA-256:([0-9a-fA-F]{64})")


def read_shape(data: object, sidecar: str) -> list[Claim]:
    """Claims of parsed JSON; the first is about the whole, further ones about entries of a playlist."""
    return [claim for claim in _find_shape(as_fields(data), sidecar) if _says_something(claim)]


def read_caption(text: str, stem: str, sidecar: str) -> Claim:
    """Claim of instaloader's `.txt`, which holds the caption, beside files named by time.

    Its default file name is `{date_utc}_UTC` (instaloader.py, `filename_pattern` and `save_caption`).
    """
    found = CAPTION_TIME.fullmatch(stem)
    moment = text_moment(f"{found[1]}T{found[2]}:{found[3]}:{found[4]}Z" if found else "")
    return make_claim(
        "instaloader", sidecar, moment, url="", platform="instagram", author="", post_id="", text=text
    )


def as_fields(value: object) -> Fields:
    """The object's members; empty for anything else."""
    return value if isinstance(value, dict) else {}


def first(fields: Fields, *names: str) -> str:
    """The first of these members that holds text or a whole number."""
    return next((found for name in names if (found := plain(fields.get(name)))), "")


def _find_shape(fields: Fields, sidecar: str) -> Iterable[Claim]:
    if "instaloader" in fields:
        return _read_instaloader(fields, sidecar)
    if isinstance(fields.get("status"), str) and as_fields(fields.get("metadata")) and "media" in fields:
        return [_read_auto_archiver(fields, sidecar)]
    if plain(fields.get("category")) and isinstance(fields.get("subcategory"), str):
        return [_read_gallery_dl(fields, sidecar)]
    if plain(fields.get("extractor_key")) or plain(fields.get("extractor")):
        return _read_yt_dlp(fields, sidecar)
    return []


def _says_something(claim: Claim) -> bool:
    post = claim.post
    return bool(post.source_url or post.author or post.posted_at or post.post_id or post.text)


# yt-dlp: extractor/common.py (meaning of the fields), YoutubeDL.py (`sanitize_info`: file names and entries
# are left out by default, kept with --no-clean-info-json)


def _read_yt_dlp(fields: Fields, sidecar: str, depth: int = 0) -> Iterator[Claim]:
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
        post_id=fields.get("id"),
        text=first(fields, "description", "title"),
        names=_yt_dlp_names(fields),
    )
    yield claim
    entries = fields.get("entries")
    if isinstance(entries, list) and depth < 3:
        for entry in entries[:MAX_ENTRIES]:
            known = as_fields(entry)
            if first(known, "extractor_key", "extractor", "ie_key") or plain(known.get("webpage_url")):
                yield from _read_yt_dlp({"extractor": extractor, **known}, sidecar, depth + 1)


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
    return tuple(dict.fromkeys(_base_name(name) for name in written if name))


# gallery-dl: postprocessor/metadata.py (written as `<file name with suffix>.json`), dt.py (`date` is naive
# UTC), extractor/{twitter,instagram,facebook,tiktok,vk,reddit}.py (fields; links in the form of `example`)


def _read_gallery_dl(fields: Fields, sidecar: str) -> Claim:
    category = plain(fields.get("category")).lower()
    comment = as_fields(fields.get("comment"))
    told = {**fields, **comment} if category == "reddit" and comment else fields
    moment = text_moment(
        first(told, "post_date", "date").replace("[Invalid DateTime]", ""), naive_is_utc=True
    )
    if not moment.posted_at:
        stamp = epoch_moment(told.get("createTime") or told.get("created_utc"))
        moment = stamp if stamp.posted_at else moment
    link = GALLERY_DL_LINKS.get(category)
    return make_claim(
        "gallery-dl",
        sidecar,
        moment,
        url=first(told, "post_url", "webpage_url") or (link(told) if link else ""),
        platform=category,
        author=_gallery_dl_author(told),
        post_id=first(told, "post_shortcode", "tweet_id", "post_id", "id"),
        text=first(told, "content", "body", "description", "desc", "caption", "selftext")
        or plain(as_fields(told.get("wall")).get("description"))
        or first(told, "post_text", "title"),
    )


def _gallery_dl_author(fields: Fields) -> str:
    for name in ("author", "username", "user", "uploader", "owner"):
        value = fields.get(name)
        parts = as_fields(value)
        if found := first(parts, "uniqueId", "name", "username", "nick", "id") if parts else plain(value):
            return found
    return first(fields, "fullname", "user_id", "owner_id")


def _twitter_link(fields: Fields) -> str:
    identity = plain(fields.get("tweet_id"))
    handle = plain(as_fields(fields.get("author")).get("name")) or "i/web"
    return f"https://x.com/{handle}/status/{identity}" if identity else ""


def _facebook_link(fields: Fields) -> str:
    identity, album = plain(fields.get("id")), plain(fields.get("set_id"))
    if not identity:
        return ""
    if plain(fields.get("type")) == "video":
        return f"https://www.facebook.com/watch/?v={identity}"
    return f"https://www.facebook.com/photo/?fbid={identity}&set={album}"


def _tiktok_link(fields: Fields) -> str:
    identity, handle = plain(fields.get("id")), plain(as_fields(fields.get("author")).get("uniqueId"))
    kind = "photo" if plain(fields.get("post_type")) == "image" else "video"
    return f"https://www.tiktok.com/@{handle}/{kind}/{identity}" if identity and handle else ""


def _vk_link(fields: Fields) -> str:
    owner = plain(as_fields(fields.get("user")).get("id"))
    wall, photo = plain(as_fields(fields.get("wall")).get("id")), plain(fields.get("id"))
    if not owner or not (wall or photo):
        return ""
    return f"https://vk.com/wall{owner}_{wall}" if wall else f"https://vk.com/photo{owner}_{photo}"


def _reddit_link(fields: Fields) -> str:
    path = plain(fields.get("permalink"))
    return f"https://www.reddit.com{path}" if path.startswith("/") else path


GALLERY_DL_LINKS: Mapping[str, Callable[[Fields], str]] = {
    "twitter": _twitter_link,
    "facebook": _facebook_link,
    "tiktok": _tiktok_link,
    "vk": _vk_link,
    "reddit": _reddit_link,
}


# instaloader: structures.py (`get_json_structure`; properties of Post and StoryItem say where each fact lies)


def _read_instaloader(fields: Fields, sidecar: str) -> list[Claim]:
    node = as_fields(fields.get("node"))
    kind = plain(as_fields(fields.get("instaloader")).get("node_type"))
    if kind not in ("Post", "StoryItem"):
        return []
    phone = as_fields(node.get("iphone_struct"))
    shortcode = first(node, "shortcode", "code")
    people = [as_fields(node.get("owner")), as_fields(phone.get("user")), as_fields(node.get("user"))]
    author = next((name for person in people if (name := plain(person.get("username")))), "")
    stamps = [node.get("date"), node.get("taken_at_timestamp"), node.get("taken_at"), phone.get("taken_at")]
    moments = [moment for stamp in stamps if (moment := epoch_moment(stamp)).posted_at]
    url = f"https://www.instagram.com/p/{shortcode}/" if shortcode else ""
    if kind == "StoryItem":
        url = f"https://www.instagram.com/stories/{author}/{plain(node.get('id'))}/" if author else ""
    return [
        make_claim(
            "instaloader",
            sidecar,
            moments[0] if moments else Moment(),
            url=url,
            platform="instagram",
            author=author or next((number for person in people if (number := plain(person.get("id")))), ""),
            post_id=shortcode or node.get("id"),
            text=_instaloader_caption(node),
        )
    ]


def _instaloader_caption(node: Fields) -> str:
    edges = as_fields(node.get("edge_media_to_caption")).get("edges")
    if isinstance(edges, list) and edges:
        return plain(as_fields(as_fields(edges[0]).get("node")).get("text"))
    caption = node.get("caption")
    return plain(as_fields(caption).get("text")) or plain(caption)


# auto-archiver: core/metadata.py and core/media.py (shape), modules/json_enricher (written as metadata.json
# before storing, so that media have names of a temporary folder), modules/local_storage (stored under another
# name, by default the first 24 digits of the hash), modules/hash_enricher (`hash` is "SHA-256:...")


def _read_auto_archiver(fields: Fields, sidecar: str) -> Claim:
    told = as_fields(fields.get("metadata"))
    names: list[str] = []
    sha256s: list[str] = []
    for media in _inner_media(fields.get("media"), 0):
        urls = media.get("urls")
        written = [media.get("filename"), media.get("_key"), media.get("key")]
        written += urls[:5] if isinstance(urls, list) else []
        names += [_base_name(name) for value in written if (name := plain(value))]
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


def _base_name(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name
