"""Files of a report that are there whole or not at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of `path` when all is written."""
    half = path.with_name(f".{path.name}")
    with half.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        yield file
    half.replace(path)


def write_json(content: dict[str, Any], path: Path) -> None:
    """Writes a JSON file, indented, with all characters as they are."""
    with replacing(path) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")
