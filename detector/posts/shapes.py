"""JSON about one post in, Claims out: yt-dlp, gallery-dl, instaloader and auto-archiver.

Each shape was read in the code that writes it (yt-dlp 2026.10.26, gallery-dl 1.32.18, instaloader 4.16,
auto-archiver 1.2.9). JSON of another shape gives no claim.
"""

from collections.abc import Iterable

from detector.posts.auto_archiver import read_auto_archiver
from detector.posts.fields import Fields, as_fields
from detector.posts.gallery_dl import read_gallery_dl
from detector.posts.instaloader import read_instaloader
from detector.posts.post import (
    Claim,
    plain,
)
from detector.posts.yt_dlp import read_yt_dlp


def read_shape(data: object, sidecar: str) -> list[Claim]:
    """Claims of parsed JSON; the first is about the whole, further ones about entries of a playlist."""
    return [claim for claim in _find_shape(as_fields(data), sidecar) if _says_something(claim)]


def _find_shape(fields: Fields, sidecar: str) -> Iterable[Claim]:
    if "instaloader" in fields:
        return read_instaloader(fields, sidecar)
    if isinstance(fields.get("status"), str) and as_fields(fields.get("metadata")) and "media" in fields:
        return [read_auto_archiver(fields, sidecar)]
    if plain(fields.get("category")) and isinstance(fields.get("subcategory"), str):
        return [read_gallery_dl(fields, sidecar)]
    if plain(fields.get("extractor_key")) or plain(fields.get("extractor")):
        return read_yt_dlp(fields, sidecar)
    return []


def _says_something(claim: Claim) -> bool:
    post = claim.post
    return bool(post.source_url or post.author or post.posted_at or post.post_id or post.text)
