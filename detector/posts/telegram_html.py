"""Telegram Desktop's `messages.html` in, Claims out, message by message.

Shape: telegramdesktop/tdesktop, Telegram/SourceFiles/export/output/export_output_html.cpp. A page has no id
of its chat, so that no links can be made. `title` of a date is local time, in newer versions with its zone.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from detector.posts.loading import SidecarError
from detector.posts.post import MAX_TEXT, Claim, make_claim, text_moment

MAX_PAGE_BYTES = 64 * 2**20  # Telegram begins a new page after 1,000 messages
MAX_DEPTH = 100  # of elements inside each other; its pages have about ten
CHUNK = 2**16  # characters; also of the longest tag
TAG = re.compile(r"<([^<>]*)>")
ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')
MEDIA = re.compile(r"\b(photo_wrap|video_file_wrap|animated_wrap|media)\b")
DATE = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)(?: UTC([+-]\d\d:\d\d))?")


@dataclass(slots=True)
class _Message:
    number: str
    date: str = ""
    names: list[str] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    """Pieces by what they belong to: `from_name`, `text`, `forwarded`."""

    def words(self, part: str) -> str:
        return html.unescape("".join(self.texts.get(part, ()))).strip()


class _Reader:
    """What the tags read so far say; `author` is of the last message that named one."""

    def __init__(self) -> None:
        self.open: list[str] = []
        """Classes of the elements around what comes next."""
        self.message = _Message("")
        self.author = ""

    def start(self, tag: str, text: str) -> None:
        known = dict(ATTRIBUTE.findall(text))
        classes = known.get("class", "")
        if tag == "br":
            self.add("\n")
        if tag == "div" and "message" in classes.split():
            self.message = _Message(known.get("id", "").removeprefix("message"))
            if "service" in classes.split():
                self.author = ""  # Telegram joins no messages over one of these
        elif "date" in classes.split() and not self.message.date:
            self.message.date = html.unescape(known.get("title", ""))
        elif tag == "a" and MEDIA.search(classes) and known.get("href"):
            self.message.names.append(html.unescape(known["href"]))
        if tag in ("div", "span"):
            if len(self.open) == MAX_DEPTH:
                raise SidecarError("nested too deeply")
            self.open.append(classes)

    def add(self, text: str) -> None:
        """Takes the words between two tags to what they belong to."""
        if not self.open or "details" in self.open[-1]:
            return
        part = next((one for one in reversed(self.open) if one in ("from_name", "text")), "")
        if part == "from_name" and any(one.startswith("forwarded") for one in self.open):
            part = "forwarded"
        pieces = self.message.texts.setdefault(part, [])
        if part and len(pieces) < MAX_TEXT:
            pieces.append(text)

    def end(self) -> bool:
        """Leaves an element; True when it was a message."""
        left = self.open.pop() if self.open else ""
        return "message" in left.split()


def read_page(path: Path, sidecar: str) -> Iterator[Claim]:
    """Claims of the messages that name a file. Raises SidecarError; claims given out before are sound.

    A file that is no such page gives nothing.
    """
    reader = _Reader()
    for tag, text in _read_tags(path):
        if not tag:
            reader.add(text)
        elif tag not in ("/div", "/span"):
            reader.start(tag, text)
        elif reader.end():
            reader.author = reader.message.words("from_name") or reader.author
            if reader.message.names:
                yield _read_message(reader.message, reader.author, sidecar)


def _read_tags(path: Path) -> Iterator[tuple[str, str]]:
    """Tags with their text, and "" with the words between two tags."""
    try:
        if path.stat().st_size > MAX_PAGE_BYTES:
            raise SidecarError(f"larger than {MAX_PAGE_BYTES // 2**20} MB")
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            rest = ""
            while chunk := file.read(CHUNK):
                rest += chunk
                end = 0
                for found in TAG.finditer(rest):
                    yield "", rest[end : found.start()]
                    yield found[1].partition(" ")[0].strip().lower(), found[1]
                    end = found.end()
                rest = rest[end:][-CHUNK:]
    except OSError as error:
        raise SidecarError(f"cannot be read: {error.strerror}") from error


def _read_message(message: _Message, author: str, sidecar: str) -> Claim:
    found = DATE.match(message.date)
    written = f"{found[3]}-{found[2]}-{found[1]}T{found[4]}{found[5] or ''}" if found else message.date
    return make_claim(
        "telegram",
        sidecar,
        text_moment(written),
        url="",
        platform="telegram",
        author=author,
        post_id=message.number,
        text=message.words("text"),
        forwarded_from=message.words("forwarded"),
        names=tuple(dict.fromkeys(name for href in message.names for name in (href, unquote(href)))),
    )
