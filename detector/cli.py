"""The commands: the only module that prints or exits."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as ProgressBar,
)
from rich.table import Table

from detector import __version__
from detector.errors import DetectorError, ExitCode
from detector.export import ExportFormat
from detector.options import ScanOptions
from detector.sources import printable

if TYPE_CHECKING:
    from detector.compare.reports import Comparison
    from detector.scan import Outcome, Progress
    from detector.summary import Reach
    from detector.verify import Standing, Verification

PLAIN_LINE_SECONDS = 10.0  # between progress lines where there is no terminal
FAILURES_SHOWN = 5
NAMES_SHOWN = 20

app = typer.Typer(
    help="Finds the flags of Azerbaijan and of the Kanak people in photos and videos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
defaults = ScanOptions()


def main() -> None:
    """Entry point of the command `detector`."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        app()
    except DetectorError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]Error:[/] {escape(printable(str(error)))}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flag-detector {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Finds the flags of Azerbaijan and of the Kanak people in photos and videos."""


@app.command()
def scan(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders to scan.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Report folder.")] = defaults.out,
    from_file: Annotated[
        str, typer.Option(help="Text file that names more paths, one a line; - reads standard input.")
    ] = defaults.from_file,
    recursive: Annotated[bool, typer.Option(help="Scan folders inside folders.")] = defaults.recursive,
    every: Annotated[
        float, typer.Option(help="Look at the sharpest frame of so many seconds of video; 0: every frame.")
    ] = defaults.every,
    keyframes: Annotated[
        bool, typer.Option("--keyframes", help="Only key frames of videos: fast, misses short appearances.")
    ] = defaults.keyframes,
    densify: Annotated[
        bool,
        typer.Option(
            help="Look at videos more closely around what was seen, for the best frame and true bounds."
        ),
    ] = defaults.densify,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            "--min-confidence",
            "--conf",
            "--threshold",
            help="Show detections from this confidence on. (default: recommended by the weights)",
        ),
    ] = defaults.min_confidence,
    floor: Annotated[
        float | None,
        typer.Option(
            help="Keep detections in the journal from this on. (default: recommended by the weights)"
        ),
    ] = defaults.floor,
    show_faces: Annotated[
        bool, typer.Option("--show-faces", help="Do not blur faces in the pictures written.")
    ] = defaults.show_faces,
    pseudonymise: Annotated[
        bool, typer.Option("--pseudonymise", help="Replace the authors of posts by stable pseudonyms.")
    ] = defaults.pseudonymise,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", "--model", help="Other weights (.onnx or .pt, with their .toml)."),
    ] = defaults.weights,
    detail: Annotated[
        str, typer.Option(help="fast, standard or thorough: in how many sizes an image is looked at.")
    ] = defaults.detail,
    device: Annotated[str, typer.Option(help="cpu, openvino or cuda.")] = defaults.device,
    workers: Annotated[int, typer.Option(help="Files looked at side by side.")] = defaults.workers,
    threads: Annotated[int, typer.Option(help="Threads of each worker's network.")] = defaults.threads,
    file_timeout: Annotated[
        float, typer.Option(help="Give a file up after so many seconds, keeping what was seen.")
    ] = defaults.file_timeout,
    max_failures: Annotated[
        int | None, typer.Option(help="Stop after so many failed files. (default: never)")
    ] = defaults.max_failures,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Look again at files that failed in an earlier run.")
    ] = defaults.retry_failed,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
) -> None:
    """Scan photos and videos for the flags and write a report. Run it again to go on where it ended."""
    options = ScanOptions(
        paths=tuple(paths or ()),
        out=out,
        from_file=from_file,
        recursive=recursive,
        every=every,
        keyframes=keyframes,
        densify=densify,
        min_confidence=min_confidence,
        floor=floor,
        show_faces=show_faces,
        pseudonymise=pseudonymise,
        weights=weights,
        device=device,
        workers=workers,
        threads=threads,
        detail=detail,
        file_timeout=file_timeout,
        max_failures=max_failures,
        retry_failed=retry_failed,
    )
    options.check()
    from detector.scan import scan as scan_folder  # heavy: --help must not wait for it

    console = Console(stderr=True)
    with _stop_on_interrupt(console) as stop, _progress(console, quiet=quiet) as report_progress:
        outcome = scan_folder(options, report_progress, stop)
    if not quiet:
        _print_summary(outcome, options)
    elif outcome.exit_code == ExitCode.INTERRUPTED:
        console.print("Interrupted. Run the same command again to go on.")
    raise typer.Exit(outcome.exit_code)


@contextmanager
def _stop_on_interrupt(console: Console) -> Iterator[threading.Event]:
    """Ctrl-C asks for an orderly end; a second one ends at once."""
    stop = threading.Event()

    def ask(_signal: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.print("\nStopping: finishing the files in hand. Ctrl-C again ends at once.")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(console: Console, *, quiet: bool) -> "Iterator[Callable[[Progress], None]]":
    """What is called after each file: a bar on a terminal, a line now and then elsewhere."""
    if quiet:
        yield lambda _: None
        return
    started = time.monotonic()
    if not console.is_terminal:
        yield _plain_lines(console, started)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    with ProgressBar(*columns, console=console) as bar:
        task = bar.add_task("", total=None, counts="looking for files")

        def show(progress: "Progress") -> None:
            bar.update(task, total=progress.total, completed=progress.done, counts=_counts(progress, started))

        yield show


def _plain_lines(console: Console, started: float) -> "Callable[[Progress], None]":
    last = started - PLAIN_LINE_SECONDS

    def show(progress: "Progress") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PLAIN_LINE_SECONDS or progress.done == progress.total:
            last = now
            counts = _counts(progress, started)
            console.print(f"{progress.done} of {progress.total} files, {counts}", highlight=False)

    return show


def _counts(progress: "Progress", started: float) -> str:
    rate = (progress.done - progress.recalled) / max(time.monotonic() - started, 1e-3)
    text = f"{rate:.1f} files/s, {progress.detections} detections, {progress.failed} failed"
    return f"{text}, {progress.recalled} known from before" if progress.recalled else text


def _reach_row(reach: "Reach", text: str) -> tuple[str, str]:
    """Files, and the different pictures among them where there are copies."""
    copies = f", {reach.clusters} without copies" if reach.clusters != reach.files else ""
    return str(reach.files), text + copies


def _print_summary(outcome: "Outcome", options: ScanOptions) -> None:
    summary, out = outcome.summary, options.out
    console = Console(highlight=False)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column()
    table.add_row(str(summary.files), f"files found ({summary.photos} photos, {summary.videos} videos)")
    for name, count in summary.detections_of.items():
        table.add_row(*_reach_row(summary.shows[name], f"show the flag: {name} ({count} detections)"))
    names = " and ".join(summary.detections_of)
    table.add_row(*_reach_row(summary.shows["both_in_frame"], f"show both in one picture: {names}"))
    table.add_row(*_reach_row(summary.shows["both"], "show both anywhere in the file"))
    if summary.ambiguous:
        table.add_row(
            str(summary.ambiguous), "detections are ambiguous: one flag or the other, look yourself"
        )
    table.add_row(str(summary.no_detection), "read to the end, no flag found")
    table.add_row(str(summary.failed), "failed: not read, or only in part")
    table.add_row(str(summary.unsupported), "neither photo nor video, left alone")
    if summary.not_reached:
        table.add_row(str(summary.not_reached), "not looked at yet")
    if summary.left_out:
        table.add_row(str(summary.left_out), "of earlier runs, not named this time, are not in the tables")
    console.print(table)
    for reason, count in list(summary.failures.items())[:FAILURES_SHOWN]:
        console.print(f"   failed {count} ×: {escape(reason)}")
    if summary.failed:
        console.print(
            f"   which files: rows with status failed in {escape(printable(str(out / 'files.csv')))}"
        )
    console.print(f"Report: {escape(printable(str(out)))} (open index.html; tables in *.csv)")
    console.print("A detection is a hint, not a proof: a person decides.")
    if outcome.exit_code == ExitCode.MAX_FAILURES:
        console.print(f"[bold]Stopped by --max-failures {options.max_failures}.[/] Run again to go on.")
    elif outcome.exit_code == ExitCode.INTERRUPTED:
        console.print("[bold]Interrupted.[/] Run the same command again to go on.")


@app.command()
def review(
    report: Annotated[Path, typer.Argument(help="Report folder.")],
    port: Annotated[int, typer.Option(help="Port at 127.0.0.1. (default: a free one)")] = 0,
    reviewer: Annotated[str, typer.Option(help="Name of who reviews. (default: the page asks)")] = "",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Look at what was found, in a browser, and say what is right. Ctrl-C ends it and writes the tables."""
    from detector.review.serve import serve_review

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Reading {_shown(report)}")

    def tell(address: str) -> None:
        console.print(f"Open {address}")
        console.print("It is for this machine and for who has the address. Ctrl-C ends the review.")

    serve_review(report, port=port, reviewer=reviewer, browser=not no_browser, tell=tell)
    console.print(f"Every verdict is kept. Tables: {_shown(report)}")


@app.command()
def export(
    report: Annotated[Path, typer.Argument(help="Report folder.")],
    to: Annotated[ExportFormat, typer.Option("--to", help="Format.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="What to write. (default: beside the report)")
    ] = None,
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="With --to yolo: pictures and what people said, for training.")
    ] = False,
) -> None:
    """Write a report's detections in another tool's format."""
    from detector.export.exporting import export_report

    done = export_report(report, to, out, reviewed=reviewed)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{_shown(done.out)}: {done.written.detections} detections, {done.written.files} files")
    for note in done.written.notes:
        console.print(f"   {_shown(note)}")
    if not reviewed:
        console.print("Boxes are a machine's: nobody has confirmed them.")


