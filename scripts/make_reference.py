"""Writes docs/reference/{commands,tables,exit-codes}.md from the code; `--check` only compares."""

import enum
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from detector.cli import app, run_script
from detector.errors import ExitCode
from detector.options import ExportFormat
from detector.report.columns import DETECTIONS, EVENTS, REVIEWS, Table, describe_files

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- Written by scripts/make_reference.py; change the code instead. -->\n"
EXAMPLES = {  # by the column's name; a column without one is not documented
    "id": "0fc21c0b6a21e3c4d5b3a1f0e9d8c7b6-70-0",
    "file": "may/march.mp4",
    "sha256": "0fc21c0b…",
    "run": "1",
    "kind": "video",
    "frame_index": "70",
    "time_seconds": "2.800",
    "label": "kanak",
    "confidence": "0.9312",
    "rival_label": "azerbaijan",
    "rival_confidence": "0.0204",
    "ambiguous": "false",
    "left": "212.4",
    "top": "96.0",
    "right": "301.8",
    "bottom": "155.1",
    "x": "0.331875",
    "y": "0.266667",
    "width": "0.139688",
    "height": "0.164167",
    "frame_width": "640",
    "frame_height": "360",
    "annotated": "frames/0fc21c0b…-70.jpg",
    "crop": "crops/0fc21c0b…-70-0.jpg",
    "both_in_frame": "true",
    "picture": "0fc21c0b…-70",
    "source_url": "https://example.org/p/1",
    "platform": "telegram",
    "author": "Ann",
    "posted_at": "2024-05-14T08:00:00Z",
    "verdict": "confirmed",
    "verdict_label": "kanak",
    "reviewer": "Ann",
    "reviewed_at": "2024-06-01T09:30:00Z",
    "note": "pole in front",
    "bytes": "1048576",
    "status": "ok",
    "reason": "the end of the file is missing",
    "duration_seconds": "12.480",
    "frames_read": "13",
    "frames_unreadable": "0",
    "read_seconds": "12.480",
    "declared_seconds": "12.480",
    "detections": "3",
    "ambiguous_detections": "1",
    "azerbaijan": "0.8723",
    "kanak": "0.9312",
    "both": "true",
    "cluster": "0fc21c0b…",
    "cluster_size": "4",
    "cluster_distance": "12",
    "representative": "may/march.mp4",
    "differs_in_part": "yes",
    "differs_x": "0.331875",
    "differs_y": "0.266667",
    "differs_width": "0.139688",
    "differs_height": "0.164167",
    "known_before": "certain",
    "known_since": "2021-03-05T10:00:00Z",
    "known_precision": "second",
    "known_as": "march 2021: old.jpg (https://example.org/p/1)",
    "known_distance": "6",
    "known_how": "mirrored",
    "known_possibly": "2021-03-05",
    "known_possibly_as": "other: old.jpg",
    "captured_at": "2024-05-14T18:59:12+11:00",
    "post_id": "8123",
    "post_text": "First march",
    "sidecar": "may/result.json",
    "post_rule": "path",
    "post_warning": "time without its zone",
    "other_posts": "[]",
    "event_id": "0fc21c0b…-1-70",
    "start_seconds": "2.800",
    "end_seconds": "9.120",
    "best_detection": "0fc21c0b…-95-0",
    "max_confidence": "0.9312",
    "median_confidence": "0.8120",
    "frames_hit": "6",
    "frames_sampled": "7",
    "number": "17",
    "at": "2024-06-01T09:30:00Z",
    "counts": "true",
    "undoes": "16",
    "stream": "0",
    "page": "0",
    "claims": "azerbaijan, kanak",
    "confirmed": "2",
    "rejected": "0",
    "undecided": "1",
    "drawn": "0",
    "forwarded_from": "Ben",
    "settles": "false",
    "detection_id": "0fc21c0b…-70-0",
}
EXIT_CODES = {
    ExitCode.DONE: "done",
    ExitCode.SOME_FAILED: "done, but some files failed or were not read; of `verify`: something differs",
    ExitCode.USAGE: "the inputs or options cannot be used as given",
    ExitCode.WEIGHTS: "the weights are missing, damaged or not for this tool",
    ExitCode.REPORT_FOLDER: "the report folder or archive cannot be used, or belongs to something else",
    ExitCode.MAX_FAILURES: "stopped by `--max-failures`, or because a storage could no longer be reached",
    ExitCode.WORKERS: "no worker process lives long enough to look at anything",
    ExitCode.INSTALLATION: "a part of the installation is missing, cannot be loaded or does not work",
    ExitCode.NOTHING: "no file was found that could be scanned",
    ExitCode.INTERRUPTED: "interrupted; run the same command again to go on",
}
TYPES = {"foreign": "text by strangers", "flag": "`true` or `false`", "whole": "whole number"}


