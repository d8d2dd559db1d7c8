import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.errors import MediaError, UsageError
from detector.formats import claimed_kind
from detector.sources import Media, find_kind, find_media, printable, without_path

PNG = b"\x89PNG\r\n\x1a\n"
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0"


def make_file(path: Path, content: bytes = PNG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found_names(
    *paths: Path, recursive: bool = True, skip: Path | None = None, follow_links: bool = False
) -> list[str]:
    found = find_media(paths, recursive=recursive, skip=skip, follow_links=follow_links)
    return [media.name for media in found]


def make_hidden(folder: Path) -> None:
    for name in ("seen.png", ".hidden.png", ".trash/deep/old.mp4", ".trash/new"):
        make_file(folder / name)
    for name in (".git/config", ".DS_Store"):
        make_file(folder / name, b"no media")
    (folder / "._seen.png").write_bytes(b"\0\5\x16\7 notes of macOS")


def test_what_is_hidden_has_one_row_each_if_it_is_media_or_holds_some(tmp_path: Path) -> None:
    make_hidden(tmp_path)
    found = [(media.name, media.kind) for media in find_media([tmp_path])]
    assert found == [(".hidden.png", "hidden"), (".trash", "hidden"), ("seen.png", "photo")]


def test_what_is_hidden_is_looked_at_when_asked(tmp_path: Path) -> None:
    make_hidden(tmp_path)
    found = {media.name: media.kind for media in find_media([tmp_path], hidden=True)}
    assert found == {
        "seen.png": "photo",
        ".hidden.png": "photo",
        ".trash/new": "photo",
        ".trash/deep/old.mp4": "photo",  # by its content
        ".git/config": "other",
        ".DS_Store": "other",
        "._seen.png": "other",
    }


def test_a_hidden_report_is_not_told_of(tmp_path: Path) -> None:
    make_file(tmp_path / ".report" / "frames" / "two.jpg")
    assert found_names(tmp_path, skip=tmp_path / ".report") == []


def test_a_hidden_file_or_folder_named_by_the_user_is_looked_at(tmp_path: Path) -> None:
    make_file(tmp_path / ".trash" / "old.png")
    assert found_names(tmp_path / ".trash") == ["old.png"]
    assert found_names(tmp_path / ".trash" / "old.png") == ["old.png"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    make_file(tmp_path / "a" / "one.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert found_names(tmp_path) == ["self", "a/one.png"]


def test_a_link_to_a_folder_outside_is_followed_when_asked_and_keeps_its_own_name(tmp_path: Path) -> None:
    make_file(tmp_path / "elsewhere" / "one.png")
    top = tmp_path / "top"
    top.mkdir()
    (top / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert found_names(top) == ["link"]
    assert found_names(top, follow_links=True) == ["link/one.png"]


def test_the_report_folder_is_skipped(tmp_path: Path) -> None:
    make_file(tmp_path / "one.png")
    make_file(tmp_path / "report" / "frames" / "two.jpg")
    assert found_names(tmp_path, skip=tmp_path / "report") == ["one.png"]


def test_the_report_folder_is_skipped_through_a_link(tmp_path: Path) -> None:
    make_file(tmp_path / "report" / "two.jpg")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "report", target_is_directory=True)
    assert found_names(tmp_path / "in", skip=tmp_path / "report") == []


def test_a_broken_link_is_given_out(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    [media] = find_media([tmp_path])
    assert (media.name, media.kind) == ("gone.jpg", "photo")
    with pytest.raises(MediaError, match="cannot be read: No such file"):
        media.sha256()
    with pytest.raises(MediaError, match="cannot be read: No such file"):
        media.size()


def test_a_folder_that_cannot_be_opened_is_given_out_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_file(tmp_path / "locked" / "one.png")
    make_file(tmp_path / "open" / "two.png")
    scandir = os.scandir

    def scandir_unless_locked(path: Path) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "locked":  # tests may run as root, who may open everything
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scandir_unless_locked)
    assert found_names(tmp_path) == ["locked", "open/two.png"]


def test_several_paths_share_the_deepest_common_root(tmp_path: Path) -> None:
    first = make_file(tmp_path / "x" / "a" / "one.png")
    make_file(tmp_path / "x" / "b" / "c" / "two.png")
    found = list(find_media([first, tmp_path / "x" / "b"]))
    assert [media.name for media in found] == ["a/one.png", "b/c/two.png"]
    assert {media.root for media in found} == {tmp_path / "x"}
    assert [media.path for media in found] == [first, tmp_path / "x" / "b" / "c" / "two.png"]


def test_a_file_given_twice_is_found_once(tmp_path: Path) -> None:
    file = make_file(tmp_path / "sub" / "one.png")
    assert found_names(file, file) == ["one.png"]
    assert found_names(tmp_path, file, tmp_path / "sub") == ["sub/one.png"]
    assert found_names(file, tmp_path) == ["sub/one.png"]


def test_a_path_with_dots_is_the_same_path(tmp_path: Path) -> None:
    file = make_file(tmp_path / "sub" / "one.png")
    assert found_names(tmp_path / "sub" / ".." / "sub" / "one.png", file) == ["one.png"]


def test_a_listed_path_that_is_gone_is_given_out_and_a_named_one_is_refused(tmp_path: Path) -> None:
    there = make_file(tmp_path / "there.png")
    gone = tmp_path / "sub" / "gone.jpg"
    found = list(find_media([], listed=[there, gone]))
    assert [(media.name, media.kind) for media in found] == [
        ("there.png", "photo"),
        ("sub/gone.jpg", "photo"),
    ]
    with pytest.raises(MediaError, match="cannot be read"):
        found[1].sha256()
    with pytest.raises(UsageError, match="no such file"):
        list(find_media([gone], listed=[there]))


def test_roots_that_lie_apart_have_their_own_names(tmp_path: Path) -> None:
    home = tmp_path / "home" / "jane"
    make_file(home / "in" / "a.png")
    make_file(home / "b.png")
    make_file(tmp_path / "home" / "joe" / "In" / "sub" / "c.png")
    make_file(tmp_path / "mnt" / "disk" / "d.png")
    paths = [home / "in", tmp_path / "home" / "joe" / "In", tmp_path / "mnt"]
    assert sorted(found_names(*paths)) == ["In 2/sub/c.png", "in/a.png", "mnt/disk/d.png"]
    assert sorted(found_names(*paths, home)) == [
        "In/sub/c.png",
        "home/b.png",
        "home/in/a.png",
        "mnt/disk/d.png",
    ]
    files = [media.path for media in find_media([tmp_path])]
    assert sorted(found_names(*files)) == ["disk/d.png", "home/b.png", "home/in/a.png", "sub/c.png"]


def test_every_root_is_found_again_from_its_names(tmp_path: Path) -> None:
    make_file(tmp_path / "home" / "jane" / "in" / "a.png")
    make_file(tmp_path / "mnt" / "b\\n.png")
    for media in find_media([tmp_path / "home" / "jane" / "in", tmp_path / "mnt"]):
        assert media.name_of(media.path) == media.name
        assert media.path.is_relative_to(media.root)
        assert media.name_of(media.root / "x" / "y.json") == f"{media.name.split('/')[0]}/x/y.json"


@pytest.mark.parametrize(
    "text", ["broken: '{path}'", "{path}: broken", "broken file://{path}", "cannot open {folder}/other.jpg"]
)
def test_messages_lose_the_way_to_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "home" / "it's jane" / "a b.png"
    written = without_path(text.format(path=path, folder=path.parent), path)
    assert "jane" not in written
    assert str(tmp_path) not in written
    assert without_path(f"not read: {str(path)!r}", path) == f"not read: {path.name!r}".replace("'", '"')


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "photo"),
        (PNG, "photo"),
        (b"GIF89a", "photo"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "photo"),
        (b"BM\x36\0\0\0\0\0\0\0", "photo"),
        (b"II*\0\x08\0\0\0", "photo"),
        (b"MM\0*\0\0\0\x08", "photo"),
        (b"\0\0\0\x18ftypheic", "photo"),
        (b"\0\0\0\x18ftypavif", "photo"),
        (MP4, "video"),
        (b"\0\0\0\x14ftypqt  ", "video"),
        (b"\0\0\0\x14ftyp3gp4", "video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video"),
        (b"\x1a\x45\xdf\xa3\x01", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        ((b"G" + bytes(187)) * 4, "video"),
        ((bytes(4) + b"G" + bytes(187)) * 4, "video"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "video"),
        (b"FLV\x01\x05", "video"),
        (b"\0\0\x01\xba\x44", "video"),
        (b"OggS\0\x02", "video"),
        (bytes.fromhex("060e2b34020501010d0102"), "video"),
        (b"\x1f\x07\0\x3f", "video"),
        (b"\0\0\0\x1cstypmsdh", "video"),
        (b"FWS\x09", "other"),
        (b"#EXTM3U\nhttp://example.org/a.ts", "other"),
        (b"ffconcat version 1.0\nfile a.mp4", "other"),
        (b"%PDF-1.7", "other"),
        (b"RIFF\0\0\0\0WAVEfmt ", "other"),
        (b"BMore text than picture", "other"),
        (b"", "other"),
    ],
)
def test_content_decides_the_kind(tmp_path: Path, head: bytes, kind: str) -> None:
    for name in ("wrong.txt", "wrong.jpg", "wrong.mp4", "none"):
        assert find_kind(make_file(tmp_path / name, head)) == kind


def test_the_suffix_decides_the_kind_of_what_cannot_be_read(tmp_path: Path) -> None:
    assert find_kind(tmp_path / "missing.HEIC") == "photo"
    assert find_kind(tmp_path / "missing.MP4") == "video"
    assert find_kind(tmp_path / "missing") == "other"
    assert claimed_kind(Path("a.b.JPG")) == "photo"


def test_names_that_are_not_utf8_can_be_printed(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.png"
    try:
        Path(os.fsdecode(raw)).write_bytes(PNG)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    [media] = find_media([tmp_path])
    assert media.name == "caf\\xe9.png"
    assert media.sha256() == hashlib.sha256(PNG).hexdigest()
    assert printable("Bakı, Nouméa") == "Bakı, Nouméa"


def test_a_name_with_a_backslash_is_not_the_name_of_undecodable_bytes(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).write_bytes(PNG)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    make_file(tmp_path / "caf\\xe9.png")
    names = found_names(tmp_path)
    assert names == ["caf\\x5cxe9.png", "caf\\xe9.png"]


def test_names_with_line_breaks_are_printed_on_one_line(tmp_path: Path) -> None:
    make_file(tmp_path / "two\nlines\t.png")
    assert found_names(tmp_path) == ["two\\nlines\\t.png"]


def test_a_pipe_named_by_the_user_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        found_names(tmp_path / "pipe.jpg")


def test_pipes_and_sockets_in_a_folder_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        make_file(tmp_path / "one.png")
        found = {media.name: media.kind for media in find_media([tmp_path])}
    special = dict.fromkeys(("link.jpg", "pipe.jpg", "s"), "special")
    assert found == {"one.png": "photo", **special}


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such file or folder: .*missing"):
        found_names(tmp_path / "missing")
    with pytest.raises(UsageError, match="nothing to scan"):
        found_names()


def test_the_order_is_by_name_with_files_before_folders(tmp_path: Path) -> None:
    for name in ("b.png", "a/2.png", "a/1.png", "c.png", "B.png", "a/z/1.png", "b/1.png"):
        make_file(tmp_path / name)
    expected = ["B.png", "b.png", "c.png", "a/1.png", "a/2.png", "a/z/1.png", "b/1.png"]
    assert found_names(tmp_path) == expected
    assert found_names(tmp_path) == expected


def test_subfolders_are_left_out_when_asked(tmp_path: Path) -> None:
    make_file(tmp_path / "one.png")
    make_file(tmp_path / "sub" / "two.png")
    assert found_names(tmp_path, recursive=False) == ["one.png"]


@pytest.fixture
def deep_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A picture 2,000 folders down; taken apart step by step, as the path is too long to open."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2000):
        Path("d").mkdir()
        os.chdir("d")
    Path("deep.png").write_bytes(PNG)
    yield tmp_path
    Path("deep.png").unlink()
    for _ in range(2000):
        os.chdir("..")
        Path("d").rmdir()


def test_two_thousand_nested_folders_do_not_crash(deep_folder: Path) -> None:
    make_file(deep_folder / "one.png")
    top, deep = found_names(deep_folder)
    assert top == "one.png"
    assert set(deep.split("/")) in ({"d"}, {"d", "deep.png"})  # the folder that the system could not open


def test_the_hash_and_size_are_of_the_content(tmp_path: Path) -> None:
    path = make_file(tmp_path / "a.bin", b"abc")
    media = Media(tmp_path, "a.bin", "other", path)
    assert media.sha256() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert media.size() == 3
