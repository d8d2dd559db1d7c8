"""What the commands tell on the terminal."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from detector import __version__
from detector.errors import ExitCode
from detector.options import ScanOptions
from detector.sources import printable
from detector.storage import is_remote, say_place

if TYPE_CHECKING:
    from detector.archive import Asking, Found, Listing
    from detector.cli.progress import Pace
    from detector.compare import Carried, Comparison
    from detector.doctor import Check
    from detector.renewing import Renewal
    from detector.report import Reach, Standing, Summary, Verification
    from detector.scanning import Outcome

FAILURES_SHOWN = 5
NAMES_SHOWN = 20
FOUND_SHOWN = 50
NOT_LOOKED_AT = """\
Whether those have changed is not known: a report may name any place, and its owner learns who looks there.
Name what may be read, as in --media s3://BUCKET/PREFIX or --media FOLDER."""


def _reach_row(reach: "Reach", text: str) -> tuple[str, str]:
    """Files, and the different pictures among them where there are copies."""
    copies = f", {reach.clusters} without copies" if reach.clusters != reach.files else ""
    return str(reach.files), text + copies


def print_summary(outcome: "Outcome", options: ScanOptions) -> None:
    """What a scan found, and where to look."""
    summary, out = outcome.summary, options.out
    is_here = not is_remote(out)
    console = Console(highlight=False, soft_wrap=True)
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
    if summary.not_read:
        table.add_row(str(summary.not_read), "not read: hidden, elsewhere, or of a kind not read here")
    sidecars = f" ({summary.sidecars} named as sidecars of posts are)" if summary.sidecars else ""
    table.add_row(str(summary.unsupported), f"neither photo nor video, left alone{sidecars}")
    for row in _rows_of_runs(summary):
        table.add_row(*row)
    console.print(table)
    for reason, count in list(summary.failures.items())[:FAILURES_SHOWN]:
        console.print(f"   {count} ×: {escape(reason)}")
    if summary.failed or summary.not_read:
        table_path = escape(printable(say_place(out / "files.csv")))
        console.print(f"   which files: rows with status failed or not_read in {table_path}")
    _print_unmatched(console, summary)
    how = "open index.html; tables in *.csv" if is_here else "fetch all of it and open index.html"
    console.print(f"Report: {escape(printable(say_place(out)))} ({how})")
    console.print("A detection is a hint, not a proof: a person decides.")
    if outcome.away:
        print_away(console, outcome)
    elif outcome.exit_code == ExitCode.MAX_FAILURES:
        console.print(f"[bold]Stopped by --max-failures {options.max_failures}.[/] Run again to go on.")
    elif outcome.exit_code == ExitCode.INTERRUPTED:
        print_interruption(console, summary)


def _rows_of_runs(summary: "Summary") -> "Iterator[tuple[str, str]]":
    """What has to do with other scans into the report: of earlier ones, or of one that goes on."""
    if summary.not_reached:
        yield str(summary.not_reached), "not looked at yet"
    if summary.earlier:
        yield str(summary.earlier), "of all these are of earlier scans into this report, of other places"
        yield "", "(--only-these leaves them out)"
    if summary.left_out:
        yield str(summary.left_out), "of earlier scans, gone or left out now, are not in the tables"


def print_interruption(console: Console, summary: "Summary") -> None:
    """What a scan that was stopped has reached, and what not."""
    reached = f"{summary.files - summary.not_reached} of {summary.files} files were looked at"
    missing = f"{summary.not_reached} were not reached" if summary.not_reached else "not all copies compared"
    console.print(f"[bold]Interrupted.[/] {reached}, {missing}. Run the same command again to go on.")


def print_away(console: Console, outcome: "Outcome") -> None:
    """Why a scan of a storage was stopped."""
    console.print(
        f"[bold]Stopped:[/] {escape(outcome.away)}, for one file after the other. "
        "Run the same command again when it can: it goes on with these."
    )


def print_pace(pace: "Pace") -> None:
    """How long a scan took."""
    looking = pace.looking_seconds
    text = f"{pace.looked_at} files in {pace.seconds:.1f} s; "
    text += f"looking took {looking:.1f} s, {pace.looked_at / looking:.1f} files a second"
    if pace.recalled:
        text += f"; {pace.recalled} more were known from before"
    Console(highlight=False, soft_wrap=True).print(f"{text}.")


def print_nothing(console: Console, options: ScanOptions) -> None:
    """That there was nothing to scan, and where it was looked for."""
    places = [printable(say_place(path)) for path in options.paths] + ["--from-file"] * bool(
        options.from_file
    )
    inside = (
        "nor in the folders in it" if options.recursive else "and --no-recursive leaves out the folders in it"
    )
    console.print(
        f"[bold]Nothing to scan:[/] no file in {escape(', '.join(places))}, {inside}. "
        "The report itself is passed over.",
        soft_wrap=True,
        highlight=False,
    )


