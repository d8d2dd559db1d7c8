import gc
import hashlib
import json
import lzma
import os
import random
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.posts import Post, PostMatch, match_posts
from detector.sources import STEERING, Media, find_media

# Written by yt-dlp 2026.10.26: yt-dlp --enable-file-urls --write-info-json "file:///downloads/a clip.mp4"
YT_DLP_GENERIC = {
    "id": "a clip",
    "title": "a clip",
    "timestamp": 1715681472,
    "direct": True,
    "formats": [
        {"format_id": "mp4", "url": "file:///downloads/a%20clip.mp4", "ext": "mp4", "protocol": "file"}
    ],
    "subtitles": {},
    "webpage_url": "file:///downloads/a%20clip.mp4",
    "webpage_url_basename": "a%20clip.mp4",
    "extractor": "generic",
    "extractor_key": "Generic",
    "display_id": "a clip",
    "fulltitle": "a clip",
    "upload_date": "20240514",
    "epoch": 1795526990,
    "ext": "mp4",
    "_type": "video",
    "_version": {"version": "2026.10.26", "repository": "yt-dlp/yt-dlp"},
}
YT_DLP = {
    "id": "abc123",
    "title": "Rally",
    "description": "Rally in Nouméa\nsecond line",
    "timestamp": 1715681472,
    "uploader": "Radio",
    "uploader_id": "@radio",
    "upload_date": "20240514",
    "_type": "video",
    "webpage_url": "https://www.youtube.com/watch?v=abc123",
    "extractor": "youtube",
    "extractor_key": "Youtube",
}
# Fields as gallery-dl 1.32.18 sets them in its extractors
TWITTER = {
    "category": "twitter",
    "subcategory": "tweet",
    "tweet_id": 1790312345678901234,
    "date": "2024-05-14 10:11:12",
    "content": "flags",
    "filename": "GNabc",
    "extension": "jpg",
    "author": {"id": 12, "name": "press", "nick": "The Press"},
    "user": {"name": "press"},
}
# Written by instaloader 4.16 (`save_structure_to_file` of a Post), shortened
INSTALOADER = {
    "node": {
        "__typename": "GraphSidecar",
        "id": "3368012345678901234",
        "shortcode": "C68abcDEfgh",
        "taken_at_timestamp": 1715681472,
        "owner": {"id": "12345", "username": "nouvelles_nc"},
        "edge_media_to_caption": {"edges": [{"node": {"text": "Place des Cocotiers 🇳🇨\n#kanaky"}}]},
    },
    "instaloader": {"version": "4.16", "node_type": "Post"},
}
# Shape of export_output_json.cpp
CHAT = {
    "name": "Kanaky News",
    "type": "private_channel",
    "id": 1234567890,
    "messages": [
        {
            "id": 17,
            "type": "message",
            "date": "2024-05-14T21:11:12",
            "date_unixtime": "1715681472",
            "from": "Kanaky News",
            "from_id": "channel1234567890",
            "photo": "photos/photo_1.jpg",
            "text": ["Look: ", {"type": "link", "text": "https://example.org"}, " now"],
            "text_entities": [],
        },
        {"id": 18, "type": "message", "date": "2024-05-14T21:12:00", "file": "video_files/a.mp4", "text": ""},
        {"id": 19, "type": "message", "date": "2024-05-14T21:13:00", "text": "words only"},
    ],
}
# Written by auto-archiver 1.2.9 (`Metadata.to_dict` as modules/json_enricher dumps it), shortened
AUTO_ARCHIVER = {
    "status": "telegram: success",
    "metadata": {
        "_processed_at": "2024-06-01 08:00:00.007025+00:00",
        "url": "https://t.me/kanaky/17",
        "title": "Rally",
        "content": "In Nouméa",
        "timestamp": "2024-05-14 10:11:12+00:00",
    },
    "media": [
        {
            "filename": "/var/archive/17.jpg",
            "_key": None,
            "urls": [],
            "_mimetype": "image/jpeg",
            "properties": {"hash": "SHA-256:" + hashlib.sha256(b"archived").hexdigest()},
        }
    ],
}
TIME = "2024-05-14T10:11:12Z"


