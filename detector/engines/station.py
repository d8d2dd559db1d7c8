"""One file at a time in, its result and its pictures out: what runs on a machine of a cluster.

Within it one worker process looks at files exactly as on a single machine: a crash or hang of a decoder
costs that process, not the station.
"""

import hashlib
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from detector.engines.crew import Crew
from detector.engines.local import scan_with
from detector.errors import DetectorError, WeightsError
from detector.settings import WorkerSettings
from detector.sources import Media
from detector.worker import FETCHED, FileResult


@dataclass(frozen=True, slots=True)
class Looked:
    """What a station found out about a file."""

    result: FileResult
    pictures: dict[str, bytes]
    """Contents of the pictures by their names in the report."""


class Station:
    """A place where files are looked at; it lives as long as its process."""

    def __init__(self, settings: WorkerSettings, weights_sha256: str, file_timeout: float) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="flag-detector-station-"))
        self._settings = replace(settings, out=self._folder)
        self._weights_sha256 = weights_sha256
        self._file_timeout = file_timeout
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

    def look(self, media: Media) -> Looked | DetectorError:
        """Looks at a file. Gives errors that concern all files, for they are not to look like this one's."""
        never = threading.Event()
        try:
            (result,) = scan_with(
                self._crew, [media], self._settings, file_timeout=self._file_timeout, stop=never
            )
        except DetectorError as error:
            return error
        pictures = {} if result.unfinished else dict(self._read_pictures())
        for path in self._folder.iterdir():
            shutil.rmtree(path, ignore_errors=True)
        return Looked(result, pictures)

    def end(self) -> None:
        """Ends its process and removes what it has left."""
        self._crew.__exit__()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read_pictures(self) -> list[tuple[str, bytes]]:
        found = (path for path in self._folder.rglob("*") if path.is_file())
        names = ((path.relative_to(self._folder), path) for path in found)
        return [(name.as_posix(), path.read_bytes()) for name, path in names if name.parts[0] != FETCHED]


def hash_weights(weights: Path | None) -> str:
    """Hash of weights on this machine, "" for none. Raises WeightsError."""
    if weights is None:
        return ""
    try:
        with weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        node = os.uname().nodename
        raise WeightsError(f"no weights at {weights} on {node}; install the same version on each") from error
