"""Media in, PostMatches out: the posts that sidecars give them, by path, then stem, then content."""

import itertools
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from detector.posts.folders import Found, SidecarFolders
from detector.posts.names import is_sidecar
from detector.posts.post import Claim, Post, Rule, join_warnings
from detector.sources import Media
from detector.storage import is_here

MAX_OTHERS = 20  # a widespread picture may have thousands of posts; each has its own file's row
BLOCK = 512  # matches compressed together
NO_POST = Post()
FIELDS_OF = attrgetter(*(field.name for field in fields(Post)))
FACTS = ("source_url", "platform", "author", "posted_at", "post_id", "text", "forwarded_from")


@dataclass(frozen=True, slots=True)
class PostMatch:
    """What the sidecars know about one media file."""

    path: Path
    """Of the media, as given."""
    post: Post
    """The first of its posts; all fields empty when none is known."""
    rule: Rule
    """`path`: a sidecar names the file, in its content or by its own name; `stem`: it has the file's name
    without suffix; `sha256`: found by the file's content alone."""
    others: tuple[Post, ...] = ()
    """Further posts that state something `post` does not, at most MAX_OTHERS."""
    warning: str = ""
    """One printable line: what is broken, missing or contradictory."""


def match_posts(
    media: Iterable[tuple[Media, str]],
    roots: Sequence[Path],
    may_fetch: Callable[[Path], bool] = is_here,
) -> Iterator[PostMatch]:
    """A match for each media, in the order given.

    `media` comes with the sha256 of its content ("" when not known), best in order of path: then each folder
    is listed and each sidecar read once. `roots` are the folders and files that were scanned; no folder
    outside them is looked into, and of storages none that may not be asked. All media are taken before the
    first match is given out, since a later file may tell about an equal earlier one; until then matches are
    held compressed.

    By path come the rows of `posts.csv`, gallery-dl's `<file>.json` and files named in exports; by stem
    `<stem>.info.json`, `<stem>.json`, `<stem>.json.xz`, `<stem>.txt`, and posts whose id is in the name.
    Files that have neither are matched by content: with hashes in sidecars, then with equal files that have a
    post. Sidecars among the media get no post, but a warning when they told about none of the media.
    """
    folders = SidecarFolders(roots, may_fetch)
    matches = _Store()
    wanted: set[str] = set()
    for file, sha256 in media:
        match = _match_by_name(file, sha256.lower(), folders)
        matches.append(match, sha256.lower())
        if not match.rule and not is_sidecar(file.path.name):
            wanted.add(sha256.lower())
    wanted.discard("")
    donors = _find_donors(matches, wanted, folders)
    for match, sha256 in matches:
        if is_sidecar(match.path.name):
            yield PostMatch(match.path, Post(), "", (), folders.find_unmatched(match.path, match.warning))
            continue
        equal = donors.get(sha256) if not match.rule else None
        yield _match_by_content(match, equal) if equal else match


def _match_by_name(media: Media, sha256: str, folders: SidecarFolders) -> PostMatch:
    if is_sidecar(media.path.name):
        return PostMatch(
            media.path, Post(), "", (), media.name
        )  # what is to be warned of is known at the end
    found, warnings = folders.find_claims(media)
    if not found:
        return PostMatch(media.path, NO_POST, "", (), join_warnings(*warnings, *folders.find_warnings(media)))
    folders.note_used(claim for _, claim in found)
    rule, main = min(found, key=_rank)
    others = [claim for _, claim in found if claim is not main]
    told = _distinct(main.post, [claim.post for claim in others])
    contradictions = [_contradiction(main.post, post) for post in told]
    if main.sha256s and sha256 and sha256 not in main.sha256s:
        contradictions.append(f"{main.post.sidecar} gives another sha256")
    return PostMatch(
        media.path,
        main.post,
        rule,
        tuple(told[:MAX_OTHERS]),
        join_warnings(*warnings, *(_claim_warning(claim) for _, claim in found), *contradictions),
    )


