"""Rows of hashes become arrays; contents are known by number, and by name."""

import pytest

from detector.copies import HASH_BYTES, PictureHash, Pictures, read_pictures


def row(name: object, frame_index: int) -> tuple[object, ...]:
    one = PictureHash(bytes([frame_index]) * HASH_BYTES, bytes(HASH_BYTES), 100)
    return (name, frame_index, 0.5, *(one.bits, one.mirrored_bits, one.quality) * 2)


def read(*names: object) -> Pictures:
    return read_pictures(iter(row(name, number) for number, name in enumerate(names)))


def test_contents_are_numbered_in_order_wherever_rows_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.copies.pictures.ROWS_AT_ONCE", 2)
    pictures = read("a", "a", "a", "b", "c", "c", "d")
    assert pictures.contents.tolist() == [b"a", b"b", b"c", b"d"]
    assert pictures.content.tolist() == [0, 0, 0, 1, 2, 2, 3]
    assert pictures.names(pictures.content[[6, 0]]) == ["d", "a"]
    assert read(7, 7, 12).contents.tolist() == [b"7", b"12"]
    assert read().content.tolist() == []


def test_only_contents_that_are_there_have_a_number() -> None:
    longest = "f" * 64
    pictures = read("a", "b", longest)
    assert pictures.numbers([longest, "b", "aa", "", "z", longest + "f"]).tolist() == [2, 1, -1, -1, -1, -1]
    assert read().numbers(["a"]).tolist() == [-1]


def test_a_name_that_is_no_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 64 bytes"):
        read("a", "f" * 65)