def put(path: Path, content: object) -> Path:
    """Write a file: bytes and text as they are, anything else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def match(root: Path, *roots: Path) -> dict[str, PostMatch]:
    """What is found for all media under the folder, by name; sidecars left out."""
    media = [(file, file.sha256() if file.path.is_file() else "") for file in find_media([root])]
    matches = list(match_posts(iter(media), roots or (root,)))
    assert [found.path for found in matches] == [file.path for file, _ in media]
    for found in matches:
        for text in (
            found.warning,
            *(field for post in (found.post, *found.others) for field in _facts(post)),
        ):
            assert not STEERING.search(text)
            assert len(text.splitlines()) <= 1
        assert len(found.warning) <= 500
    return {
        file.name: found
        for (file, _), found in zip(media, matches, strict=True)
        if not file.name.endswith((".json", ".jsonl", ".xz", ".csv", ".txt"))
    }


def only(root: Path) -> PostMatch:
    [found] = match(root).values()
    return found


def test_a_file_without_sidecar_has_no_post_and_no_warning(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jpg", b"a")
    assert only(tmp_path) == PostMatch(path, Post(), "", (), "")


def test_an_info_json_of_yt_dlp_belongs_to_the_files_of_its_stem(tmp_path: Path) -> None:
    for name in ("Rally [abc123].mp4", "Rally [abc123].webp", "Rally [abc123].f137.mp4"):
        put(tmp_path / name, name.encode())
    put(tmp_path / "Rally [abc123].info.json", YT_DLP)
    post = Post(
        source_url="https://www.youtube.com/watch?v=abc123",
        platform="youtube",
        author="@radio",
        posted_at=TIME,
        post_id="abc123",
        text="Rally in Nouméa second line",
        sidecar="Rally [abc123].info.json",
    )
    for found in match(tmp_path).values():
        assert (found.post, found.rule, found.others, found.warning) == (post, "stem", (), "")


def test_what_yt_dlp_wrote_about_a_file_url_gives_no_link_and_says_what_its_time_is(tmp_path: Path) -> None:
    put(tmp_path / "a clip [a clip].mp4", b"a")
    put(tmp_path / "a clip [a clip].info.json", YT_DLP_GENERIC)
    found = only(tmp_path)
    assert found.post == Post(
        posted_at=TIME, post_id="a clip", text="a clip", sidecar="a clip [a clip].info.json"
    )
    assert "Last-Modified" in found.warning
    assert "no web link: file:///downloads" in found.warning


def test_an_upload_date_alone_is_a_day_and_no_time_is_made_up(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4", b"a")
    put(tmp_path / "a.info.json", {**YT_DLP, "timestamp": None})
    assert only(tmp_path).post.posted_at == "2024-05-14"
    assert only(tmp_path).warning == "a.info.json: posted_at is a day, its time is not known"


def test_entries_of_a_playlist_belong_to_the_files_they_name(tmp_path: Path) -> None:
    entries = [
        {**YT_DLP, "id": "one", "requested_downloads": [{"filepath": "/home/x/first.mkv"}]},
        {**YT_DLP, "id": "two", "title": "Second v1.0", "ext": "mp4"},
    ]
    playlist = {**YT_DLP, "_type": "playlist", "id": "PL1", "title": "List", "entries": entries}
    put(tmp_path / "List [PL1].info.json", playlist)
    for name in ("first.mkv", "Second v1.0 [two].webm", "other.mp4"):
        put(tmp_path / name, name.encode())
    found = match(tmp_path)
    assert (found["first.mkv"].post.post_id, found["first.mkv"].rule) == ("one", "path")
    assert (found["Second v1.0 [two].webm"].post.post_id, found["Second v1.0 [two].webm"].rule) == (
        "two",
        "stem",
    )
    assert found["other.mp4"].rule == ""


@pytest.mark.parametrize(
    ("fields", "post"),
    [
        (
            TWITTER,
            Post(
                "https://x.com/press/status/1790312345678901234",
                "twitter",
                "press",
                TIME,
                "1790312345678901234",
                "flags",
            ),
        ),
        (
            {
                "category": "instagram",
                "subcategory": "post",
                "post_id": "33",
                "post_shortcode": "C6",
                "post_url": "https://www.instagram.com/p/C6/",
                "username": "nc",
                "fullname": "N C",
                "description": "words",
                "post_date": "2024-05-14 10:11:12",
                "date": "2024-05-14 10:11:10",
            },
            Post("https://www.instagram.com/p/C6/", "instagram", "nc", TIME, "C6", "words"),
        ),
        (
            {
                "category": "facebook",
                "subcategory": "set",
                "id": "77",
                "set_id": "a.5",
                "username": "N C",
                "user_id": "9",
                "caption": "words",
                "date": "2024-05-14 10:11:12",
                "url": "https://scontent/",
            },
            Post("https://www.facebook.com/photo/?fbid=77&set=a.5", "facebook", "N C", TIME, "77", "words"),
        ),
        (
            {
                "category": "tiktok",
                "subcategory": "post",
                "id": "73",
                "user": "nc",
                "desc": "words",
                "author": {"uniqueId": "nc", "nickname": "N"},
                "createTime": "1715681472",
                "post_type": "video",
                "date": "[Invalid DateTime]",
            },
            Post("https://www.tiktok.com/@nc/video/73", "tiktok", "nc", TIME, "73", "words"),
        ),
        (
            {
                "category": "vk",
                "subcategory": "wall-post",
                "id": "45",
                "description": "",
                "user": {"id": "-12"},
                "wall": {"id": "3", "description": "words"},
                "date": "2024-05-14 10:11:12",
            },
            Post("https://vk.com/wall-12_3", "vk", "-12", TIME, "45", "words"),
        ),
        (
            {
                "category": "reddit",
                "subcategory": "submission",
                "id": "1cr",
                "author": "nc",
                "comment": None,
                "permalink": "/r/kanaky/comments/1cr/x/",
                "title": "words",
                "selftext": "",
                "created_utc": 1715681472.0,
            },
            Post("https://www.reddit.com/r/kanaky/comments/1cr/x/", "reddit", "nc", TIME, "1cr", "words"),
        ),
    ],
)
def test_gallery_dl_is_read_as_its_extractors_write(tmp_path: Path, fields: object, post: Post) -> None:
    put(tmp_path / "a_1.jpg", b"a")
    put(tmp_path / "a_1.jpg.json", fields)
    found = only(tmp_path)
    assert found.post == Post(*[*_facts(post), "a_1.jpg.json"])
    assert (found.rule, found.warning) == ("path", "")


def _facts(post: Post) -> list[Any]:
    return [post.source_url, post.platform, post.author, post.posted_at, post.post_id, post.text]


def test_a_carousel_of_instaloader_shares_one_packed_sidecar(tmp_path: Path) -> None:
    base = "2024-05-14_10-11-12_UTC"
    for name in (f"{base}_1.jpg", f"{base}_2.mp4", f"{base}_2.jpg"):
        put(tmp_path / name, name.encode())
    put(tmp_path / f"{base}.json.xz", lzma.compress(json.dumps(INSTALOADER).encode(), check=lzma.CHECK_NONE))
    put(tmp_path / f"{base}.txt", "5 likes, as --post-metadata-txt may write")
    for found in match(tmp_path).values():
        assert found.post == Post(
            source_url="https://www.instagram.com/p/C68abcDEfgh/",
            platform="instagram",
            author="nouvelles_nc",
            posted_at=TIME,
            post_id="C68abcDEfgh",
            text="Place des Cocotiers 🇳🇨 #kanaky",
            sidecar=f"{base}.json.xz",
        )
        assert (found.rule, found.others, found.warning) == ("stem", (), "")


def test_a_caption_alone_gives_text_and_the_time_in_its_name(tmp_path: Path) -> None:
    put(tmp_path / "2024-05-14_10-11-12_UTC.jpg", b"a")
    put(tmp_path / "2024-05-14_10-11-12_UTC.txt", "hello")
    put(tmp_path / "b.jpg", b"b")
    put(tmp_path / "b.txt", "anybody's notes")
    found = match(tmp_path)
    assert found["2024-05-14_10-11-12_UTC.jpg"].post == Post(
        platform="instagram", posted_at=TIME, text="hello", sidecar="2024-05-14_10-11-12_UTC.txt"
    )
    assert found["b.jpg"].post == Post()


def test_a_caption_still_counts_beside_a_broken_json(tmp_path: Path) -> None:
    put(tmp_path / "2024-05-14_10-11-12_UTC.jpg", b"a")
    put(tmp_path / "2024-05-14_10-11-12_UTC.txt", "hello")
    put(tmp_path / "2024-05-14_10-11-12_UTC.json.xz", b"\xfd7zXZ\0broken")
    found = only(tmp_path)
    assert found.post.text == "hello"
    assert found.warning == "broken sidecar 2024-05-14_10-11-12_UTC.json.xz: damaged xz file"


def test_a_telegram_export_names_files_below_it(tmp_path: Path) -> None:
    put(tmp_path / "export" / "result.json", CHAT)
    put(tmp_path / "export" / "photos" / "photo_1.jpg", b"a")
    found = only(tmp_path)
    assert found.post == Post(
        source_url="https://t.me/c/1234567890/17",
        platform="telegram",
        author="Kanaky News",
        posted_at=TIME,
        post_id="1234567890/17",
        text="Look: https://example.org now",
        sidecar="export/result.json",
    )
    assert (found.rule, found.warning) == ("path", "")


def test_a_local_time_of_telegram_is_not_taken_for_utc(tmp_path: Path) -> None:
    put(tmp_path / "result.json", CHAT)
    put(tmp_path / "video_files" / "a.mp4", b"a")
    found = only(tmp_path)
    assert found.post.posted_at == ""
    assert found.post.post_id == "1234567890/18"
    assert "local time without zone: 2024-05-14T21:12:00" in found.warning


def test_a_full_export_holds_many_chats(tmp_path: Path) -> None:
    second = {**CHAT, "type": "personal_chat", "id": 5}
    second["messages"] = [
        {"id": 1, "date_unixtime": "1715681472", "from": None, "from_id": "user5", "file": "chats/b.mp4"}
    ]
    export = {"about": '"messages": [ in words', "chats": {"about": "", "list": [CHAT, second]}}
    put(tmp_path / "result.json", json.dumps(export, indent=1))
    put(tmp_path / "photos" / "photo_1.jpg", b"a")
    put(tmp_path / "chats" / "b.mp4", b"b")
    found = match(tmp_path)
    assert found["photos/photo_1.jpg"].post.post_id == "1234567890/17"
    assert found["chats/b.mp4"].post == Post(
        platform="telegram", author="user5", posted_at=TIME, post_id="5/1", sidecar="result.json"
    )


def test_an_export_that_breaks_off_counts_up_to_there_and_says_so(tmp_path: Path) -> None:
    whole = json.dumps(CHAT, indent=1)
    put(tmp_path / "result.json", whole[: whole.index("video_files")])
    put(tmp_path / "photos" / "photo_1.jpg", b"a")
    put(tmp_path / "video_files" / "a.mp4", b"b")
    found = match(tmp_path)
    assert found["photos/photo_1.jpg"].post.post_id == "1234567890/17"
    assert found["video_files/a.mp4"].warning == "broken sidecar result.json: breaks off after 1 messages"


def test_telegrams_own_escapes_of_control_characters_are_understood(tmp_path: Path) -> None:
    written = json.dumps(CHAT).replace('"Look: "', r'"L\x08ook\\x41: "')
    put(tmp_path / "result.json", written)
    put(tmp_path / "photos" / "photo_1.jpg", b"a")
    assert only(tmp_path).post.text.startswith(r"L\x08ook\x41: ")


def test_a_file_in_several_messages_keeps_them_all_with_the_earliest_first(tmp_path: Path) -> None:
    message = {"type": "message", "from": "A", "photo": "a.jpg", "text": ""}
    messages = [{**message, "id": id_, "date_unixtime": str(1715681472 - id_)} for id_ in range(30)]
    put(tmp_path / "result.json", {**CHAT, "messages": messages})
    put(tmp_path / "a.jpg", b"a")
    found = only(tmp_path)
    assert found.post.post_id == "1234567890/29"
    assert [post.post_id for post in found.others] == [f"1234567890/{number}" for number in range(20)]
    assert "gives another source_url, posted_at, post_id" in found.warning


def test_a_large_export_is_read_piece_by_piece(tmp_path: Path) -> None:
    put(tmp_path / "photos" / "photo_1.jpg", b"a")
    padding = [{"id": 1, "type": "message", "text": "é😀" * 500}] * 8_000
    written = json.dumps({**CHAT, "messages": [*padding, *CHAT["messages"]]}, ensure_ascii=False)  # type: ignore[misc]
    size = put(tmp_path / "result.json", written).stat().st_size
    assert size > 20_000_000
    del written, padding
    media = [(file, "") for file in find_media([tmp_path])]
    gc.collect()
    tracemalloc.start()
    try:
        matches = list(match_posts(media, [tmp_path]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [found.post.post_id for found in matches] == ["", "1234567890/17"]
    assert peak < 20_000_000, "a part of the file is in memory, not all of it"


def test_auto_archiver_is_matched_by_its_hash_wherever_the_file_lies(tmp_path: Path) -> None:
    put(tmp_path / "x" / "0123456789abcdef01234567.json", AUTO_ARCHIVER)
    put(tmp_path / "x" / "other.jpg", b"other")
    put(tmp_path / "a" / "archived.jpg", b"archived")
    found = match(tmp_path)["a/archived.jpg"]
    assert found.post == Post(
        source_url="https://t.me/kanaky/17",
        platform="telegram",
        posted_at=TIME,
        text="In Nouméa",
        sidecar="x/0123456789abcdef01234567.json",
    )
    assert (found.rule, found.warning) == ("sha256", "")


def test_auto_archiver_is_matched_by_the_name_it_stores_under(tmp_path: Path) -> None:
    stored = hashlib.sha256(b"archived").hexdigest()[:24]
    put(tmp_path / "metadata.json", AUTO_ARCHIVER)
    put(tmp_path / f"{stored}.jpg", b"changed since")
    put(tmp_path / "17.jpg", b"taken from the temporary folder")
    found = match(tmp_path)
    assert (found[f"{stored}.jpg"].rule, found["17.jpg"].rule) == ("stem", "path")
    assert found["17.jpg"].warning == "metadata.json gives another sha256"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_is_read_as_spreadsheets_save_it(
    tmp_path: Path, separator: str, encoding: str, newline: str
) -> None:
    rows = [
        ["File", "Source_URL", "posted_at", "author", "text"],
        [
            r"sub\a.jpg",
            "https://x.com/a/status/1",
            "2024-05-14T12:11:12+02:00",
            "Ann",
            '"one, ""two"";\nthree"',
        ],
    ]
    put(tmp_path / "posts.csv", newline.join(separator.join(row) for row in rows).encode(encoding))
    put(tmp_path / "sub" / "a.jpg", b"a")
    found = only(tmp_path)
    assert found.post == Post(
        "https://x.com/a/status/1", "twitter", "Ann", TIME, "", 'one, "two"; three', "posts.csv"
    )
    assert (found.rule, found.warning) == ("path", "")


@pytest.mark.parametrize(
    ("written", "posted_at", "warning"),
    [
        ("2024-05-14T10:11:12Z", TIME, ""),
        ("2024-05-14 21:11:12.5+11:00", TIME, ""),
        ("2024-05-14", "2024-05-14", "posted_at is a day"),
        ("2024-05-14 10:11:12", "", "local time without zone"),
        ("14/05/2024", "", "not a time"),
        ("2024-02-31", "", "not a day"),
        ("0001-01-01T00:00:00+12:00", "", "not a time"),
        ("1970-01-01T00:00:00Z", "", "not a time"),
        ("1970-01-01", "", "not a day"),
        ("", "", ""),
    ],
)
def test_a_persons_time_counts_only_with_its_zone(
    tmp_path: Path, written: str, posted_at: str, warning: str
) -> None:
    put(tmp_path / "posts.csv", f"file,posted_at,author\na.jpg,{written},Ann\n")
    put(tmp_path / "a.jpg", b"a")
    found = only(tmp_path)
    assert found.post.posted_at == posted_at
    assert warning in found.warning
    assert bool(warning) == bool(found.warning)


def test_a_table_matches_by_stem_where_no_file_has_the_name(tmp_path: Path) -> None:
    put(tmp_path / "posts.csv", "sep=;\nfile;author\na.JPEG;Ann\n")
    put(tmp_path / "a.jpg", b"a")
    assert (only(tmp_path).post.author, only(tmp_path).rule) == ("Ann", "stem")


def test_files_of_one_stem_that_are_named_apart_keep_their_own_posts(tmp_path: Path) -> None:
    put(tmp_path / "posts.csv", "file,author\na.jpg,Ann\na.mp4,Bo\n")
    for name in ("a.jpg", "a.mp4", "a.png"):
        put(tmp_path / name, name.encode())
    found = match(tmp_path)
    assert [found[name].post.author for name in found] == ["Ann", "Bo", "Ann"]
    assert [len(found[name].others) for name in found] == [0, 0, 1]


def test_a_table_without_its_columns_is_a_warning_in_the_rows_below_it(tmp_path: Path) -> None:
    put(tmp_path / "posts.csv", "name,author\na.jpg,Ann\n")
    put(tmp_path / "sub" / "a.jpg", b"a")
    assert only(tmp_path).warning == "broken sidecar posts.csv: it has no column named file"


def test_a_table_that_is_not_utf8_is_read_with_a_warning(tmp_path: Path) -> None:
    put(tmp_path / "posts.csv", "file,author\na.jpg,Andr\u00e9\n".encode("cp1252"))
    put(tmp_path / "a.jpg", b"a")
    assert only(tmp_path).post.author == "Andr\ufffd"
    assert "not UTF-8" in only(tmp_path).warning


def test_names_with_composed_and_decomposed_letters_are_equal(tmp_path: Path) -> None:
    put(tmp_path / "posts.csv", "file,author\nNoum\u00e9a.jpg,Ann\n")
    put(tmp_path / "Noume\u0301a.jpg", b"a")
    assert (only(tmp_path).post.author, only(tmp_path).rule) == ("Ann", "path")


def test_a_file_is_matched_by_path_before_stem_before_content(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", b"same")
    put(tmp_path / "a.jpg.json", TWITTER)
    put(tmp_path / "a.info.json", YT_DLP)
    put(tmp_path / "0.jpg", b"same")
    found = match(tmp_path)
    assert (found["a.jpg"].rule, found["a.jpg"].post.platform) == ("path", "twitter")
    assert [post.platform for post in found["a.jpg"].others] == ["youtube"]
    assert found["a.jpg"].warning == "a.info.json gives another source_url, platform, author, post_id, text"
    assert (found["0.jpg"].rule, found["0.jpg"].post) == ("sha256", found["a.jpg"].post)
    (tmp_path / "a.jpg.json").unlink()
    assert (match(tmp_path)["a.jpg"].rule, match(tmp_path)["0.jpg"].post.platform) == ("stem", "youtube")


def test_a_copy_with_a_post_of_its_own_is_no_contradiction(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / f"{name}.jpg", b"same")
        put(tmp_path / f"{name}.jpg.json", {**TWITTER, "tweet_id": name})
    put(tmp_path / "c.jpg", b"same")
    found = match(tmp_path)
    assert [found[name].post.post_id for name in ("a.jpg", "b.jpg", "c.jpg")] == ["a", "b", "a"]
    assert found["a.jpg"].others == found["b.jpg"].others == ()
    assert [post.post_id for post in found["c.jpg"].others] == ["b"]
    assert found["c.jpg"].warning == "the same content has further posts"


def test_content_is_not_compared_when_its_hash_is_not_known(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", b"same")
    put(tmp_path / "a.jpg.json", TWITTER)
    put(tmp_path / "b.jpg", b"same")
    media = [(file, "") for file in find_media([tmp_path])]
    assert [found.rule for found in match_posts(media, [tmp_path])] == ["path", "", ""]


def test_two_tools_that_agree_are_no_contradiction(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", b"a")
    put(tmp_path / "a.jpg.json", TWITTER)
    same = {
        "extractor": "twitter",
        "id": TWITTER["tweet_id"],
        "uploader_id": "press",
        "upload_date": "20240514",
    }
    link = f"https://twitter.com/press/status/{TWITTER['tweet_id']}"
    put(tmp_path / "a.info.json", {**same, "webpage_url": link, "description": "flags"})
    assert only(tmp_path).others == ()
    put(
        tmp_path / "a.info.json",
        {**same, "webpage_url": link, "description": "flags", "uploader_id": "thief"},
    )
    assert only(tmp_path).others[0].author == "thief"
    assert "a.info.json gives another author" in only(tmp_path).warning


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b'{"category": ' + b"9" * 5000 + b"}", "a number in it is too long"),
        (b'"' + b"x" * (16 * 2**20) + b'"', "larger than 16 MB"),
    ],
)
def test_a_broken_sidecar_is_a_warning(tmp_path: Path, content: bytes, reason: str) -> None:
    put(tmp_path / "a.jpg", b"a")
    put(tmp_path / "a.jpg.json", content)
    found = only(tmp_path)
    assert found.post == Post()
    assert found.warning.startswith(f"broken sidecar a.jpg.json: {reason}")


def test_an_xz_file_that_unpacks_to_gigabytes_is_a_warning(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", b"a")
    put(tmp_path / "a.json.xz", lzma.compress(bytes(128 * 2**20)))
    tracemalloc.start()
    try:
        assert only(tmp_path).warning == "broken sidecar a.json.xz: larger than 16 MB when unpacked"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20
    put(tmp_path / "a.json.xz", lzma.compress(b"{}" * 1000)[:-20])
    assert only(tmp_path).warning == "broken sidecar a.json.xz: the xz file breaks off"


@pytest.mark.parametrize(
    "content", [[1], "text", None, {}, {"imagePath": "a.jpg", "shapes": []}, 3.5, {"node": {}}]
)
def test_unknown_json_is_left_alone(tmp_path: Path, content: Any) -> None:
    put(tmp_path / "a.jpg", b"a")
    for name in ("a.json", "a.jpg.json", "a.info.json", "package.json", "result.json"):
        put(tmp_path / name, json.dumps(content))
    put(tmp_path / "settings.json", "{ not json")
    assert only(tmp_path) == PostMatch(tmp_path / "a.jpg", Post(), "", (), "")


def test_numbers_that_are_no_times_and_double_keys_do_no_harm(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4", b"a")
    for written in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "-5", "0", "true", '"9999999999999"'):
        put(tmp_path / "a.info.json", f'{{"extractor": "x", "id": "1", "id": "2", "timestamp": {written}}}')
        assert (only(tmp_path).post.post_id, only(tmp_path).post.posted_at) == ("2", "")


def test_texts_are_one_printable_line_of_limited_length(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", b"a")
    text = "one\r\n\r\ntwo\u2028three \x1b[31m \u202egpj \ud800 end"
    put(tmp_path / "a.jpg.json", {**TWITTER, "content": text, "author": {"name": "n" * 9000 + "\n"}})
    post = only(tmp_path).post
    assert post.text == r"one two three \x1b[31m \u202egpj \ud800 end"
    assert len(post.author) < 320
    put(tmp_path / "a.jpg.json", {**TWITTER, "content": " x" * 1_000_000})
    assert len(only(tmp_path).post.text) < 10_100


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//x.org",
        "http://",
        "https://[x",
        "ftp://x.org/",
    ],
)
def test_links_that_do_not_lead_to_the_web_are_dropped_with_a_warning(tmp_path: Path, url: str) -> None:
    put(tmp_path / "a.mp4", b"a")
    put(tmp_path / "a.info.json", {**YT_DLP, "webpage_url": url})
    assert only(tmp_path).post.source_url == ""
    assert f"source_url left out, no web link: {url}" in only(tmp_path).warning


def test_a_sidecar_speaks_only_for_files_below_it(tmp_path: Path) -> None:
    put(tmp_path / "up.jpg", b"up")
    put(tmp_path / "sub" / "in.jpg", b"in")
    rows = [
        "../up.jpg,Ann",
        f"{tmp_path}/up.jpg,Ann",
        "../../../etc/passwd,Ann",
        f"{tmp_path}/sub/in.jpg,Bo",
        "x\0y,Ann",
    ]
    put(tmp_path / "sub" / "posts.csv", "file,author\n" + "\n".join(rows))
    found = match(tmp_path)
    assert (found["up.jpg"].post, found["sub/in.jpg"].post.author) == (Post(), "Bo")


def test_no_folder_outside_the_roots_is_looked_into(tmp_path: Path) -> None:
    put(tmp_path / "posts.csv", "file,author\nroot/a.jpg,Ann\n")
    put(tmp_path / "root" / "a.jpg", b"a")
    assert only(tmp_path / "root").post == Post()
    assert only(tmp_path).post.author == "Ann"
    put(tmp_path / "other" / "b.jpg", b"b")
    found = match(tmp_path, tmp_path / "root", tmp_path / "other")
    assert found["root/a.jpg"].post == Post()


def test_only_instaloader_numbers_the_files_of_one_sidecar(tmp_path: Path) -> None:
    put(tmp_path / "x_1.jpg", b"a")
    put(tmp_path / "x.json", TWITTER)
    assert only(tmp_path).post == Post()
    put(tmp_path / "x.json", INSTALOADER)
    assert only(tmp_path).post.author == "nouvelles_nc"


def test_a_persons_table_comes_first_and_an_export_before_a_stem(tmp_path: Path) -> None:
    put(tmp_path / "photos" / "photo_1.jpg", b"a")
    put(tmp_path / "photos" / "photo_1.info.json", YT_DLP)
    put(tmp_path / "result.json", CHAT)
    assert (only(tmp_path).rule, only(tmp_path).post.platform) == ("path", "telegram")
    assert [post.platform for post in only(tmp_path).others] == ["youtube"]
    put(tmp_path / "posts.csv", "file,author\nphotos/photo_1.jpg,Ann\n")
    assert (only(tmp_path).rule, only(tmp_path).post.author) == ("path", "Ann")
    assert [post.platform for post in only(tmp_path).others] == ["youtube", "telegram"]


def test_links_are_followed_only_to_sidecars_under_a_root(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside.json", TWITTER)
    inside = put(tmp_path / "root" / "kept" / "inside.json", TWITTER)
    for name, target in (("a", outside), ("b", inside), ("c", tmp_path / "nowhere")):
        put(tmp_path / "root" / f"{name}.jpg", name.encode())
        (tmp_path / "root" / f"{name}.jpg.json").symlink_to(target)
    found = match(tmp_path / "root")
    assert [found[f"{name}.jpg"].rule for name in "abc"] == ["", "path", ""]


def test_pipes_named_like_sidecars_are_never_opened(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", b"a")
    os.mkfifo(tmp_path / "a.jpg.json")
    os.mkfifo(tmp_path / "posts.csv")
    assert only(tmp_path) == PostMatch(tmp_path / "a.jpg", Post(), "", (), "")


def test_sidecars_are_read_once_and_folders_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("a", "a/b", "c"):
        for number in range(5):
            put(tmp_path / folder / f"x_{number}.jpg", f"{folder}{number}".encode())
        put(tmp_path / folder / "x.json", INSTALOADER)
        put(tmp_path / folder / "posts.csv", "file,author\nx_1.jpg,Ann\n")
    media = [(file, "") for file in find_media([tmp_path])]
    media.sort(key=lambda pair: pair[0].name)  # as a table sorted by name has it
    sidecars = {*tmp_path.rglob("x.json"), *tmp_path.rglob("posts.csv")}
    opened: list[Path] = []
    listed: list[Path] = []
    real_open, real_scandir = Path.open, os.scandir

    def count_open(path: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(path)
        return real_open(path, *args, **kwargs)

    def count_scandir(path: Path) -> Any:
        listed.append(Path(path))
        return real_scandir(path)

    monkeypatch.setattr(Path, "open", count_open)
    monkeypatch.setattr(os, "scandir", count_scandir)
    matches = list(match_posts(media, [tmp_path]))
    assert sum(found.rule == "stem" for found in matches) == 12
    assert sorted(opened) == sorted(sidecars)
    assert sorted(listed) == sorted({tmp_path, tmp_path / "a", tmp_path / "a" / "b", tmp_path / "c"})


def test_a_stream_of_many_files_keeps_its_order_and_little_memory(tmp_path: Path) -> None:
    put(tmp_path / "5.jpg.json", TWITTER)

    names = [sys.intern(f"{number}.jpg") for number in range(20_000)]  # as pathlib does: its table may grow

    def stream() -> Iterator[tuple[Media, str]]:
        for number, name in enumerate(names):
            yield (
                Media(tmp_path, name, "photo", tmp_path / name),
                hashlib.sha256(b"%d" % (number % 15_000)).hexdigest(),
            )

    tracemalloc.start()
    try:
        for number, found in enumerate(match_posts(stream(), [tmp_path])):
            assert found.path.name == f"{number}.jpg"
            assert found.rule == {5: "path", 15_005: "sha256"}.get(number, "")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000 * 400


# Strangers' files: whatever stands in them, there are warnings and never exceptions

SAMPLES = {
    "a.jpg.json": TWITTER,
    "a.info.json": {**YT_DLP, "entries": [YT_DLP], "requested_downloads": [{"filepath": "x/a.jpg"}]},
    "a.json": INSTALOADER,
    "result.json": CHAT,
    "metadata.json": AUTO_ARCHIVER,
}
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    "",
    "\ud800\u202e\0",
    "x" * 400,
    [],
    [[]],
    {},
    {"": {}},
    10**30,
    "9" * 30,
]


def _replace_somewhere(value: Any, rng: random.Random) -> Any:
    """The value with one part of it, at any depth, replaced by something of another type."""
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.15:
        return rng.choice(ODD)
    if isinstance(value, dict):
        key = rng.choice(list(value))
        return {**value, key: _replace_somewhere(value[key], rng)}
    index = rng.randrange(len(value))
    return [*value[:index], _replace_somewhere(value[index], rng), *value[index + 1 :]]


@pytest.mark.parametrize("seed", range(150))
def test_fields_of_any_type_never_crash(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    put(tmp_path / "a.jpg", b"a")
    put(tmp_path / "photos" / "photo_1.jpg", b"b")
    for name, sample in SAMPLES.items():
        changed: Any = sample
        for _ in range(rng.randrange(1, 5)):
            changed = _replace_somewhere(changed, rng)
        put(tmp_path / name, json.dumps(changed))
    match(tmp_path)


@pytest.mark.parametrize("seed", range(150))
def test_damaged_bytes_never_crash(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    put(tmp_path / "a.jpg", b"a")
    put(tmp_path / "photos" / "photo_1.jpg", b"b")
    table = b"file;source_url;posted_at;author;text\na.jpg;https://x.org/1;2024-05-14;Ann;hello\n"
    packed = lzma.compress(json.dumps(INSTALOADER).encode())
    written = {name: json.dumps(sample).encode() for name, sample in SAMPLES.items()}
    for name, content in {**written, "posts.csv": table, "a.json.xz": packed}.items():
        damaged = bytearray(content)
        for _ in range(rng.randrange(1, 6)):
            start = rng.randrange(len(damaged))
            damaged[start : start + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
        put(tmp_path / name, bytes(damaged))
    match(tmp_path)


@settings(max_examples=60, deadline=None)
@given(cells=st.lists(st.lists(st.text(max_size=20), max_size=6), max_size=5))
def test_tables_of_any_text_never_crash(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("table")
    put(folder / "a.jpg", b"a")
    lines = ["file,posted_at,source_url,author,text", *(",".join(row) for row in cells)]
    put(folder / "posts.csv", "\n".join(lines).encode("utf-8", "surrogatepass"))
    match(folder)


def test_a_sidecar_that_gallery_dl_writes_for_a_post_belongs_to_its_numbered_files(tmp_path: Path) -> None:
    name = str(TWITTER["tweet_id"])
    put(tmp_path / f"{name}.json", TWITTER)
    for file in (f"{name}_1.jpg", f"{name}_2 flags at the town hall.mp4", f"{name}-3.jpg"):
        put(tmp_path / file, file.encode())
    put(tmp_path / f"{name}0_1.jpg", b"another post")
    found = match(tmp_path)
    assert {file: one.rule for file, one in found.items()} == {
        f"{name}_1.jpg": "stem",
        f"{name}_2 flags at the town hall.mp4": "stem",
        f"{name}-3.jpg": "stem",
        f"{name}0_1.jpg": "",
    }
    assert found[f"{name}_1.jpg"].post.author == "press"


@pytest.mark.parametrize("ending", ["\n", "\n\n    "])
@pytest.mark.parametrize("name", ["metadata.json", "data.jsonl"])
def test_one_file_to_which_gallery_dl_appends_tells_about_all_it_names(
    tmp_path: Path, name: str, ending: str
) -> None:
    first = {**TWITTER, "tweet_id": 1790312345678900001, "num": 1, "content": "first"}
    second = {**TWITTER, "tweet_id": 1790312345678900002, "num": 1, "content": "second"}
    third = {**TWITTER, "tweet_id": 1790312345678900003, "filename": "named on the platform"}
    put(
        tmp_path / name,
        "".join(json.dumps(one, ensure_ascii=False) + ending for one in (first, second, third)),
    )
    for file in ("1790312345678900001_1.jpg", "1790312345678900002_1.jpg", "1790312345678900002_2.jpg"):
        put(tmp_path / file, file.encode())
    put(tmp_path / "named on the platform.jpg", b"c")
    found = match(tmp_path)
    assert {file: (one.post.text, one.rule, one.warning) for file, one in found.items()} == {
        "1790312345678900001_1.jpg": ("first", "path", ""),
        "1790312345678900002_1.jpg": ("second", "path", ""),
        "1790312345678900002_2.jpg": ("second", "stem", ""),
        "named on the platform.jpg": ("flags", "path", ""),
    }


def test_several_indented_posts_in_one_file_are_all_read(tmp_path: Path) -> None:
    posts = [{**TWITTER, "tweet_id": 1790312345678900000 + number, "num": 1} for number in range(3)]
    put(tmp_path / "metadata.json", "".join(json.dumps(one, indent=4) + "\n" for one in posts))
    for one in posts:
        put(tmp_path / f"{one['tweet_id']}_1.jpg", b"a")
    assert [found.post.post_id for found in match(tmp_path).values()] == [
        str(one["tweet_id"]) for one in posts
    ]


def test_a_line_that_is_no_json_leaves_those_before_it(tmp_path: Path) -> None:
    put(tmp_path / "metadata.json", json.dumps({**TWITTER, "num": 1}) + "\n{\n")
    put(tmp_path / f"{TWITTER['tweet_id']}_1.jpg", b"a")
    assert only(tmp_path).post.author == "press"


@pytest.mark.parametrize("sidecar", ["Rally [abc123].info.json", "Rally.info.json"])
@pytest.mark.parametrize("whole", [True, False])
def test_chapters_that_yt_dlp_split_have_the_post_of_their_video(
    tmp_path: Path, sidecar: str, whole: bool
) -> None:
    put(tmp_path / sidecar, YT_DLP)
    put(tmp_path / "Other [xyz789].info.json", {**YT_DLP, "id": "xyz789", "title": "Other"})
    if whole:
        put(tmp_path / sidecar.replace("info.json", "mp4"), b"whole")
    put(tmp_path / "Rally - 001 Start [abc123].mp4", b"one")
    put(tmp_path / "Rally - 002 End [abc123].mp4", b"two")
    put(tmp_path / "Rally - 003 Else [other1].mp4", b"else")
    found = match(tmp_path)
    for file in ("Rally - 001 Start [abc123].mp4", "Rally - 002 End [abc123].mp4"):
        assert (found[file].post.post_id, found[file].rule) == ("abc123", "stem")
        assert (found[file].post.sidecar, found[file].warning) == (sidecar, "")
    assert found["Rally - 003 Else [other1].mp4"].post == Post()


# Shape of export_output_html.cpp
PAGE = """<!DOCTYPE html>
<html><head><title>Exported Data</title></head><body>
<div class="page_wrap"><div class="page_header"><div class="content"><div class="text bold">
Kanaky News
</div></div></div><div class="page_body chat_page"><div class="history">
<div class="message service" id="message-1"><div class="body details">14 May 2024</div></div>
<div class="message default clearfix" id="message17">
 <div class="pull_left userpic_wrap"><div class="userpic userpic1"><div class="initials">K</div></div></div>
 <div class="body">
  <div class="pull_right date details" title="14.05.2024 21:11:12 UTC+11:00">21:11</div>
  <div class="from_name">
