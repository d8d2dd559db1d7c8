"""The commands and their options."""

import logging
import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from detector import __version__
from detector.cli.archive import archive as archive_commands
from detector.cli.failures import CommandLineError, complain, explain_import, in_one_style
from detector.cli.help import Command, Commands, GroupedCommand
from detector.cli.printing import (
    print_asking,
    print_away,
    print_carried,
    print_checks,
    print_comparison,
    print_found,
    print_interruption,
    print_nothing,
    print_pace,
    print_renewal,
    print_summary,
    print_verification,
    shown,
)
from detector.cli.progress import Pace, find_asking_signals, show_count, show_progress, stop_on_interrupt
from detector.cli.streams import keep_streams_usable
from detector.errors import DetectorError, ExitCode, UsageError, is_own_fault
from detector.options import ExportFormat, ScanOptions, default_weights, read_threshold, read_workers
from detector.storage import from_here, is_remote, open_copy, open_place

app = typer.Typer(
    help="Finds the flags of Azerbaijan and of the Kanak people in photos and videos.",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(archive_commands, name="archive")
defaults = ScanOptions()
QUERY_TYPE = "application/timestamp-query"  # RFC 3161, section 3.4
FOR_OWNER = 0o077  # what group and others may not do with what is written


def main() -> None:
    """Entry point of the command `detector`."""
    keep_streams_usable()
    for one in find_asking_signals():
        signal.signal(one, _interrupt)
    os.umask(FOR_OWNER)  # here, once: also for SQLite, for exports and for every worker
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        sys.exit(app(prog_name="detector", standalone_mode=False))
    except DetectorError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except CommandLineError as error:
        if message := error.format_message():  # none where the help was shown instead
            complain(f"{in_one_style(message)}; see detector --help, or --help behind a command")
        sys.exit(ExitCode.USAGE)
    except ImportError as error:
        if is_own_fault(error):
            raise
        complain(explain_import(error))
        sys.exit(ExitCode.INSTALLATION)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(ExitCode.INTERRUPTED)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


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


@app.command(cls=GroupedCommand)
def scan(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders to scan, also s3://BUCKET/PREFIX.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Report folder, also s3://.")] = defaults.out,
    from_file: Annotated[
        str, typer.Option(help="Text file that names more paths, one a line; - reads standard input.")
    ] = defaults.from_file,
    only_these: Annotated[
        bool,
        typer.Option("--only-these", help="Leave out what earlier scans into the report found elsewhere."),
    ] = defaults.only_these,
    recursive: Annotated[bool, typer.Option(help="Scan folders inside folders.")] = defaults.recursive,
    follow_links: Annotated[
        bool, typer.Option("--follow-links", help="Follow links that lead out of the folders.")
    ] = defaults.follow_links,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Look at hidden files and folders (.name), too.")
    ] = defaults.hidden,
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
    archive: Annotated[
        Path | None,
        typer.Option("--archive", help="Ask this archive which pictures were seen before."),
    ] = defaults.archive,
    pictures: Annotated[
        str, typer.Option(help="Of videos: best frames of what is shown, or all frames.")
    ] = defaults.pictures,
    show_faces: Annotated[
        bool, typer.Option("--show-faces", help="Do not blur faces in the pictures written.")
    ] = defaults.show_faces,
    pseudonymise: Annotated[
        bool, typer.Option("--pseudonymise", help="Replace the authors of posts by stable pseudonyms.")
    ] = defaults.pseudonymise,
    pseudonym_key: Annotated[
        Path | None,
        typer.Option(help="With --pseudonymise: file outside the report with the key; made when missing."),
    ] = defaults.pseudonym_key,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", "--model", help="Other weights (.onnx or .pt, with their .toml)."),
    ] = defaults.weights,
    trust_weights: Annotated[
        bool,
        typer.Option("--trust-weights", help="Load a .pt that its .toml does not name; it can run code."),
    ] = defaults.trust_weights,
    detail: Annotated[
        str, typer.Option(help="fast, standard or thorough: in how many sizes an image is looked at.")
    ] = defaults.detail,
    device: Annotated[
        str, typer.Option(help="cpu, openvino, cuda, or auto: cpu or openvino, by a short trial.")
    ] = defaults.device,
    workers: Annotated[
        int,
        typer.Option(help="Files looked at side by side, or auto.", parser=read_workers, metavar="NUMBER"),
    ] = defaults.workers,
    engine: Annotated[
        str, typer.Option(help="local, or ray: on the machines of a Ray cluster.")
    ] = defaults.engine,
    address: Annotated[
        str, typer.Option(help="With --engine ray: the cluster, or auto. (default: a Ray on this machine)")
    ] = defaults.address,
    gpus_per_worker: Annotated[
        float, typer.Option(help="With --engine ray: GPUs that each worker has to itself.")
    ] = defaults.gpus_per_worker,
    worker_memory: Annotated[
        float, typer.Option(help="Gigabytes of memory that each worker may take; 0: no limit.")
    ] = defaults.worker_memory,
    threads: Annotated[int, typer.Option(help="Threads of each worker's network.")] = defaults.threads,
    file_timeout: Annotated[
        float, typer.Option(help="Give a file up after so many seconds, keeping what was seen.")
    ] = defaults.file_timeout,
    photo_memory: Annotated[
        int,
        typer.Option(help="Megabytes that decoding one photo may take; larger JPEGs are decoded smaller."),
    ] = defaults.photo_memory,
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
        only_these=only_these,
        recursive=recursive,
        follow_links=follow_links,
        hidden=hidden,
        every=every,
        keyframes=keyframes,
        densify=densify,
        min_confidence=min_confidence,
        floor=floor,
        archive=archive,
        pictures=pictures,
        show_faces=show_faces,
        pseudonymise=pseudonymise,
        pseudonym_key=pseudonym_key,
        weights=weights,
        trust_weights=trust_weights,
        device=device,
        workers=workers,
        engine=engine,
        address=address,
        gpus_per_worker=gpus_per_worker,
        worker_memory=worker_memory,
        threads=threads,
        detail=detail,
        file_timeout=file_timeout,
        photo_memory=photo_memory,
        max_failures=max_failures,
        retry_failed=retry_failed,
    )
    options.check()
    from detector.processes import import_early  # heavy, as the next: --help must not wait for them

    import_early()
    from detector.scanning import scan as scan_folder

    console, pace = Console(stderr=True), Pace()
    with stop_on_interrupt(console) as stop, show_progress(console, quiet=quiet) as report_progress:
        outcome = scan_folder(options, pace.noting(report_progress), stop)
    if not quiet:
        print_summary(outcome, options)
        print_pace(pace)
    elif outcome.away:
        print_away(console, outcome)
    elif outcome.exit_code == ExitCode.INTERRUPTED:
        print_interruption(console, outcome.summary)
    if outcome.summary.files == outcome.summary.earlier:
        print_nothing(console, options)
        raise typer.Exit(ExitCode.NOTHING)
    raise typer.Exit(outcome.exit_code)


