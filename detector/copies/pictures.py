"""Rows of pictures' hashes in, arrays out: what everything that compares pictures works on."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.copies.hashes import HASH_BYTES, MIN_QUALITY, distances

ROWS_AT_ONCE = 50_000  # for memory: as arrays they take a tenth
NAME_BYTES = 64  # of a sha256 in hex
PICTURE_COLUMNS = (
    "frame_index, time_seconds, hash, mirrored, quality, inside, inside_mirrored, inside_quality"
)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures and frames with their hashes, those of one content side by side."""

    contents: NDArray[np.bytes_]
    """Names of contents, each once; as an array they take a quarter of what texts do."""
    content: NDArray[np.int64]
    """Row (n,) of `contents` that each picture belongs to."""
    frame_index: NDArray[np.int64]
    time_seconds: NDArray[np.float64]
    hashes: NDArray[np.uint8]
    """Of the wholes (n, 32), then of the insides of the same pictures (n, 32)."""
    mirrored: NDArray[np.uint8]
    usable: NDArray[np.bool_]
    """(2n,): whether each hash tells anything."""

    def name(self, number: int) -> str:
        """Of the content with this number."""
        return str(self.contents[number], "ascii")

    def names(self, numbers: NDArray[np.int64]) -> list[str]:
        """Of the contents with these numbers."""
        return [name.decode() for name in self.contents[numbers].tolist()]

    def numbers(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Of the contents with these names, -1 where there is none; contents are in order of their names."""
        known = [name.encode() if len(name) <= NAME_BYTES else b"" for name in names]
        asked = np.array(known, f"S{NAME_BYTES}")
        if not len(self.contents):
            return np.full(len(asked), -1)
        places = np.minimum(np.searchsorted(self.contents, asked), len(self.contents) - 1)
        return np.where(self.contents[places] == asked, places, -1)

    def stack(
        self, rows: NDArray[np.int64], *, mirrored: bool = True
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]:
        """Hashes that tell anything of the wholes of some pictures, of their insides where these differ and,
        if asked for, of their mirror images; of each the number among the rows, and whether it is mirrored.
        """
        count = len(self.content)
        wholes, insides = self.hashes[rows], self.hashes[count + rows]
        clear = self.usable[rows]
        within = self.usable[count + rows] & ~(clear & (wholes == insides).all(axis=1))
        numbers = np.concatenate([np.flatnonzero(clear), np.flatnonzero(within)])
        chosen = np.concatenate([rows[clear], count + rows[within]])
        sides = [self.hashes[chosen]] + ([self.mirrored[chosen]] if mirrored else [])
        turned = np.repeat([False, True], len(chosen))[: len(sides) * len(chosen)]
        return np.concatenate(sides), np.tile(numbers, len(sides)), turned

    def distances_between(
        self, rows: NDArray[np.int64], other: "Pictures", others: NDArray[np.int64]
    ) -> NDArray[np.uint16]:
        """Bits between pictures (m,) and those of another set (m,), as `describe` has them, the least."""
        return np.asarray(self._apart(rows, other, others).min(axis=0), np.uint16)

    def _apart(
        self, rows: NDArray[np.int64], other: "Pictures", others: NDArray[np.int64]
    ) -> NDArray[np.uint16]:
        """(8, m): plain whole-whole, whole-inside, inside-whole, inside-inside, then the same mirrored."""
        return np.stack(
            [
                distances(sides[start + rows], other.hashes[begin + others])
                for sides in (self.hashes, self.mirrored)
                for start in (0, len(self.content))
                for begin in (0, len(other.content))
            ]
        )

    def describe(self, row: int, other: "Pictures", picture: int) -> tuple[int, bool, bool]:
        """The least distance of two pictures, whether mirrored, and whether only inside margins."""
        apart = self._apart(np.array([row]), other, np.array([picture]))[:, 0]
        best = int(np.argmin(apart))
        return int(apart[best]), best >= 4, best % 4 > 0


def read_pictures(rows: Iterable[tuple[object, ...]]) -> Pictures:
    """Pictures of rows that have a content's name and the `PICTURE_COLUMNS`, in order of content and frame.

    Raises ValueError or TypeError when the rows hold something else.
    """
    waiting = iter(rows)
    parts, last = [_read_part([], None)], None
    while part := list(itertools.islice(waiting, ROWS_AT_ONCE)):
        parts.append(_read_part(part, last))
        last = part[-1][0]
    columns = list(zip(*parts, strict=True))
    parts.clear()
    names, is_new, frame_index, time_seconds, whole, mirrored, usable, inside, turned, within = columns
    columns.clear()  # one after the other is set free: for memory
    hashes = np.concatenate([*whole, *inside])
    del whole, inside
    both_mirrored = np.concatenate([*mirrored, *turned])
    del mirrored, turned
    return Pictures(
        contents=np.concatenate(names),
        content=np.cumsum(np.concatenate(is_new)) - 1,
        frame_index=np.concatenate(frame_index),
        time_seconds=np.concatenate(time_seconds),
        hashes=hashes,
        mirrored=both_mirrored,
        usable=np.concatenate([*usable, *within]),
    )


def _read_part(rows: list[tuple[object, ...]], before: object) -> list[NDArray[Any]]:
    columns = list(zip(*rows, strict=True)) or [()] * 9
    content, frame_index, time_seconds, whole, mirrored, quality, inside, turned, within = columns
    names = [str(one).encode() for one in content]
    if any(len(one) > NAME_BYTES for one in names):
        raise ValueError(f"the name of a content is longer than {NAME_BYTES} bytes")
    is_new = np.array([one != earlier for earlier, one in itertools.pairwise([before, *content])], np.bool_)
    return [
        np.array(names, f"S{NAME_BYTES}")[is_new],
        is_new,
        np.array(frame_index, np.int64),
        np.array(time_seconds, np.float64),
        *(_bits(whole), _bits(mirrored), np.array(quality, np.int64) >= MIN_QUALITY),
        *(_bits(inside), _bits(turned), np.array(within, np.int64) >= MIN_QUALITY),
    ]


def _bits(hashes: tuple[Any, ...]) -> NDArray[np.uint8]:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ValueError(f"a hash is not of {HASH_BYTES} bytes")
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, HASH_BYTES)
