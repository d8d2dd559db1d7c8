"""Telegram Desktop's `result.json` in, Claims out, message by message: an export may have hundreds of MB.

Shape: telegramdesktop/tdesktop, Telegram/SourceFiles/export/output/export_output_json.cpp. One chat is an
object with `name, type, id, messages`; a full export has such objects in `chats.list` and `left_chats.list`.
`date` is local time without zone (Qt::ISODate); older versions write no `date_unixtime`. Pictures of the
account's own profile and its stories are no messages and are left alone.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from detector.posts.fields import Fields, as_fields, first
from detector.posts.loading import SidecarError
from detector.posts.post import MAX_TEXT, Claim, Moment, epoch_moment, make_claim, plain, text_moment

MAX_EXPORT_BYTES = 512 * 2**20  # an export of one busy chat; read piece by piece
MAX_MESSAGE = 4 * 2**20  # characters
CHUNK = 2**18  # characters
HEAD = 4_096  # characters before `messages` in which a chat's name and id are looked for
MESSAGES = re.compile(r'"messages"\s*:\s*\[')  # inside of a text its quotes would be escaped
CHAT_FIELD = re.compile(r'"(type|id)"\s*:\s*(?:"([a-z_]*)"|(\d{1,20}))')
ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
BETWEEN = re.compile(r"[\s,]*")
LINKED_CHATS = ("private_channel", "public_channel", "private_supergroup", "public_supergroup")
DECODER = json.JSONDecoder(strict=False)


@dataclass(slots=True)
class _Window:
    """The part of a file that is being looked at."""

    file: TextIO
    text: str = ""
    at: int = 0
    ended: bool = False

    def grow(self) -> bool:
        """Read on, at least as much again as is left; False at the end of the file."""
        more = "" if self.ended else self.file.read(max(CHUNK, len(self.text) - self.at))
        self.ended = not more
        self.text, self.at = self.text[self.at :] + more, 0
        return bool(more)


def read_export(path: Path, sidecar: str) -> Iterator[Claim]:
    """Claims of the messages that name a file. Raises SidecarError where the export breaks off or exceeds
    MAX_EXPORT_BYTES: claims given out before are sound. A file without messages gives nothing.
    """
    try:
        if path.stat().st_size > MAX_EXPORT_BYTES:
            raise SidecarError(f"larger than {MAX_EXPORT_BYTES // 2**20} MB; export fewer chats at a time")
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            window = _Window(file)
            while chat := _seek_chat(window):
                for message in _read_messages(window):
                    if names := _named_files(message):
                        yield _read_message(message, chat, names, sidecar)
    except OSError as error:
        raise SidecarError(f"cannot be read: {error.strerror}") from error


def _seek_chat(window: _Window) -> dict[str, str]:
    """Go to the next list of messages; type and id of its chat, {} when there is none."""
    while not (found := MESSAGES.search(window.text, window.at)):
        window.at = max(window.at, len(window.text) - HEAD)
        if not window.grow():
            return {}
    head = window.text[max(window.at, found.start() - HEAD) : found.start()]
    window.at = found.end()
    chat = {field[1]: field[2] or field[3] or "" for field in CHAT_FIELD.finditer(head)}
    return {"type": chat.get("type", ""), "id": chat.get("id", "")}


def _read_messages(window: _Window) -> Iterator[Fields]:
    count = 0
    while True:
        between = BETWEEN.match(window.text, window.at)
        window.at = between.end() if between else window.at
        if window.at == len(window.text):
            if not window.grow():
                raise SidecarError(f"breaks off after {count} messages")
        elif window.text[window.at] == "]":
            window.at += 1
            return
        else:
            yield as_fields(_read_value(window, count))
            count += 1


def _read_value(window: _Window, count: int) -> object:
    """The next value; of one that is not complete yet, more is read.

    Telegram Desktop writes control characters as `\\xNN`, which JSON does not know (`SerializeString`).
    """
    while True:
        try:
            value, window.at = DECODER.raw_decode(window.text, window.at)
        except RecursionError as error:
            raise SidecarError(f"message {count + 1} is nested too deeply") from error
        except ValueError as error:
            repaired = ESCAPE.sub(_known_escape, window.text[window.at :])
            if repaired != window.text[window.at :]:
                window.text, window.at = repaired, 0
            elif len(window.text) - window.at > MAX_MESSAGE or not window.grow():
                raise SidecarError(f"breaks off after {count} messages") from error
        else:
            return value


def _known_escape(found: re.Match[str]) -> str:
    return f"\\u00{found[1][1:]}" if len(found[1]) == 3 else found[0]


def _named_files(message: Fields) -> tuple[str, ...]:
    written = (plain(message.get(key)) for key in ("photo", "file", "thumbnail"))
    return tuple(name for name in written if name and not name.startswith(("(File ", "(Photo ")))


def _read_message(message: Fields, chat: dict[str, str], names: tuple[str, ...], sidecar: str) -> Claim:
    moment = epoch_moment(message.get("date_unixtime"))
    if not moment.posted_at:
        local = text_moment(message.get("date"))
        moment = local if local.warning else Moment(local.posted_at)
    number = plain(message.get("id"))
    linked = chat["type"] in LINKED_CHATS and chat["id"] and number
    return make_claim(
        "telegram",
        sidecar,
        moment,
        # https://core.telegram.org/api/links#message-links: opens for members of the chat
        url=f"https://t.me/c/{chat['id']}/{number}" if linked else "",
        platform="telegram",
        author=first(message, "from", "actor", "from_id", "actor_id"),
        aliases=(message.get(name) for name in ("from", "actor", "from_id", "actor_id", "author")),
        post_id=f"{chat['id']}/{number}" if chat["id"] and number else number,
        text=_flat_text(message.get("text")),
        forwarded_from=first(message, "forwarded_from", "forwarded_from_id"),
        names=names,
    )


def _flat_text(text: object) -> str:
    """Words of a text, which is a string or a list of strings and of objects with a `text` of their own."""
    if not isinstance(text, list):
        return plain(text)
    words = (part if isinstance(part, str) else as_fields(part).get("text") for part in text[:MAX_TEXT])
    return "".join(word for word in words if isinstance(word, str))
