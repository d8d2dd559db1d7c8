"""Files of a report that are there whole or not at all."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from detector import filing


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of `path`, in a report folder, when all is written.

    Raises ReportFolderError.
    """
    with filing.replacing(path.parent, path.name) as raw:
        file = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="")
        yield file
        file.flush()
        file.detach()


def write_json(content: dict[str, Any], path: Path) -> None:
    """Writes a JSON file, indented, with all characters as they are."""
    with replacing(path) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")
