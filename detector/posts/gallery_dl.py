"""gallery-dl's JSON in, a Claim out.

Read in postprocessor/metadata.py (written as `<file name with suffix>.json`, or as its options say: one for a
post, or a line for each file appended to one), dt.py (`date` is naive UTC) and
extractor/{twitter,instagram,facebook,tiktok,vk,reddit}.py (fields; `filename_fmt`; links
in the form of `example`).
"""

from collections.abc import Callable, Iterator, Mapping

from detector.posts.fields import Fields, as_fields, base_name, first
from detector.posts.post import (
    Claim,
    epoch_moment,
    make_claim,
    plain,
    text_moment,
)

PEOPLE = ("author", "username", "user", "uploader", "owner")
IDS = ("tweet_id", "post_id", "post_shortcode", "shortcode", "sidecar_media_id", "id")


def read_gallery_dl(fields: Fields, sidecar: str) -> Claim:
    """What it says of its file's post."""
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
        aliases=_gallery_dl_aliases(told),
        post_id=first(told, "post_shortcode", "tweet_id", "post_id", "id"),
        text=first(told, "content", "body", "description", "desc", "caption", "selftext")
        or plain(as_fields(told.get("wall")).get("description"))
        or first(told, "post_text", "title"),
        names=_gallery_dl_names(fields),
        ids=tuple(filter(None, (*map(plain, map(fields.get, IDS)), _wall(fields)))),
    )


def _gallery_dl_names(fields: Fields) -> tuple[str, ...]:
    """What its file is called as the extractors' `filename_fmt` have it, or by its name on the platform."""
    number, media = plain(fields.get("num")), plain(fields.get("media_id"))
    posts = (first(fields, "tweet_id", "id"), _wall(fields), first(fields, "sidecar_media_id"))
    stems = [plain(fields.get("filename")), plain(fields.get("id")), media]
    stems += [f"{post}_{part}" for post in posts for part in (number, media) if post and part]
    suffix = plain(fields.get("extension"))
    return tuple(dict.fromkeys(f"{base_name(stem)}.{suffix}" for stem in stems if stem and suffix))


def _wall(fields: Fields) -> str:
    return plain(as_fields(fields.get("wall")).get("id"))


def _gallery_dl_author(fields: Fields) -> str:
    for name in PEOPLE:
        value = fields.get(name)
        parts = as_fields(value)
        if found := first(parts, "uniqueId", "name", "username", "nick", "id") if parts else plain(value):
            return found
    return first(fields, "fullname", "user_id", "owner_id")


def _gallery_dl_aliases(fields: Fields) -> Iterator[object]:
    for name in (*PEOPLE, "fullname", "full_name", "user_id", "owner_id", "author_id", "author_name"):
        yield fields.get(name)
        parts = as_fields(fields.get(name))
        yield from map(
            parts.get, ("uniqueId", "name", "username", "nick", "nickname", "full_name", "id", "handle")
        )


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
