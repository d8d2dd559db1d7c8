"""No spelling of an author's name is left in what is told of a post."""

import json
import re
import stat
import unicodedata
from pathlib import Path
from typing import Any, cast

import pytest

from detector.errors import UsageError
from detector.options import ScanOptions
from detector.posts import Post, PostMatch, Pseudonyms, match_posts, read_key
from detector.sources import find_media
from tests.posts.test_posts import INSTALOADER, TWITTER, YT_DLP, put

KEY = b"k" * 32
AUTHOR = re.compile(r"author-[0-9a-f]{12}")


def match_of(post: Post, *others: Post, warning: str = "") -> PostMatch:
    return PostMatch(Path("a.jpg"), post, "path", others, warning)


def hide(post: Post, *known: Post) -> Post:
    return Pseudonyms(KEY, [match_of(post), *map(match_of, known)]).hide(match_of(post)).post


def test_a_pseudonym_is_stable_and_depends_on_its_key_alone() -> None:
    names = Pseudonyms(KEY, [])
    assert AUTHOR.fullmatch(names.pseudonym("@Jane"))
    assert names.pseudonym("@Jane") == names.pseudonym("jane") != names.pseudonym("joe")
    assert Pseudonyms(b"l" * 32, []).pseudonym("jane") != names.pseudonym("jane")
    assert names.pseudonym("") == ""
    with pytest.raises(ValueError, match="32 bytes"):
        Pseudonyms(b"k" * 31, [])


@pytest.mark.parametrize(
    ("author", "text"),
    [
        ("José Álvarez", "by JOSÉ ÁLVAREZ today"),
        ("José Álvarez", unicodedata.normalize("NFD", "by José Álvarez today")),
        ("José Álvarez", "by Jose Alvarez today"),
        ("José Álvarez", "see https://x.org/Jos%C3%A9%20%C3%81lvarez/1"),
        ("José Álvarez", "see https://x.org/?u=https%253A%252F%252Fy.org%252Fjose-alvarez"),
        ("José Álvarez", "see jose.alvarez@x.org and #JoseAlvarez_Official"),
        ("José Álvarez", "jose_alvarez joséalvarez JoseAlvarez's"),
        ("José Álvarez", "Jos&eacute; &Aacute;lvarez"),
        ("José Álvarez", "Jo\u200bsé Ál\u00advarez"),
        ("Əliyev İlqar", "əliyev ilqarın sözləri"),
        ("ISIL", "ısıl, IŞIL".replace("Ş", "S")),
        ("@jane@mastodon.social", "jane said, @jane, https://mastodon.social/@jane"),
        ("jane.bsky.social", "https://bsky.app/profile/jane.bsky.social by jane"),
        ("müller", "https://xn--mller-kva.example.org"),
        ("Ｊane", "JANE"),
        ("nc", "by NC, @nc"),
    ],
)
def test_a_name_is_hidden_however_it_is_spelled(author: str, text: str) -> None:
    hidden = hide(
        Post(author=author, text=text, source_url=f"https://x.org/{text}", platform=text, post_id=text)
    )
    for told in (hidden.text, hidden.source_url, hidden.platform, hidden.post_id):
        rest = unicodedata.normalize("NFKD", AUTHOR.sub("", told)).casefold()
        rest = "".join(letter for letter in rest if letter.isalnum())
        for part in ("jos", "lvarez", "iyev", "lqar", "isil", "jane", "mller", "müller", "bynch"):
            assert part not in rest.replace("official", ""), told
        assert AUTHOR.search(told)


def test_short_names_are_hidden_where_they_stand_alone_and_other_words_are_kept() -> None:
    hidden = hide(
        Post(author="nc", text="nc since dance, N.C. and ncc", source_url="https://x.com/nc/status/2")
    )
    assert AUTHOR.sub("X", hidden.text) == "X since dance, X. and ncc"
    assert AUTHOR.sub("X", hidden.source_url) == "https://x.com/X/status/2"


