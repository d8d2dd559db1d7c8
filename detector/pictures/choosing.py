"""Frames of a video one by one in, those worth a picture out, as soon as that is known."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Labels = frozenset[tuple[int, bool]]


@dataclass(slots=True)
class _Window(Generic[Item]):
    """A stretch of time with pictures of one thing."""

    start_seconds: float
    best: dict[int, tuple[float, Item]] = field(default_factory=dict)
    """Of each class the frame in which it is seen most surely, with its confidence."""


class PictureChooser(Generic[Item]):
    """Of what is shown together the best frame, from each stretch of so many seconds.

    So the best frame of every event has a picture, and every change of what is shown. With 0 seconds every
    frame has. It holds at most two items for each set of flags shown together.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._windows: dict[Labels, _Window[Item]] = {}

    def offer(self, item: Item, time_seconds: float, labels: Labels, surest: dict[int, float]) -> list[Item]:
        """The items now known to be worth a picture.

        `labels` are what the item is a picture of, `surest` the highest confidence of each class in it. Times
        ascend; where they begin again, `finish` is to be called before.
        """
        chosen = self._close(time_seconds - self.seconds)
        window = self._windows.setdefault(labels, _Window(time_seconds))
        for class_id, confidence in surest.items():
            if confidence > window.best.get(class_id, (-1.0, item))[0]:
                window.best[class_id] = confidence, item
        return chosen if self.seconds else chosen + self.finish()

    def finish(self) -> list[Item]:
        """The items that are worth a picture of those not given out yet."""
        return self._close(float("inf"))

    def _close(self, until_seconds: float) -> list[Item]:
        chosen: list[Item] = []
        for labels, window in list(self._windows.items()):
            if window.start_seconds <= until_seconds:
                del self._windows[labels]
                chosen += {id(item): item for _, item in window.best.values()}.values()
        return chosen