Kanaky &amp; News
  </div>
  <div class="reply_to details">In reply to <a href="#go_to_message3">this message</a></div>
  <div class="media_wrap clearfix">
   <a class="photo_wrap clearfix pull_left" href="photos/photo_1@14-05-2024.jpg">
    <img class="photo" src="photos/photo_1@14-05-2024_thumb.jpg" style="width: 260px"/></a>
  </div>
  <div class="text">
Look: <a href="https://example.org">https://example.org</a><br>now &lt;here&gt;
  </div>
 </div>
</div>
<div class="message default clearfix joined" id="message18">
 <div class="body">
  <div class="pull_right date details" title="14.05.2024 21:12:00">21:12</div>
  <div class="pull_left forwarded userpic_wrap"><div class="userpic"></div></div>
  <div class="forwarded body">
   <div class="from_name">
Radio Djiido <span class="date details" title="13.05.2024 08:00:00 UTC+11:00"> 13.05.2024 08:00:00</span>
   </div>
   <div class="media_wrap clearfix">
    <a class="video_file_wrap clearfix pull_left" href="video_files/a%20clip.mp4"></a>
   </div>
   <div class="text">said first</div>
  </div>
 </div>
</div>
<div class="message service" id="message-2"><div class="body details">15 May 2024</div></div>
<div class="message default clearfix joined" id="message19"><div class="body">
 <a class="media clearfix pull_left block_link media_file" href="files/b.webm"><div class="body">
  <div class="title bold">b.webm</div><div class="status details">1.0 MB</div></div></a></div></div>