def main(
    *, check: Annotated[bool, typer.Option(help="Say what is not up to date, write nothing.")] = False
) -> None:
    """Writes the pages that are not up to date, or says which are not."""
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
    """Every command with its options, as the command's own parser knows them."""
    parts = [f"# Commands and options\n\n{MADE}"]
    commands: dict[str, Any] = vars(typer.main.get_command(app))["commands"]  # click's, or Typer's copy of it
    for name, command in _flatten(commands):
        parts.append(f"\n## detector {name}\n\n{inspect.cleandoc(command.help or '')}\n")
        parts.append("\n| option | meaning | default |\n|---|---|---|\n")
        parts += [_describe_parameter(one) for one in command.params if not getattr(one, "hidden", False)]
    parts.append("\n## Formats of `detector export --to`\n\n")
    parts += [f"- `{one.value}`\n" for one in ExportFormat]
    return "".join(parts)


def _flatten(commands: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every command that is shown, those of a group under both names."""
    for name, command in commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from ((f"{name} {inner}", one) for inner, one in _flatten(command.commands))
        else:
            yield name, command


def _describe_parameter(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts]
    if parameter.param_type_name == "argument":
        names = [parameter.name.upper()]
    shown = ", ".join(f"`{name}`" for name in names)
    meaning = _plain(getattr(parameter, "help", None) or "")
    return f"| {shown} | {meaning} | {_describe_default(parameter)} |\n"


def _describe_default(parameter: Any) -> str:
    value = parameter.default
    if parameter.required:
        return "required"
    if parameter.name == "workers":
        return "number of cores"
    if value is True:
        return "on"
    return "" if value in (None, False, "") else f"`{value.value if isinstance(value, enum.Enum) else value}`"


def describe_tables() -> str:
    """Every table with its columns."""
    parts = [f"# Tables, column by column\n\n{MADE}"]
    parts.append(
        "\nCSV files are UTF-8 with a comma between cells and one line end. Numbers have a point, times are "
        "ISO 8601 in UTC with `Z`. Cells that a spreadsheet might take for a formula are guarded by `'`.\n"
    )
    for table in (DETECTIONS, describe_files(["azerbaijan", "kanak"]), EVENTS, REVIEWS):
        parts.append(
            f"\n## {table.name}.csv\n\n| column | type | what it shows | for example |\n|---|---|---|---|\n"
        )
        parts += _describe_columns(table)
    return "".join(parts)


def _describe_columns(table: Table) -> Iterator[str]:
    for one in table.columns:
        kind = TYPES.get(one.type, one.type)
        yield f"| `{one.name}` | {kind} | {_plain(one.about)} | {_plain(EXAMPLES[one.name])} |\n"


def describe_exit_codes() -> str:
    """Every exit code and its meaning."""
    rows = "".join(f"| {one.value} | {EXIT_CODES[one]} |\n" for one in ExitCode)
    return f"# Exit codes\n\n{MADE}\n| code | meaning |\n|--:|---|\n{rows}"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    run_script(main)