@app.command(cls=Command)
def review(
    report: Annotated[Path, typer.Argument(help="Report folder.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port at 127.0.0.1. (default: a free one)")] = 0,
    reviewer: Annotated[str, typer.Option(help="Name of who reviews. (default: the page asks)")] = "",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Look at what was found, in a browser, and say what is right. Ctrl-C ends it and writes the tables."""
    from detector.review import serve_review

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Reading {shown(report)}")

    def tell(address: str) -> None:
        console.print(f"Open {address}")
        console.print("It is for this machine and for who has the address. Ctrl-C ends the review.")

    with (
        open_place(report, pictures=True) as (folder, stored),
        stored.keeping_journal() if stored else nullcontext(),
    ):
        serve_review(folder, port=port, reviewer=reviewer, browser=not no_browser, tell=tell)
    console.print(f"Every verdict is kept. Tables: {shown(report)}")


@app.command(name="report", cls=Command)
def renew(
    report: Annotated[Path, typer.Argument(help="Report folder.")],
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FLAG=CONFIDENCE",
            help="FLAG=CONFIDENCE: show this flag from here on; once for each flag.",
        ),
    ] = None,
    verdicts_from: Annotated[
        Path | None,
        typer.Option(help="Another report of these files, also an older one: its verdicts are taken over."),
    ] = None,
) -> None:
    """Write a report's tables and page anew, with other thresholds, without a new scan."""
    thresholds = dict(read_threshold(one) for one in threshold or ())
    from detector.compare import carry_verdicts
    from detector.renewing import renew_report

    with open_place(report) as (folder, _):
        if verdicts_from:
            with open_copy(verdicts_from) as older:
                print_carried(carry_verdicts(older, folder), verdicts_from)
        print_renewal(renew_report(folder, thresholds), report)


@app.command(cls=Command)
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
    from detector.export import export_report

    if is_remote(report) and (not out or to == ExportFormat.LABELSTUDIO):
        raise UsageError(
            "of a report in a storage name --out; labelstudio shows its pictures: fetch all of it first"
        )
    with open_copy(report) as folder:
        done = export_report(folder, to, out, reviewed=reviewed)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{shown(done.out)}: {done.written.detections} detections, {done.written.files} files")
    for note in done.written.notes:
        console.print(f"   {shown(note)}")
    if not reviewed:
        console.print("Boxes are a machine's: nobody has confirmed them.")


@app.command(cls=Command)
def verify(
    report: Annotated[Path, typer.Argument(help="Report folder.")],
    media: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder or place in a storage whose files may be read, too, where the report names them; "
            "may be repeated."
        ),
    ] = None,
) -> None:
    """Check a report and the scanned files against its manifest. Exit code 1 when something differs."""
    from detector.report import choose_readable, verify_report

    may_read = choose_readable(from_here(report), media or [])
    with open_copy(report, pictures=True) as folder, show_count(Console(stderr=True)) as report_count:
        found = verify_report(folder, report_count, may_read)
    print_verification(found)
    raise typer.Exit(ExitCode.DONE if found.as_it_was else ExitCode.SOME_FAILED)


