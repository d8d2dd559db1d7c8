"""What ends a command that is no failure of the tool's own, as one sentence."""

import re
from typing import cast

import typer
from rich.console import Console
from rich.markup import escape

from detector.sources import printable

CommandLineError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])
"""What Typer raises for all that is wrong with a command line; it has no public name there."""

SYSTEM_LIBRARIES = ("libGL", "libgthread", "libglib", "libX", "libSM", "libICE")


def explain_import(error: ImportError) -> str:
    """What is missing, and what helps."""
    if any(name in str(error) for name in SYSTEM_LIBRARIES):
        return (
            f"OpenCV cannot be loaded: this system lacks a library ({error}). What helps: "
            "pip install --force-reinstall --no-deps opencv-python-headless, "
            "or on Debian and Ubuntu apt-get install libgl1 libglib2.0-0"
        )
    return f"a part of this installation cannot be loaded: {error}; install flag-detector again"


def in_one_style(message: str) -> str:
    """What Typer says is wrong with a command line, as a clause of ours."""
    bare = re.sub(r"Value error, |, unable to parse string as an? \w+", "", message)
    return " ".join(bare.split()).rstrip(".")


def complain(sentence: str) -> None:
    """Says it on standard error: all errors look like this."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]Error:[/] {escape(printable(sentence))}")