def test_people_are_hidden_in_the_posts_of_others_where_they_are_meant() -> None:
    post = Post(
        author="joe", text="thanks @Radio_Djiido and Jane Doe; radio_djiido plays jane", source_url=""
    )
    hidden = hide(post, Post(author="radio_djiido"), Post(author="Jane Doe"), Post(author="jane"))
    assert AUTHOR.sub("X", hidden.text) == "thanks @X and X; X plays jane"


def test_every_name_of_a_sidecar_is_hidden_and_none_is_kept(tmp_path: Path) -> None:
    people = {"uploader": "Jane Q. Doe", "uploader_id": "@radiojane", "channel_id": "UC123456"}
    told = "By Jane Q Doe (radiojane), youtube.com/channel/UC123456"
    put(tmp_path / "a.mp4", b"a")
    put(tmp_path / "a.info.json", {**YT_DLP, **people, "description": told})
    user = {"id": 998877, "name": "pressjoe", "nick": "Joe Press"}
    put(tmp_path / "b.jpg", b"b")
    put(tmp_path / "b.jpg.json", {**TWITTER, "author": user, "content": "Joe Press 998877 @pressjoe"})
    node: Any = {
        **cast("dict[str, Any]", INSTALOADER["node"]),
        "owner": {"id": "5544332", "username": "nouvelles", "full_name": "Anne Lou"},
    }
    node["edge_media_to_caption"] = {"edges": [{"node": {"text": "anne-lou 5544332"}}]}
    put(tmp_path / "c.jpg", b"c")
    put(tmp_path / "c.json", {**INSTALOADER, "node": node})
    matches = [m for m in match_posts([(m, "") for m in find_media([tmp_path])], [tmp_path]) if m.rule]
    assert len(matches) == 3
    names = Pseudonyms(KEY, matches)
    for match in map(names.hide, matches):
        text = json.dumps([match.post.source_url, match.post.text, match.post.author, match.post.post_id])
        assert not re.search(r"jane|doe|UC123|joe|press|998877|nouvelles|anne-|5544332", text, re.IGNORECASE)
        assert match.post.aliases == ()


def test_who_is_passed_on_other_posts_and_warnings_are_hidden_too() -> None:
    post = Post(author="Jane Doe", forwarded_from="Radio Djiido", text="radio djiido by jane doe")
    match = match_of(post, Post(author="Joe Bloggs", text="joe bloggs, jane doe"), warning="Jane Doe.json: x")
    hidden = Pseudonyms(KEY, [match]).hide(match)
    assert AUTHOR.sub("X", hidden.post.text) == "X by X"
    assert AUTHOR.fullmatch(hidden.post.forwarded_from)
    assert hidden.post.forwarded_from != hidden.post.author
    assert AUTHOR.sub("X", hidden.others[0].text) == "X, X"
    assert AUTHOR.sub("X", hidden.warning) == "X.json: x"


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    key = read_key(tmp_path / "key")
    assert len(key) == 64
    assert read_key(tmp_path / "key") == key != read_key(tmp_path / "other")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    (tmp_path / "short").write_text("secret")
    with pytest.raises(UsageError, match="too short"):
        read_key(tmp_path / "short")
    with pytest.raises(UsageError, match="cannot be used"):
        read_key(tmp_path / "missing" / "key")


def test_pseudonyms_need_a_key_outside_the_report(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="go together"):
        ScanOptions(paths=(tmp_path,), pseudonymise=True).check()
    with pytest.raises(UsageError, match="go together"):
        ScanOptions(paths=(tmp_path,), pseudonym_key=tmp_path / "key").check()
    out = tmp_path / "report"
    inside = ScanOptions(paths=(tmp_path,), out=out, pseudonymise=True, pseudonym_key=out / "key")
    with pytest.raises(UsageError, match="inside the report"):
        inside.check()
