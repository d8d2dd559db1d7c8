"""Fields that strangers wrote in, Post out: cut to size, printable, times in UTC, links of the web only."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal
from urllib.parse import urlsplit

from detector.sources import printable

Rule = Literal["path", "stem", "sha256", ""]
Tool = Literal["posts.csv", "yt-dlp", "gallery-dl", "instaloader", "telegram", "auto-archiver"]

MAX_TEXT = 10_000  # characters; most networks stop at 5,000, and a spreadsheet's cell at 32,767
MAX_FIELD = 300
MAX_URL = 2_000
MAX_WARNING = 500
LINE_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
FIRST_YEAR = 1971  # writers that know no time leave 0, which is 1970
FIRST_EPOCH, LAST_EPOCH = 31_536_000, 253_402_300_799  # the years 1971 and 9999
PLATFORMS = {
    "twitter.com": "twitter",
    "x.com": "twitter",
    "youtube.com": "youtube",
    "youtu.be": "youtube",
    "t.me": "telegram",
    "instagram.com": "instagram",
    "facebook.com": "facebook",
    "fb.watch": "facebook",
    "tiktok.com": "tiktok",
    "vk.com": "vk",
    "vk.ru": "vk",
    "reddit.com": "reddit",
}


@dataclass(frozen=True, slots=True)
class Post:
    """Where a file was published, as a sidecar tells it. All fields are one printable line; "" is unknown.

    Line breaks became spaces; control characters, marks of writing direction and lone surrogates are written
    as escapes, as `sources.printable` does. Spreadsheet formulas are not escaped here.
    """

    source_url: str = ""
    """Page of the post, http or https."""
    platform: str = ""
    """Lower case: `twitter`, `telegram`, ...; the web host where no platform is known."""
    author: str = ""
    """Handle where the sidecar has one, else the displayed name, else an id."""
    posted_at: str = ""
    """ISO 8601 in UTC with `Z`; a bare `YYYY-MM-DD` where only the day is known."""
    post_id: str = ""
    """The platform's own; `<chat>/<message>` for Telegram."""
    text: str = ""
    """At most MAX_TEXT characters before escaping; what was cut off is marked by `[…]`."""
    sidecar: str = ""
    """Name of the sidecar in the tables, as `Media.name`."""
    forwarded_from: str = ""
    """Who said it first, where the post passes on another's."""
    aliases: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """What else the author is called in the sidecar: to be hidden where authors are, and in no table."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one sidecar says about one post."""

    post: Post
    tool: Tool
    names: tuple[str, ...] = ()
    """Files the sidecar names, relative to its own folder, as written."""
    sha256s: tuple[str, ...] = ()
    """Hashes of such files, 64 lower-case hexadecimal digits."""
    ids: tuple[str, ...] = ()
    """Ids of the post with which its tool begins or ends names of files."""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as Post has it, and what is wrong with it."""

    posted_at: str = ""
    warning: str = ""


def make_claim(
    tool: Tool,
    sidecar: str,
    moment: Moment,
    *,
    url: object,
    platform: object,
    author: object,
    post_id: object,
    text: object,
    forwarded_from: object = "",
    aliases: Iterable[object] = (),
    names: tuple[str, ...] = (),
    sha256s: tuple[str, ...] = (),
    ids: tuple[str, ...] = (),
) -> Claim:
    """A claim of fields of any type; those that are no text or whole number count as empty."""
    source_url = clean_url(url)
    host = url_host(source_url)
    known = clean(platform, MAX_FIELD).lower()
    post = Post(
        source_url=source_url,
        platform=known or PLATFORMS.get(host, host),
        author=clean(author, MAX_FIELD),
        posted_at=moment.posted_at,
        post_id=clean(post_id, MAX_FIELD),
        text=clean(text, MAX_TEXT),
        sidecar=sidecar,
        forwarded_from=clean(forwarded_from, MAX_FIELD),
        aliases=tuple(dict.fromkeys(filter(None, (clean(alias, MAX_FIELD) for alias in aliases)))),
    )
    dropped = f"source_url left out, no web link: {clean(url, 60)}" if plain(url) and not source_url else ""
    return Claim(post, tool, names, sha256s, ids, join_warnings(moment.warning, dropped))


def plain(value: object) -> str:
    """Text or a whole number as text; anything else is "" (also true and false)."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def clean(value: object, limit: int) -> str:
    """The value as one printable line of at most `limit` characters before escaping."""
    text = plain(value)
    if len(text) > limit:
        text = text[:limit] + " […]"
    text = LINE_BREAKS.sub(" ", text).encode("utf-8", "backslashreplace").decode("utf-8")
    return printable(text).strip()


def clean_url(value: object) -> str:
    """The link when it leads to a page of the web, else ""."""
    url = plain(value)
    if len(url) > MAX_URL or not url_host(url):
        return ""
    return clean(url, MAX_URL)


def url_host(url: str) -> str:
    """Host of an http or https link without `www.` and the like, "" for anything else."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "") if parts.scheme in ("http", "https") else ""
    except ValueError:  # brackets that hold no IPv6 address
        return ""
    return clean(re.sub(r"^(www|m|mobile|old)\.", "", host), MAX_FIELD)


def epoch_moment(value: object) -> Moment:
    """Time of a Unix time stamp, a number or its digits."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value.strip(), re.ASCII):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return Moment()
    if not FIRST_EPOCH <= value <= LAST_EPOCH:
        return Moment()
    return Moment(_isoformat(datetime.fromtimestamp(int(value), UTC)))


def text_moment(value: object, *, naive_is_utc: bool = False) -> Moment:
    """Time of an ISO 8601 text. Without a zone it stays empty, unless its writer is known to mean UTC."""
    text = plain(value)
    if not text:
        return Moment()
    if DAY.fullmatch(text):
        return day_moment(text)
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None and not naive_is_utc:
            return Moment(warning=f"posted_at left out, local time without zone: {clean(text, 40)}")
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        time = datetime(1, 1, 1, tzinfo=UTC)
    if time.year < FIRST_YEAR:
        return Moment(warning=f"posted_at left out, not a time: {clean(text, 40)}")
    return Moment(_isoformat(time))


def day_moment(value: object) -> Moment:
    """The day of a text such as 20240514 or 2024-05-14; no time of day is made up."""
    text = plain(value)
    if not text:
        return Moment()
    found = DAY.fullmatch(text)
    try:
        day = date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        day = None
    if day is None or day.year < FIRST_YEAR:
        return Moment(warning=f"posted_at left out, not a day: {clean(text, 40)}")
    return Moment(day.isoformat(), "posted_at is a day, its time is not known")


def join_warnings(*warnings: str) -> str:
    """One line, each warning once, cut to size."""
    line = "; ".join(dict.fromkeys(warning for warning in warnings if warning))
    return line if len(line) <= MAX_WARNING else line[: MAX_WARNING - 1] + "…"


def _isoformat(time: datetime) -> str:
    return time.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
