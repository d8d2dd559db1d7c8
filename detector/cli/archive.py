"""The commands of an archive: what has been seen before."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from detector.cli.help import Command, Commands
from detector.cli.printing import print_listing, shown
from detector.cli.progress import show_count, stop_on_interrupt
from detector.errors import ExitCode
from detector.options import CORES

archive = typer.Typer(
    help="Keep the hashes of many reports in one file, to tell what has been seen before.",
    cls=Commands,
    no_args_is_help=True,
)
File = Annotated[Path, typer.Argument(metavar="ARCHIVE", help="Archive file.")]


@archive.command(cls=Command)
def add(
    reports: Annotated[list[Path], typer.Argument(help="Report folders; with --hash-only any folders.")],
    to: Annotated[Path, typer.Option("--to", help="Archive file; made when it is not there.")],
    hash_only: Annotated[
        bool, typer.Option("--hash-only", help="Folders of photos and videos: hash them, look for no flag.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="With --hash-only: files hashed side by side.")] = CORES,
) -> None:
    """Add reports to an archive: the hashes of their pictures, their posts and where the files lie."""
    from detector.archive import add_folder, add_report

    if hash_only:
        from detector.processes import import_early

        import_early()
    console, errors = Console(highlight=False, soft_wrap=True), Console(stderr=True)
    failed = 0
    for report in reports:
        if hash_only:
            with stop_on_interrupt(errors) as stop, show_count(errors) as report_count:
                done = add_folder(to, report, workers=workers, report_count=report_count, stop=stop)
        else:
            stop, done = None, add_report(to, report)
        failed += done.failed
        console.print(
            f"{shown(report)}: {done.files} files, {done.new_contents} contents were not there before"
        )
        if done.failed:
            console.print(f"   {done.failed} could not be read, or only in part, or are hidden or elsewhere")
        if stop and stop.is_set():
            console.print("[bold]Interrupted.[/] Run the same command again to go on.")
            raise typer.Exit(ExitCode.INTERRUPTED)
    if failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


@archive.command(name="list", cls=Command)
def list_(file: File) -> None:
    """Say which reports and folders are in an archive."""
    from detector.archive import list_archive

    print_listing(list_archive(file))


@archive.command(cls=Command)
def remove(
    file: File,
    reports: Annotated[list[Path], typer.Argument(help="Reports or folders, as `archive list` names them.")],
) -> None:
    """Take reports out of an archive, with all that only they had."""
    from detector.archive import remove_source

    console = Console(highlight=False, soft_wrap=True)
    for report in reports:
        console.print(f"{shown(report)}: {remove_source(file, report)} files removed")
