"""How `--help` is laid out: options in groups, and in plain words what each takes."""

from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

PANELS = {
    "Input": ("from_file", "only_these", "recursive", "follow_links", "hidden"),
    "What is looked for": (
        "every",
        "keyframes",
        "densify",
        "min_confidence",
        "floor",
        "weights",
        "trust_weights",
        "detail",
    ),
    "Output": ("out", "archive", "pictures", "show_faces", "pseudonymise", "pseudonym_key", "quiet"),
    "Speed and limits": (
        "device",
        "workers",
        "engine",
        "address",
        "gpus_per_worker",
        "threads",
        "file_timeout",
        "photo_memory",
        "worker_memory",
    ),
    "Going on": ("max_failures", "retry_failed"),
}
PLACE_OF = {name: (place, panel) for place, panel in enumerate(PANELS) for name in PANELS[panel]}
ELSEWHERE = (len(PANELS), "Help")
TAKEN: dict[Any, str] = {int: "NUMBER", float: "NUMBER", str: "TEXT", Path: "PATH"}
"""What stands behind an option; Typer would name Python's types."""


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All that can be given, as it is to be shown."""
        return [_in_words(one) for one in super().get_params(ctx)]


class GroupedCommand(Command):
    """A command with so many options that they are shown in `PANELS`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All that can be given, panel by panel."""
        given = super().get_params(ctx)
        for one in given:
            if one.param_type_name == "option":
                one.rich_help_panel = PLACE_OF.get(one.name, ELSEWHERE)[1]
        return sorted(given, key=lambda one: PLACE_OF.get(one.name, ELSEWHERE)[0])


class Commands(TyperGroup):
    """All commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All that can be given before a command."""
        return [_in_words(one) for one in super().get_params(ctx)]


def _in_words(given: Any) -> Any:
    if getattr(given, "is_flag", False):
        given.metavar = ""  # it is only there or not
    elif given.metavar is None and given.param_type_name == "option":
        annotation = getattr(getattr(given, "type_descriptor", None), "annotation", None)  # Typer 0.29 on
        given.metavar = TAKEN.get(annotation)
    elif given.param_type_name == "argument":
        given.display_type_rich = _say_nothing  # all are paths, and their texts say of what
    return given


def _say_nothing(ctx: Any) -> None:
    """The type of an argument."""