def _rank(found: Found) -> tuple[bool, str]:
    """By path before by stem, else as found; of Telegram's messages with one file the earliest."""
    rule, claim = found
    order = (claim.post.posted_at or "unknown") if claim.tool == "telegram" else ""
    return rule != "path", order


def _claim_warning(claim: Claim) -> str:
    return f"{claim.post.sidecar}: {claim.warning}" if claim.warning else ""


def _distinct(main: Post, posts: Iterable[Post]) -> list[Post]:
    """Those that state a fact that neither `main` nor one before states."""
    told: list[Post] = []
    for post in posts:
        if all(_differences(known, post) for known in (main, *told)):
            told.append(post)
    return told


def _differences(known: Post, post: Post) -> list[str]:
    """Fields in which the second states something else, or something more.

    A day is no other fact than a time on it, and one post may be linked in several ways.
    """
    same_post = known.post_id and (known.platform, known.post_id) == (post.platform, post.post_id)
    differing = [name for name in FACTS if getattr(post, name) not in ("", getattr(known, name))]
    if known.posted_at[:10] == post.posted_at:
        differing = [name for name in differing if name != "posted_at"]
    if same_post and known.source_url:
        differing = [name for name in differing if name != "source_url"]
    return differing


def _contradiction(main: Post, post: Post) -> str:
    both = set(_differences(main, post)) & set(_differences(post, main))
    names = [name for name in FACTS if name in both]
    return f"{post.sidecar} gives another {', '.join(names)}" if names else ""


def _find_donors(matches: "_Store", wanted: set[str], folders: SidecarFolders) -> dict[str, list[PostMatch]]:
    """Matches of the wanted contents, those of hashes in sidecars first."""
    donors: dict[str, list[PostMatch]] = {}
    for sha256, claims in folders.by_sha256.items():
        if sha256 in wanted:
            folders.note_used(claims)
            donors[sha256] = [
                PostMatch(Path(), claim.post, "sha256", (), _claim_warning(claim)) for claim in claims
            ]
    for match, sha256 in matches if wanted and matches.has_posts else ():
        if match.rule and sha256 in wanted:
            equal = donors.setdefault(sha256, [])
            if len(equal) <= MAX_OTHERS:
                equal.append(match)
    return donors


def _match_by_content(match: PostMatch, donors: list[PostMatch]) -> PostMatch:
    post = donors[0].post
    told = _distinct(post, [donor.post for donor in donors[1:]])
    several = "the same content has further posts" if told else ""
    warning = join_warnings(match.warning, donors[0].warning, several)
    return PostMatch(match.path, post, "sha256", tuple(told[:MAX_OTHERS]), warning)


class _Store:
    """Matches and hashes in order, compressed: about 100 bytes each where posts are alike."""

    def __init__(self) -> None:
        self.has_posts = False
        self._blocks: list[bytes] = []
        self._open: list[tuple[object, ...]] = []

    def append(self, match: PostMatch, sha256: str) -> None:
        told = map(FIELDS_OF, (match.post, *match.others))
        posts = [values if any(values) else () for values in told]
        self.has_posts |= bool(match.rule)
        self._open.append((str(match.path), posts, match.rule, match.warning, sha256))
        if len(self._open) == BLOCK:
            self._blocks.append(zlib.compress(json.dumps(self._open).encode(), 1))
            self._open = []

    def __iter__(self) -> Iterator[tuple[PostMatch, str]]:
        blocks = (json.loads(zlib.decompress(block)) for block in self._blocks)
        for rows in itertools.chain(blocks, [json.loads(json.dumps(self._open))]):
            for path, (post, *others), rule, warning, sha256 in rows:
                told = tuple(_read_post(fields) for fields in others)
                yield PostMatch(Path(path), _read_post(post), rule, told, warning), sha256


def _read_post(fields: list[Any]) -> Post:
    return NO_POST if not fields else replace(Post(*fields[:-1]), aliases=tuple(fields[-1]))