@app.command()
def verify(report: Annotated[Path, typer.Argument(help="Report folder.")]) -> None:
    """Check a report and the scanned files against its manifest. Exit code 1 when something differs."""
    from detector.verify import verify_report

    progress_to = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ProgressBar(
        *columns, console=progress_to, transient=True, disable=not progress_to.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)
        found = verify_report(report, lambda done, total: bar.update(task, completed=done, total=total))
    _print_verification(found)
    raise typer.Exit(ExitCode.DONE if found.as_it_was else ExitCode.SOME_FAILED)


def _print_verification(found: "Verification") -> None:
    console = Console(highlight=False, soft_wrap=True)
    _print_standing(console, "outputs", found.outputs)
    _print_standing(console, "inputs", found.inputs, moved=found.moved)
    _print_names(console, "in the folder, not in the manifest", found.unknown)
    if found.unreadable_lines:
        console.print(f"manifest: {found.unreadable_lines} lines make no sense")
    for line in found.tables_differ:
        console.print(f"journal: {_shown(line)}")
    if found.journal_problem:
        console.print(f"journal: not checked, {_shown(found.journal_problem)}")
    if found.as_it_was:
        console.print("Everything is as the scan left it.")


def _print_standing(console: Console, what: str, standing: "Standing", *, moved: bool = False) -> None:
    console.print(f"{what} unchanged: {standing.unchanged}")
    _print_names(console, f"{what} changed", standing.changed)
    if moved:
        console.print(
            f"{what} missing: {len(standing.missing)}, that is all (were they moved, or the report?)"
        )
    else:
        _print_names(console, f"{what} missing", standing.missing)


