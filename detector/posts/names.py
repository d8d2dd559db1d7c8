"""Names of files in, what they tell of sidecars out: which are some, and which media each may belong to."""

import itertools
import re
from collections.abc import Iterable, Iterator

from detector.posts.instaloader import CAPTION_TIME
from detector.posts.post import Rule

EXPORT = re.compile(r"result.*\.json")  # a browser or person may have added a number
PAGE = re.compile(r"messages\d*\.html")  # of an export as HTML
BRACKETED = re.compile(r"\[([^\[\]]+)\]$")
SEPARATOR = re.compile(r" - |[_\- ]")
MAX_PARTS = 8  # of a name that may be an id
SHORTEST_ID = 5  # that is looked for in names; shorter ones are in many by chance
CAROUSEL = re.compile(r"(.+)_\d{1,3}")  # instaloader numbers the pictures of one post
UNMERGED = re.compile(r"(.+)\.(?:f[\w+-]+|temp)")  # yt-dlp's video and sound before they are one file


def is_sidecar(name: str) -> bool:
    """Whether a file of this name may be a sidecar."""
    if name.endswith((".json", ".jsonl", ".json.xz")) or name.lower() == "posts.csv" or PAGE.fullmatch(name):
        return True
    return name.endswith(".txt") and bool(CAPTION_TIME.fullmatch(name.removesuffix(".txt")))


def names_beside(name: str) -> Iterator[tuple[Rule, str, bool]]:
    """Names of sidecars of a file of this name, and whether only instaloader would name it so."""
    stem = name.rpartition(".")[0] or name
    yield "path", f"{name}.json", False
    yield "stem", f"{stem}.info.json", False
    if unmerged := UNMERGED.fullmatch(stem):
        yield "stem", f"{unmerged[1]}.info.json", False
    yield "stem", f"{stem}.json", False
    yield "stem", f"{stem}.json.xz", False
    bases = [(stem, False)]
    if carousel := CAROUSEL.fullmatch(stem):
        bases.append((carousel[1], True))
        yield "stem", f"{carousel[1]}.json", True
        yield "stem", f"{carousel[1]}.json.xz", True
    for base, shared in bases:
        yield "stem", f"{base}.txt", shared


def is_export(name: str) -> bool:
    """Whether it is named as Telegram Desktop names what tells about all files of an export."""
    return bool(EXPORT.fullmatch(name) or PAGE.fullmatch(name))


def parts_of(name: str) -> Iterator[str]:
    """What may be a post's id in a file's name: in brackets at its end, or its beginning."""
    stem = name.rpartition(".")[0] or name
    bracketed = BRACKETED.search(stem)
    for text in (*((bracketed[1],) if bracketed else ()), stem):
        yield text
        for separator in itertools.islice(SEPARATOR.finditer(text), MAX_PARTS):
            yield text[: separator.start()]


def ids_in_brackets(sidecars: Iterable[str]) -> dict[str, str]:
    """yt-dlp's sidecars by the id at the end of their names."""
    stems = {name: name.removesuffix(".info.json") for name in sidecars if name.endswith(".info.json")}
    return {found[1]: name for name, stem in stems.items() if (found := BRACKETED.search(stem))}


def about_many(names: set[str], sidecars: set[str]) -> list[str]:
    """Sidecars of which no file's name says that it is theirs; tables first, then exports."""
    stems = {name.rpartition(".")[0] for name in names - sidecars}
    for pattern in (CAROUSEL, UNMERGED):
        stems |= {found[1] for stem in stems if (found := pattern.fullmatch(stem))}
    stems |= {part for name in names - sidecars for part in parts_of(name)}
    claimed = stems | names
    many: list[tuple[int, str]] = []
    for name in sidecars:
        base = name.removesuffix(".json").removesuffix(".jsonl")
        if name.startswith("."):
            continue
        if name.lower() == "posts.csv":
            many.append((0, name))
        elif is_export(name):
            if EXPORT.fullmatch(name) or not any(map(EXPORT.fullmatch, sidecars)):  # the same once more
                many.append((1, name))
        elif base != name and claimed.isdisjoint((base, base.removesuffix(".info"))):
            many.append((2, name))
    return [name for _, name in sorted(many)]
