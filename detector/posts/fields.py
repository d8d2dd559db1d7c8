"""Members of parsed JSON, however they are written."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from detector.posts.post import (
    plain,
)

Fields = Mapping[str, object]
MAX_ENTRIES = 20_000  # of a playlist


def as_fields(value: object) -> Fields:
    """The object's members; empty for anything else."""
    return value if isinstance(value, dict) else {}


def first(fields: Fields, *names: str) -> str:
    """The first of these members that holds text or a whole number."""
    return next((found for name in names if (found := plain(fields.get(name)))), "")


def base_name(name: str) -> str:
    """Last part of a path that any system may have written."""
    return PurePosixPath(name.replace("\\", "/")).name
