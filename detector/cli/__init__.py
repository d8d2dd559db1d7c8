"""The command line: the only package that prints or exits."""

from detector.cli.commands import app, main
from detector.cli.scripts import run_script

__all__ = ["app", "main", "run_script"]
