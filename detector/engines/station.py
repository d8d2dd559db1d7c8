"""One file at a time in, its result and its pictures out: what runs on a machine of a cluster.

Within it one worker process looks at files exactly as on a single machine: a crash or hang of a decoder
costs that process, not the station.
"""

import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from detector import filing
from detector.engines.crew import Crew
from detector.engines.local import scan_with
from detector.errors import DetectorError, ReportFolderError, WeightsError
from detector.regular import read_regular
from detector.scratch import scratch_folder
from detector.settings import WorkerSettings
from detector.sources import Media
from detector.storage import is_remote, put_object, say_place
from detector.worker import FETCHED, FileResult


@dataclass(frozen=True, slots=True)
class Looked:
    """What a station found out about a file."""

    result: FileResult
    pictures: dict[str, bytes]
    """Contents of the pictures by their names in the report, where they could not be put there from here."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where pictures go."""

    place: Path
    mark: str
    """Name of a file there, which machines see that share its disk."""

    def is_here(self) -> bool:
        """Whether it can be written to from this machine."""
        return is_remote(self.place) or (
            (self.place / self.mark).is_file() and os.access(self.place, os.W_OK)
        )

    def put(self, name: str, picture: Path) -> None:
        """Raises OSError or ReportFolderError."""
        if is_remote(self.place):
            put_object(picture, self.place / name)
        else:
            with filing.replacing(self.place, name) as file, picture.open("rb") as content:
                shutil.copyfileobj(content, file)


@contextmanager
def marking(place: Path) -> Iterator[Target]:
    """A target that is told from a folder of the same name on another disk."""
    mark = filing.HALF + secrets.token_hex(16)  # as what is half written it is removed after a kill
    if is_remote(place):
        yield Target(place, "")
        return
    (place / mark).touch()
    try:
        yield Target(place, mark)
    finally:
        (place / mark).unlink(missing_ok=True)


class Station:
    """A place where files are looked at; it lives as long as its process."""

    def __init__(
        self, settings: WorkerSettings, weights_sha256: str, file_timeout: float, target: Target
    ) -> None:
        self._left = ExitStack()
        self._folder = self._left.enter_context(scratch_folder())
        self._settings = replace(settings, out=self._folder)
        self._weights_sha256 = weights_sha256
        self._file_timeout = file_timeout
        self._target = target
        self._crew = Crew[FileResult](1, settings.worker_memory)

    def begin(self) -> DetectorError | None:
        """Whether files can be looked at here, and else why not."""
        weights = self._settings.weights
        try:
            found = hash_weights(weights)
        except WeightsError as error:
            return error
        if found != self._weights_sha256:
            return WeightsError(
                f"{weights} is not the same on all machines; install the same version on each"
            )
        return None

    def look_at_all(self, media: Sequence[Media]) -> list[Looked | DetectorError]:
        """Looks at files, one after the other, up to the first error that concerns all."""
        found: list[Looked | DetectorError] = []
        for one in media:
            found.append(self.look(one))
            if isinstance(found[-1], DetectorError):
                break
        return found

    def look(self, media: Media) -> Looked | DetectorError:
        """Looks at a file. Gives errors that concern all files, for they are not to look like this one's."""
        never = threading.Event()
        try:
            (result,) = scan_with(
                self._crew, [media], self._settings, file_timeout=self._file_timeout, stop=never
            )
        except DetectorError as error:
            return error
        try:
            pictures = {} if result.unfinished else self._bring_pictures()
        except ReportFolderError as error:
            return error
        for path in self._folder.iterdir():
            shutil.rmtree(path, ignore_errors=True)
        return Looked(result, pictures)

    def end(self) -> None:
        """Ends its process and removes what it has left."""
        self._crew.__exit__()
        self._left.close()

    def _bring_pictures(self) -> dict[str, bytes]:
        """Puts them where they go; gives those that somebody else has to put there."""
        found = {
            path.relative_to(self._folder).as_posix(): path
            for path in self._folder.rglob("*")
            if path.is_file() and path.relative_to(self._folder).parts[0] != FETCHED
        }
        if not self._target.is_here():
            return {name: path.read_bytes() for name, path in found.items()}
        try:
            for name, path in found.items():
                self._target.put(name, path)
        except OSError as error:
            raise ReportFolderError(
                f"pictures cannot be put into {say_place(self._target.place)}: {error.strerror}; "
                "run the same command again"
            ) from error
        return {}


def hash_weights(weights: Path | None) -> str:
    """Hash of weights on this machine, "" for none. Raises WeightsError."""
    if weights is None:
        return ""
    try:
        return hashlib.sha256(read_regular(weights)).hexdigest()
    except OSError as error:
        node = os.uname().nodename
        raise WeightsError(f"no weights at {weights} on {node}; install the same version on each") from error