</div></div></div></body></html>
"""


def test_telegrams_export_as_html_is_read(tmp_path: Path) -> None:
    put(tmp_path / "ChatExport" / "messages2.html", PAGE)
    for name in ("photos/photo_1@14-05-2024.jpg", "video_files/a clip.mp4", "files/b.webm"):
        put(tmp_path / "ChatExport" / name, name.encode())
    media = [(file, "") for file in find_media([tmp_path])]
    found = {one.path.name: one for one in match_posts(media, [tmp_path])}
    photo, clip, other = (found[name] for name in ("photo_1@14-05-2024.jpg", "a clip.mp4", "b.webm"))
    sidecar = "ChatExport/messages2.html"
    assert photo.post == Post(
        "", "telegram", "Kanaky & News", TIME, "17", "Look: https://example.org now <here>", sidecar
    )
    assert (photo.rule, photo.warning) == ("path", "")
    assert clip.post == Post("", "telegram", "Kanaky & News", "", "18", "said first", sidecar, "Radio Djiido")
    assert "local time without zone: 2024-05-14T21:12:00" in clip.warning
    assert (other.post.author, other.post.text, other.rule) == ("", "", "path")
    assert found["messages2.html"].warning == ""


def test_an_export_in_both_shapes_is_read_once(tmp_path: Path) -> None:
    put(tmp_path / "result.json", CHAT)
    put(tmp_path / "messages.html", PAGE.replace("photo_1@14-05-2024.jpg", "photo_1.jpg"))
    put(tmp_path / "photos" / "photo_1.jpg", b"a")
    [found] = [
        one for one in match_posts(((file, "") for file in find_media([tmp_path])), [tmp_path]) if one.rule
    ]
    assert (found.post.post_id, found.others, found.warning) == ("1234567890/17", (), "")


@pytest.mark.parametrize(
    "content", ["<div>" * 100_000, "<" * 1_000_000, "<div class='message'", "<div " + "x" * 1_000_000]
)
def test_pages_that_are_no_export_do_no_harm(tmp_path: Path, content: str) -> None:
    put(tmp_path / "messages.html", content)
    put(tmp_path / "a.jpg", b"a")
    assert {
        found.post for found in match_posts([(file, "") for file in find_media([tmp_path])], [tmp_path])
    } == {Post()}


@pytest.mark.parametrize(("fields", "name"), [("forwarded_from", "Radio"), ("forwarded_from_id", "channel7")])
def test_who_said_it_first_is_told_of_a_forwarded_message(tmp_path: Path, fields: str, name: str) -> None:
    message = {**CHAT["messages"][0], fields: name}  # type: ignore[index]
    put(tmp_path / "result.json", {**CHAT, "messages": [message]})
    put(tmp_path / "photos" / "photo_1.jpg", b"a")
    [found] = match(tmp_path).values()
    assert (found.post.author, found.post.forwarded_from) == ("Kanaky News", name)


def test_a_sidecar_that_matched_nothing_has_a_warning_of_its_own(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", b"a")
    put(tmp_path / "a.jpg.json", TWITTER)
    put(tmp_path / "a.info.json", {**YT_DLP, "id": "agrees"})
    put(tmp_path / "gone.info.json", YT_DLP)
    put(tmp_path / "posts.csv", "file,author\nb.jpg,Ann\n")
    put(tmp_path / "broken.json", "{")
    put(tmp_path / "package.json", {"name": "no sidecar"})
    put(tmp_path / "sub" / "messages.html", PAGE)
    found = match_posts([(file, "") for file in find_media([tmp_path])], [tmp_path])
    warnings = {one.path.name: one.warning for one in found if one.warning}
    assert warnings.pop("broken.json").startswith("broken sidecar broken.json: ")
    assert "a.info.json gives another" in warnings.pop("a.jpg")
    assert warnings == dict.fromkeys(
        ("gone.info.json", "posts.csv", "messages.html"), "tells about no file that was scanned"
    )
