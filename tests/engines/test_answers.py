"""Pieces of work are answered by workers; one that crashes, hangs or fails has no answer, the others do."""

import os
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from detector.engines import find_answers


def square(number: int) -> int:
    return number * number


def crash() -> int:
    os._exit(7)


def hang() -> int:
    time.sleep(600)
    return 0


def fail() -> int:
    raise ZeroDivisionError


def answer(works: list[Callable[[], int]], workers: int, seconds: float = 60.0) -> dict[int, int]:
    counts: list[tuple[int, int]] = []
    found = dict(
        find_answers(
            works,
            workers=workers,
            memory=0.0,
            seconds=seconds,
            report_count=lambda *count: counts.append(count),
            stop=threading.Event(),
        )
    )
    assert counts == [(number + 1, len(works)) for number in range(len(works))]
    return found


@pytest.mark.parametrize("workers", [1, 3])
def test_each_piece_has_its_own_answer(workers: int) -> None:
    assert answer([partial(square, number) for number in range(7)], workers) == {n: n * n for n in range(7)}
    assert answer([], workers) == {}


@pytest.mark.parametrize(("odd", "seconds"), [(crash, 60.0), (hang, 3.0), (fail, 60.0)])
def test_an_odd_piece_costs_only_its_own_answer(odd: Callable[[], int], seconds: float) -> None:
    assert answer([partial(square, 3), odd, partial(square, 0)], 1, seconds) == {0: 9, 2: 0}


def test_who_stops_does_not_wait_for_what_is_in_hand() -> None:
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    began = time.monotonic()
    found = find_answers(
        [hang], workers=1, memory=0.0, seconds=600.0, report_count=lambda *_: None, stop=stop
    )
    assert list(found) == []
    assert time.monotonic() - began < 60