@app.command(cls=Command)
def seal(
    report: Annotated[Path, typer.Argument(help="Report folder.")],
    reply: Annotated[
        Path | None, typer.Option(help="What a time-stamp authority answered to the request.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="The authority's root certificates (PEM), got by another way.")
    ] = None,
) -> None:
    """Have an authority stamp the manifest (RFC 3161): write the request, then keep the reply."""
    from detector.report import accept_reply, request_seal

    console = Console(highlight=False, soft_wrap=True)
    if not reply:
        with open_place(report) as (folder, _):
            request = from_here(report) / request_seal(folder).relative_to(folder)
        console.print(
            f"Request: {shown(request)}. Nothing was sent; {'fetch it and ' * is_remote(request)}"
            "send it to an authority you trust, as with"
        )
        console.print(f"   curl -H 'Content-Type: {QUERY_TYPE}' --data-binary @REQUEST URL > reply.tsr")
        console.print(f"then: detector seal {shown(report)} --reply reply.tsr --root root.pem")
        return
    if not root:
        raise UsageError("--reply needs --root: the authority's root certificates, in PEM")
    with open_place(report) as (folder, _):
        kept = accept_reply(folder, reply, root)
    console.print(
        f"The manifest was there at {kept.stamped_at:%Y-%m-%d %H:%M:%S} UTC. `detector verify` checks it."
    )


@app.command(name="match", cls=Command)
def match_(
    report: Annotated[Path, typer.Argument(help="Report folder.")],
    archive: Annotated[Path, typer.Option("--archive", help="Archive file, of `detector archive add`.")],
) -> None:
    """Ask an archive which of a report's pictures were seen before; write tables and page anew."""
    from detector.processes import import_early

    import_early()
    from detector.archive import match_report

    with open_place(report) as (folder, _), show_count(Console(stderr=True)) as report_count:
        found = match_report(folder, archive, report_count)
    print_asking(found, report)


@app.command(name="find", cls=Command)
def find_(
    picture: Annotated[Path, typer.Argument(help="Photo or video to look for.")],
    places: Annotated[list[Path], typer.Argument(help="Archive files and report folders to look in.")],
    csv: Annotated[Path | None, typer.Option("--csv", help="Write what is found here, a row each.")] = None,
) -> None:
    """Say where a picture is, or one very like it, in archives and reports."""
    from detector.processes import import_early

    import_early()
    from detector.archive import find_picture, write_found

    found = find_picture(picture, places)
    print_found(found)
    if csv:
        write_found(found, csv)
        Console(highlight=False, soft_wrap=True).print(f"All of it: {shown(csv)}")


@app.command(cls=Command)
def compare(
    a: Annotated[Path, typer.Argument(help="Report folder.")],
    b: Annotated[Path, typer.Argument(help="Another, of the same files or some of them.")],
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write every difference here, a row each.")
    ] = None,
) -> None:
    """Say what report B has gained, lost and sees otherwise than report A."""
    from detector.compare import compare_reports

    with open_copy(a) as of_a, open_copy(b) as of_b:
        print_comparison(compare_reports(of_a, of_b, csv))
    if csv:
        Console(highlight=False, soft_wrap=True).print(f"Every difference: {shown(csv)}")


@app.command(cls=Command)
def doctor(
    out: Annotated[Path, typer.Option("--out", "-o", help="Where reports are to be written.")] = defaults.out,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", "--model", help="Other weights (.onnx or .pt, with their .toml)."),
    ] = defaults.weights,
) -> None:
    """Check this installation: decoders, devices, weights, writing, and that flags are found in a picture."""
    from detector.doctor import examine

    if not print_checks(examine(weights or default_weights(), out)):
        raise typer.Exit(ExitCode.INSTALLATION)
