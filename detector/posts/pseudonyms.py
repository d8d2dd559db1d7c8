"""Posts and a secret key in, posts without the names of people out, whichever way a name is spelled."""

import contextlib
import hmac
import html
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from detector.errors import UsageError
from detector.posts.match import PostMatch
from detector.posts.post import Post
from detector.regular import read_regular

KEY_BYTES = 32
SHORT = 5  # letters; a shorter name is hidden where it stands alone, a longer one inside of words, too
MAX_WORDS = 5  # of a name that is looked for in the posts of others
DECODINGS = 3  # a link in a link in a link
WORD = re.compile(r"[^\W_]+")
DOMAIN = re.compile(r"([^@.\s]{3,})(?:@[^@\s]+|\.[^.\s]+\.[^.\s]+)")  # of Mastodon, of Bluesky
MENTION = frozenset("@/#=")  # before a name of one word in the posts of others: else it may be any word
PLAIN = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d"})  # letters that Unicode does not take apart


class Pseudonyms:
    """Gives authors their pseudonyms, and hides the names of all of them in the posts of all."""

    def __init__(self, key: bytes, matches: Iterable[PostMatch]) -> None:
        """Raises ValueError for a key of less than KEY_BYTES."""
        if len(key) < KEY_BYTES:
            raise ValueError(f"a pseudonym needs a secret key of at least {KEY_BYTES} bytes")
        self._key = key
        self._known: dict[str, str] = {}
        for match in matches:
            for post in (match.post, *match.others):
                self._known.update((_joined(name), new) for name, new in self._names(post).items())
        self._known.pop("", None)

    def pseudonym(self, author: str) -> str:
        """`author-` and 12 digits of a keyed hash (HMAC-SHA-256, RFC 2104); "" stays "".

        Equal for equal names and keys, whatever their case and accents; without the key nobody can try names.
        """
        if not author:
            return ""
        told = "".join(fold(author)[0]).lstrip("@")
        return (
            f"author-{hmac.new(self._key, told.encode('utf-8', 'surrogatepass'), 'sha256').hexdigest()[:12]}"
        )

    def hide(self, match: PostMatch) -> PostMatch:
        """The match without names, in every field of its posts and in its warning."""
        names: dict[str, str] = {}
        for post in (*match.others, match.post):
            names |= self._names(post)
        post, *others = (self._hide_in(post, names) for post in (match.post, *match.others))
        return replace(match, post=post, others=tuple(others), warning=self._hide(match.warning, names))

    def _names(self, post: Post) -> dict[str, str]:
        """Every name of the people of a post, with the pseudonym it gets."""
        author = self.pseudonym(post.author)
        names = {form: author for name in (post.author, *post.aliases) for form in _forms(name) if author}
        first = self.pseudonym(post.forwarded_from)
        return dict.fromkeys(_forms(post.forwarded_from), first) | names

    def _hide_in(self, post: Post, names: Mapping[str, str]) -> Post:
        texts = {name: self._hide(getattr(post, name), names) for name in ("text", "platform", "sidecar")}
        url, identity = self._hide(post.source_url, names), self._hide(post.post_id, names)
        return replace(
            post,
            **texts,
            source_url=url if url == post.source_url else quote(url, safe=":/?#[]@!$&'()*+,;=%"),
            post_id=identity,
            author=self.pseudonym(post.author),
            forwarded_from=self.pseudonym(post.forwarded_from),
            aliases=(),
        )

    def _hide(self, text: str, names: Mapping[str, str]) -> str:
        """The text, decoded as often as that shows more names, without them."""
        best, spans = text, self._find(text, names)
        for _ in range(DECODINGS):
            text = html.unescape(unquote(text))
            if len(found := self._find(text, names)) > len(spans):
                best, spans = text, found
        kept, end = [], 0
        for start, stop, new in spans:
            kept += [best[end:start], new]
            end = stop
        return "".join([*kept, best[end:]])

    def _find(self, text: str, names: Mapping[str, str]) -> list[tuple[int, int, str]]:
        """Places of names in the text, in order, the longest of those that overlap."""
        folded, places = fold(text)
        places = [*places, len(text)]  # what is folded away after a name goes with it
        spans: list[tuple[int, int, str]] = []
        found = [*_find_own(folded, names), *self._find_known(folded)]
        for start, stop, new in sorted(found, key=lambda one: (one[0], -one[1])):
            if not spans or places[start] >= spans[-1][1]:
                spans.append((places[start], places[stop], new))
        return spans

    def _find_known(self, folded: str) -> Iterator[tuple[int, int, str]]:
        """Names of the report's other authors: whole ones of several words, and those that are mentioned."""
        words = list(WORD.finditer(folded))
        for number, first in enumerate(words):
            key = ""
            for word in words[number : number + MAX_WORDS]:
                key += word[0]
                several = word is not first
                mentioned = folded[first.start() - 1 : first.start()] in MENTION and first.start()
                if (several or mentioned) and key in self._known:
                    yield first.start(), word.end(), self._known[key]


def fold(text: str) -> tuple[str, list[int]]:
    """The text without case, accents and marks that are not seen, and from which place each letter comes."""
    letters: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        for part in unicodedata.normalize("NFKD", letter).casefold().translate(PLAIN):
            if unicodedata.category(part) not in ("Mn", "Cf"):
                letters.append(part)
                places.append(place)
    return "".join(letters), places


def _find_own(folded: str, names: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Names of the post's own people, their words joined in any way."""
    for name, new in names.items():
        words = WORD.findall(fold(name)[0])
        pattern = r"[\W_]*".join(map(re.escape, words))
        if len("".join(words)) < SHORT:
            pattern = rf"(?<![^\W_]){pattern}(?![^\W_])"
        for found in re.finditer(pattern, folded) if words else ():
            yield found.start(), found.end(), new


def _forms(name: str) -> Iterator[str]:
    """A name and what else it is known by: its part before a domain, and how a domain writes it."""
    if not name:
        return
    yield name
    account = name.lstrip("@")
    if domain := DOMAIN.fullmatch(account):
        yield domain[1]
    if not name.isascii():
        try:
            yield account.replace(" ", "").encode("idna").decode("ascii")
        except UnicodeError:
            return


def _joined(name: str) -> str:
    return "".join(WORD.findall(fold(name)[0]))


def read_key(path: Path) -> bytes:
    """The key in a file, which is made, for its owner alone, when it is missing. Raises UsageError."""
    try:
        with contextlib.suppress(FileExistsError):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w") as new:
                new.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        key = read_regular(path).strip()
    except OSError as error:
        raise UsageError(f"--pseudonym-key {path} cannot be used: {error.strerror}") from error
    if len(key) < KEY_BYTES:
        raise UsageError(f"--pseudonym-key {path} is too short: name a file that is not there yet")
    return key


def key_check(key: bytes) -> str:
    """What tells two keys apart and nothing else about them."""
    return hmac.new(key, b"flag-detector report", "sha256").hexdigest()[:16]
