"""Sound files in, damaged ones out: the same for the same seed and number, one at a time or all."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FLIPS, STRETCH = 24, 64  # at most so many bits turned; bytes of a stretch
HEAD = 512  # most of a file's structure is told here
EXTREMES = tuple(
    struct.pack(order + letter, value & mask)
    for letter, mask in (("H", 0xFFFF), ("I", 0xFFFFFFFF), ("Q", 0xFFFFFFFFFFFFFFFF))
    for value in (0, 1, mask >> 1, (mask >> 1) + 1, mask - 1, mask)
    for order in "<>"
)
Rng = np.random.Generator
Mutator = Callable[[bytearray, Rng, Sequence[bytes]], bytes | bytearray]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged file."""

    number: int
    seed_name: str
    mutators: tuple[str, ...]
    content: bytes


def make_mutant(corpus: Mapping[str, bytes], seed: int, number: int) -> Mutant:
    """Number by number through the formats, each damaged in one to three ways."""
    names = sorted(corpus)
    name = names[number % len(names)]
    rng = np.random.default_rng([seed, number])
    content: bytes | bytearray = corpus[name]
    others = [corpus[other] for other in names]
    chosen = [MUTATORS[int(one)] for one in rng.integers(0, len(MUTATORS), rng.integers(1, 4))]
    for mutate in chosen:
        content = mutate(bytearray(content), rng, others) if content else content
    return Mutant(number, name, tuple(mutate.__name__ for mutate in chosen), bytes(content))


def turn_bits(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """Some bits anywhere."""
    for at in rng.integers(0, len(content), rng.integers(1, FLIPS)):
        content[at] ^= 1 << int(rng.integers(8))
    return content


def turn_bits_of_head(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """Some bits at the start."""
    for at in rng.integers(0, min(HEAD, len(content)), rng.integers(1, FLIPS)):
        content[at] ^= 1 << int(rng.integers(8))
    return content


def set_extreme(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """A length, count or offset that is none, negative or the largest."""
    limit = len(content) if rng.integers(2) else min(HEAD, len(content))
    at, value = int(rng.integers(limit)), EXTREMES[int(rng.integers(len(EXTREMES)))]
    content[at : at + len(value)] = value
    return content


def scramble(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """A stretch of noise."""
    start, end = _stretch(content, rng)
    content[start:end] = rng.bytes(end - start)
    return content


def blank(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """A stretch of zeros, as of a download with holes."""
    start = int(rng.integers(len(content)))
    end = int(rng.integers(start, len(content))) + 1
    content[start:end] = bytes(end - start)
    return content


def cut_end(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """A download that broke off."""
    return content[: int(rng.integers(len(content)))]


def cut_out(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """A stretch that is missing."""
    start, end = _stretch(content, rng)
    return content[:start] + content[end:]


def repeat(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """A stretch that comes again and again."""
    start, end = _stretch(content, rng)
    return content[:end] + content[start:end] * int(rng.integers(1, 200)) + content[end:]


def swap(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """Two stretches in each other's place."""
    start, end = _stretch(content, rng)
    other = int(rng.integers(len(content)))
    content[start:end], content[other : other + end - start] = (
        content[other : other + end - start],
        content[start:end],
    )
    return content


def join(content: bytearray, rng: Rng, others: Sequence[bytes]) -> bytearray:
    """The start of this and the end of another."""
    other = others[int(rng.integers(len(others)))]
    return content[: int(rng.integers(len(content)))] + other[int(rng.integers(len(other))) :]


def append(content: bytearray, rng: Rng, others: Sequence[bytes]) -> bytearray:
    """Another file behind this one."""
    return content + others[int(rng.integers(len(others)))]


def grow_number(content: bytearray, rng: Rng, _others: Sequence[bytes]) -> bytearray:
    """A digit of a text becomes a long number."""
    digits = [at for at, byte in enumerate(content[:4096]) if 0x30 <= byte <= 0x39]
    if not digits:
        return set_extreme(content, rng, _others)
    at = digits[int(rng.integers(len(digits)))]
    return content[:at] + b"9" * int(rng.integers(1, 400)) + content[at + 1 :]


MUTATORS: tuple[Mutator, ...] = (
    turn_bits,
    turn_bits_of_head,
    set_extreme,
    scramble,
    blank,
    cut_end,
    cut_out,
    repeat,
    swap,
    join,
    append,
    grow_number,
)


def _stretch(content: bytearray, rng: Rng) -> tuple[int, int]:
    start = int(rng.integers(len(content)))
    return start, min(len(content), start + 1 + int(rng.integers(STRETCH)))
