"""Standard streams in, ones that outlive their reader out: `detector scan 2>&1 | head -1` goes on."""

import os
import sys
from typing import Any, TextIO


def keep_streams_usable() -> None:
    """Has nothing that is printed end the command, wherever it goes. To be called before files are opened."""
    for descriptor in (0, 1, 2):  # one that is closed would become the number of the next file opened
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # nor that of one in a worker
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        setattr(sys, name, Lasting(stream) if stream else open(os.devnull, "w"))  # noqa: PTH123, SIM115


class Lasting:
    """A text stream that is read by nobody from the first write on that fails."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes, if that can be."""
        try:
            return self._stream.write(text)
        except OSError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """Flushes, if that can be."""
        try:
            self._stream.flush()
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())  # what is still in its buffer goes there, too
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
