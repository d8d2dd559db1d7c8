"""Writes docs/reference/{commands,tables,exit-codes}.md from the code they describe; `--check` only compares."""

import argparse
import inspect
import sys
import typing
from pathlib import Path

import typer
from typer.models import ArgumentInfo, OptionInfo

from detector.cli import app
from detector.errors import ExitCode
from detector.options import ExportFormat
from detector.report.columns import DETECTIONS, EVENTS, REVIEWS, Table, describe_files

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- Written by scripts/make_reference.py; change the code instead. -->\n"
TYPES = {"foreign": "text by strangers", "flag": "`true` or `false`", "whole": "whole number"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="say what is not up to date, write nothing")
    check = parser.parse_args().check
    pages = {
        "commands.md": describe_commands(),
        "tables.md": describe_tables(),
        "exit-codes.md": describe_exit_codes(),
    }
    stale = [name for name, text in pages.items() if not _is_current(FOLDER / name, text)]
    if check:
        if stale:
            sys.exit(f"not up to date: {', '.join(stale)}; run python scripts/make_reference.py")
        return
    for name in stale:
        (FOLDER / name).write_text(pages[name], encoding="utf-8")


def describe_commands() -> str:
    parts = [f"# Commands and options\n\n{MADE}"]
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        parts.append(f"\n## detector {name}\n\n{inspect.cleandoc(command.callback.__doc__ or '')}\n")
        parts.append("\n| option | meaning | default |\n|---|---|---|\n")
        parts += _describe_parameters(command.callback)
    parts.append("\n## Formats of `detector export --to`\n\n")
    parts += [f"- `{one.value}`\n" for one in ExportFormat]
    return "".join(parts)


def _describe_parameters(function: typing.Any) -> typing.Iterator[str]:
    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        info = next(one for one in hints[name].__metadata__ if isinstance(one, ArgumentInfo | OptionInfo))
        if getattr(info, "hidden", False):
            continue
        long = f"--{name.replace('_', '-')}"
        is_switch = hints[name].__origin__ is bool and not info.param_decls
        shown = [*info.param_decls] or ([long, f"--no-{long[2:]}"] if is_switch else [long])
        if isinstance(info, ArgumentInfo):
            shown = [name.upper()]
        options = ", ".join(f"`{one}`" for one in shown)
        yield f"| {options} | {_plain(info.help or '')} | {_default(parameter.default)} |\n"


def _default(value: object) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    if value is None or value in ("", False, 0):
        return "" if not isinstance(value, float) else "0"
    return "on" if value is True else f"`{value}`"


def describe_tables() -> str:
    parts = [f"# Tables, column by column\n\n{MADE}"]
    parts.append(
        "\nCSV files are UTF-8 with a comma between cells and one line end. Numbers have a point, times are "
        "ISO 8601 in UTC with `Z`. Cells that a spreadsheet might take for a formula are guarded by `'`.\n"
    )
    for table in (DETECTIONS, describe_files(["azerbaijan", "kanak"]), EVENTS, REVIEWS):
        parts.append(f"\n## {table.name}.csv\n\n| column | type | what it shows | for example |\n|---|---|---|---|\n")
        parts += _describe_columns(table)
    return "".join(parts)


def _describe_columns(table: Table) -> typing.Iterator[str]:
    for one in table.columns:
        kind = TYPES.get(one.type, one.type)
        yield f"| `{one.name}` | {kind} | {_plain(one.about)} | {_plain(one.example)} |\n"


def describe_exit_codes() -> str:
    rows = "".join(f"| {one.value} | {one.meaning} |\n" for one in ExitCode)
    return f"# Exit codes\n\n{MADE}\n| code | meaning |\n|--:|---|\n{rows}"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    main()
