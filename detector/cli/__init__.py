"""The command line: the only package that prints or exits."""

from detector.cli.commands import app, main

__all__ = ["app", "main"]