def print_checks(checks: "Iterable[Check]") -> bool:
    """The state of an installation, a line for each part as it becomes known; whether all is well."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"flag-detector {__version__}")
    wrong = 0
    for check in checks:
        wrong += not check.well
        mark = "[green]well [/]" if check.well else "[bold red]wrong[/]"
        console.print(f"  {mark}  {check.name:10} {shown(check.found)}")
    console.print("Everything works." if not wrong else f"[bold]{wrong} of these do not work.[/]")
    return not wrong


def _print_unmatched(console: Console, summary: "Summary") -> None:
    if summary.unmatched_sidecars:
        console.print(f"   {summary.unmatched_sidecars} sidecars tell about no file here, or are broken:")
    for name in summary.unmatched_names[:FAILURES_SHOWN]:
        console.print(f"      {escape(name)}")


def print_renewal(renewal: "Renewal", report: Path) -> None:
    """What a report shows by now."""
    console = Console(highlight=False, soft_wrap=True)
    for label, threshold in renewal.now.items():
        before, now = renewal.files_before.get(label, 0), renewal.summary.shows[label].files
        change = (
            f" (was {renewal.before[label]:.2f}: {before} files)"
            if renewal.before[label] != threshold
            else ""
        )
        console.print(f"{shown(label)} from {threshold:.2f} on: {now} files{change}")
    if renewal.without_picture:
        console.print(
            f"{renewal.without_picture} pictures could not be made: their files are gone or changed"
        )
    console.print(f"Tables and page are written: {shown(report)}")


def print_carried(done: "Carried", old: Path) -> None:
    """Which verdicts of another report were taken over, and which not."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{done.carried} verdicts taken over from {shown(old)}")
    for reason, count in done.left.items():
        console.print(f"{count} not taken over: {reason}")
    for name in done.names[:NAMES_SHOWN]:
        console.print(f"   {shown(name)}")
    if len(done.names) > NAMES_SHOWN:
        console.print(f"   and {len(done.names) - NAMES_SHOWN} more")


def print_verification(found: "Verification") -> None:
    """What has changed since a scan."""
    console = Console(highlight=False, soft_wrap=True)
    _print_standing(console, "outputs", found.outputs)
    _print_standing(console, "inputs", found.inputs, moved=found.moved)
    if found.inputs.unread:
        console.print(NOT_LOOKED_AT)
    _print_names(console, "in the folder, not in the manifest", found.unknown)
    if found.unreadable_lines:
        console.print(f"manifest: {found.unreadable_lines} lines make no sense")
    for line in found.tables_differ:
        console.print(f"journal: {shown(line)}")
    for seal in found.seals:
        now = "as it is now" if seal.is_current else "as it was then; the tables were written again since"
        console.print(f"stamped {seal.stamped_at:%Y-%m-%d %H:%M:%S} UTC: the manifest {now} ({seal.name})")
    for line in found.seals_broken:
        console.print(f"[bold red]stamp does not hold:[/] {shown(line)}")
    for line in found.journal_differs:
        console.print(f"journal: {shown(line)}")
    if found.journal_problem:
        console.print(f"journal: not checked, {shown(found.journal_problem)}")
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
    _print_names(console, f"{what} not looked at", standing.unread)


def _print_names(console: Console, what: str, names: tuple[str, ...]) -> None:
    if not names:
        return
    console.print(f"{what}: {len(names)}")
    for name in names[:NAMES_SHOWN]:
        console.print(f"   {escape(name)}")
    if len(names) > NAMES_SHOWN:
        console.print(f"   and {len(names) - NAMES_SHOWN} more")


def print_comparison(found: "Comparison") -> None:
    """In what two reports differ."""
    console = Console(highlight=False)
    if found.settings:
        table = Table("", "A", "B", box=None, padding=(0, 2, 0, 0))
        for name, (of_a, of_b) in found.settings.items():
            table.add_row(name.replace("_", " "), shown(of_a), shown(of_b))
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


def print_asking(found: "Asking", report: Path) -> None:
    """How many of a report's files were seen before."""
    console = Console(highlight=False, soft_wrap=True)
    count = found.before.get
    console.print(f"{sum(found.before.values())} files look like something in the archive, of which")
    console.print(
        f"{count('certain', 0)} certainly and {count('possible', 0)} possibly from before their post,"
    )
    console.print(f"{count('no', 0)} not from before; of {count('unknown', 0)} a time is missing")
    console.print(f"Tables and page are written: {shown(report)}")


def print_found(found: "Sequence[Found]") -> None:
    """Where a picture is, the nearest first."""
    console = Console(highlight=False, soft_wrap=True)
    if not found:
        console.print("Nothing here looks like it. That is no proof that it was not there before.")
    for one in found[:FOUND_SHOWN]:
        at = f" at {one.at_seconds:.0f} s" if one.at_seconds else ""
        post = ", ".join(filter(None, (one.posted_at, one.platform, one.author, one.source_url)))
        console.print(
            f"{shown(one.report)}: {shown(one.file)}{at}, {one.how}, {one.distance} bits of 256 apart"
        )
        console.print(f"   {shown(post) or 'no post known'} (in {shown(one.where)})")
    if len(found) > FOUND_SHOWN:
        console.print(f"and {len(found) - FOUND_SHOWN} more; --csv writes all")


def print_listing(found: "Listing") -> None:
    """What is in an archive."""
    console = Console(highlight=False, soft_wrap=True)
    for one in found.sources:
        what = f"{one.files} files, {one.contents} different"
        posts = f", posted {one.first_posted} to {one.last_posted}" if one.first_posted else ", no post known"
        kind = "" if one.kind == "report" else " (hashes only)"
        console.print(f"{shown(one.folder)}{kind}: {what}{shown(posts)}; added {shown(one.added_at)}")
    console.print(f"{len(found.sources)} in all: {found.contents} contents, {found.pictures} pictures")
    if found.without_parts:
        console.print(
            f"{found.without_parts} photos without hashes of their parts, from an earlier version: "
            "add them again, so that cropped copies are known"
        )


def shown(text: object) -> str:
    """Text from elsewhere so that it steers neither terminal nor markup."""
    return escape(printable(say_place(text) if isinstance(text, Path) else str(text)))