def _print_names(console: Console, what: str, names: tuple[str, ...]) -> None:
    if not names:
        return
    console.print(f"{what}: {len(names)}")
    for name in names[:NAMES_SHOWN]:
        console.print(f"   {escape(name)}")
    if len(names) > NAMES_SHOWN:
        console.print(f"   and {len(names) - NAMES_SHOWN} more")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="Report folder.")],
    b: Annotated[Path, typer.Argument(help="Another, of the same files or some of them.")],
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write every difference here, a row each.")
    ] = None,
) -> None:
    """Say what report B has gained, lost and sees otherwise than report A."""
    from detector.compare.reports import compare_reports

    _print_comparison(compare_reports(a, b, csv))
    if csv:
        Console(highlight=False, soft_wrap=True).print(f"Every difference: {_shown(csv)}")


def _print_comparison(found: "Comparison") -> None:
    console = Console(highlight=False)
    if found.settings:
        table = Table("", "A", "B", box=None, padding=(0, 2, 0, 0))
        for name, (of_a, of_b) in found.settings.items():
            table.add_row(name.replace("_", " "), _shown(of_a), _shown(of_b))
        console.print(table)
    else:
        console.print("Weights and settings are the same.")
    counts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    counts.add_column(justify="right")
    counts.add_column()
    counts.add_row(
        str(found.contents_in_both), f"contents in both (files: A {found.files_a}, B {found.files_b})"
    )
    kept = f"of A's {found.detections_a} detections in these are in B too (B: {found.detections_b})"
    counts.add_row(str(found.detections_kept), kept)
    for change, rows in found.changes.items():
        counts.add_row(str(rows), change.replace("_", " "))
    console.print(counts)


def _shown(text: object) -> str:
    """Text from elsewhere so that it steers neither terminal nor markup."""
    return escape(printable(str(text)))
