"""Pieces of work in, what each gives out: by worker processes, which may crash or hang over a piece."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from detector.engines.crew import Broken, Crew, Died, TimedOut, Worker
from detector.engines.local import STOP_CHECK_SECONDS
from detector.errors import DetectorError

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


def find_answers(
    works: Sequence[Callable[[], Answer]],
    *,
    workers: int,
    memory: float,
    seconds: float,
    report_count: Callable[[int, int], None],
    stop: threading.Event,
) -> Iterator[tuple[int, Answer]]:
    """The number of each piece and its answer, as they are done; none of one that failed or took too long.

    `report_count` is told how many are done, of how many. When `stop` is set, what is in hand is dropped.
    Raises WorkersError when no worker can be started.
    """
    left = deque(enumerate(works))
    in_hand: dict[Worker[Answer], int] = {}
    done = 0
    with Crew[Answer](min(workers, len(works)), memory) as crew:
        while (left or in_hand) and not stop.is_set():
            for worker in crew.prepare(len(left)):
                number, work = left[0]
                if worker.begin(work, seconds):
                    in_hand[worker] = number
                    left.popleft()
            for worker, outcome in crew.wait(STOP_CHECK_SECONDS):
                number = in_hand.pop(worker)
                done += 1
                if isinstance(outcome, DetectorError | Broken | Died | TimedOut):
                    log.info("piece %d of %d has no answer: %s", number, len(works), outcome)
                else:
                    yield number, outcome
                report_count(done, len(works))
