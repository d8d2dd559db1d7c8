"""The pipeline: folder in, report out."""

import itertools
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from detector.archive import ask_archive, open_archive
from detector.comparing import Looking
from detector.engines import choose_engine, count_workers
from detector.errors import ExitCode, MediaError, RecordError, ReportFolderError, UsageError
from detector.evidence import gather_evidence
from detector.filing import remove_half_written
from detector.formats import NOT_OPENED
from detector.frames import Sampling
from detector.ids import ID_DIGITS
from detector.journal import (
    Journal,
    Named,
    define_views,
    identity_text,
    open_journal,
    read_database,
    utc_now,
)
from detector.lists import read_paths
from detector.model import WeightsInfo, choose_device, read_weights_info
from detector.options import AUTO_DEVICE, DEVICES, ScanOptions, default_weights
from detector.parts import mark_parts
from detector.pictures import is_shown, remove_pictures
from detector.posts import key_check, read_key
from detector.report import RunInfo, Summary, write_report, write_so_far
from detector.settings import WorkerSettings
from detector.sources import Media, find_media, find_starts
from detector.storage import UNREACHED, StoredReport, in_buckets_of, is_here, is_remote, open_place
from detector.worker import FETCHED, FileResult, failed_result

PICTURE_SECONDS = 10.0  # of a video, with one picture while the same is shown
PHOTO_SIDE = 2  # of the network's input: photos are not decoded smaller, so that scaling stays smooth
SO_FAR_SECONDS = 60.0  # before the page is first written, and at least between two times
SO_FAR_SHARE = 0.05  # of the scan's time that writing it may take
LISTED_AT_ONCE = 1000  # inputs noted in one transaction
AWAY_FILES = 10  # of a storage, in a row, that could not be reached, after which it is taken to be away
AWAY_SECONDS = 60.0  # for which that must last: on a cluster many fail at once
NOT_REACHED = f"cannot be read: {UNREACHED}"
PART_SECONDS = 60.0  # after which what was found is kept in the storage that the report is to be in
PART_FILES = 2000  # or after so many files

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan has come."""

    total: int
    done: int = 0
    """Files with a result, those of earlier runs included."""
    recalled: int = 0
    """Files whose content was finished before."""
    detections: int = 0
    """Shown detections of this run."""
    failed: int = 0
    """Failed files of this run."""
    in_hand: tuple[str, ...] = ()
    """Names of the files given to workers and not finished, the earliest first."""
    step: str = ""
    """What is done after the last file, in words; "" while files are looked at."""
    step_done: int = 0
    step_total: int = 0
    """Of what has to be done in this step; 0 where that is not counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scan ended."""

    summary: Summary
    exit_code: ExitCode
    away: str = ""
    """Why the storage that files are in is taken to be away; "" if the scan was not stopped for that."""


def scan(options: ScanOptions, report_progress: Callable[[Progress], None], stop: threading.Event) -> Outcome:
    """Looks at every input, goes on where an earlier run ended, and writes the report.

    When `stop` is set the files in hand are finished and the tables written. Raises DetectorError.
    """
    options.check()
    with open_place(options.out) as (out, stored):
        here = replace(options, out=out)
        return _scan_into(here, stored, report_progress, stop)


def _scan_into(
    options: ScanOptions,
    stored: StoredReport | None,
    report_progress: Callable[[Progress], None],
    stop: threading.Event,
) -> Outcome:
    """The same, into a folder on this machine; meanwhile what was found is kept in a storage, if asked to."""
    info = read_weights_info(options.weights or default_weights(), detail=options.detail)
    options = _settle_device(options, info)
    settings = worker_settings(options, info)
    if options.archive:
        with open_archive(options.archive):
            pass  # said before the scan, not after it
    started_at = utc_now()
    key = read_key(options.pseudonym_key) if options.pseudonym_key else b""
    identity = scan_identity(settings, info) | _privacy(key)
    listed = _listed(options)
    starts = find_starts(options.paths, listed)
    may_fetch = in_buckets_of([*starts, *([stored.place] if stored else [])])  # a journal may name others
    with open_journal(settings.out, identity, started_at) as journal:
        remove_half_written(settings.out)
        shutil.rmtree(settings.out / FETCHED, ignore_errors=True)  # of a run that was killed
        parts = _Parts(journal, stored, identity)
        parts.merge()
        if options.retry_failed:
            journal.forget_failed()
        named = _named_by_now(journal, options, starts)
        found = find_media(
            options.paths,
            listed=listed,
            recursive=options.recursive,
            follow_links=options.follow_links,
            hidden=options.hidden,
            skip=stored.place if stored else settings.out,
            named=named.roots,
            firsts=named.firsts,
        )
        for some in _chunks(found, LISTED_AT_ONCE):
            journal.add_inputs(some)
        if options.only_these:
            journal.leave_out_earlier()
        else:
            journal.leave_out(starts, recursive=options.recursive)
        watch = _Watch(Progress(total=journal.tally_of_run().found), report_progress)
        so_far = _SoFar(
            lambda: write_so_far(journal, settings.out, RunInfo(info, settings, started_at, "", False))
        )
        storage = _Storage()
        files = _unfinished(journal, watch, stop)
        engine = choose_engine(options, stored.place if stored else settings.out)
        results = engine(files, settings, file_timeout=options.file_timeout, stop=stop)
        with closing(results):
            for result in results:
                watch.recorded(_record(journal, result, settings.out, stored), settings.thresholds)
                parts.add(result.media)
                so_far.now_and_then()
                too_many = options.max_failures and watch.progress.failed >= options.max_failures
                if storage.is_away(result) or too_many:
                    stop.set()
        shutil.rmtree(settings.out / FETCHED, ignore_errors=True)
        tally = journal.tally_of_run()
        stopped = tally.looked_at < tally.found
        if not stopped:
            journal.complete()
        watch.step("comparing pictures that look the same")
        memory = options.worker_memory
        looking = Looking(count_workers(options), memory, watch.step, stop, may_fetch)
        evidence = gather_evidence(
            journal, looking, every_seconds=0.0 if options.keyframes else options.every, key=key
        )
        mark_parts(journal, looking)
        stopped = stopped or stop.is_set()
        if options.archive:
            watch.step("asking the archive")
            ask_archive(journal, settings.out, options.archive, evidence, looking)
            evidence = define_views(journal.connection)
        journal.seal()
        watch.step("writing the tables and the page")
        whole = journal.tally()
        complete = whole.looked_at == whole.found
        run = RunInfo(info, settings, started_at, utc_now(), complete)
        summary = write_report(
            journal, settings.out, run, evidence, may_fetch=is_here if storage.why else may_fetch
        )
    if not stopped:
        return Outcome(summary, ExitCode.SOME_FAILED if tally.failed or tally.not_read else ExitCode.DONE)
    too_many = options.max_failures and watch.progress.failed >= options.max_failures
    code = ExitCode.MAX_FAILURES if too_many or storage.why else ExitCode.INTERRUPTED
    return Outcome(summary, code, storage.why)


def _settle_device(options: ScanOptions, info: WeightsInfo) -> ScanOptions:
    """For `--device auto` the device that the report was begun with, else the one that is faster here.

    What is wrong with a report is said when it is opened for writing.
    """
    if options.device != AUTO_DEVICE:
        return options
    kept = None
    with suppress(ReportFolderError), read_database(options.out) as connection:
        kept = connection.execute("SELECT value FROM identity WHERE name = 'device'").fetchone()
    device = kept[0] if kept and kept[0] in DEVICES else ""
    device = device or choose_device(info.path, info.sha256, options.threads)
    log.info("device: %s", device)
    return replace(options, device=device)


def worker_settings(options: ScanOptions, info: WeightsInfo) -> WorkerSettings:
    """What the options mean for one file, with the weights' recommendations where they are silent."""
    thresholds = info.thresholds
    if options.min_confidence is not None:
        thresholds = (options.min_confidence,) * len(info.class_names)
    floor = options.floor if options.floor is not None else min(info.floor, *thresholds)
    if floor > min(thresholds):
        raise UsageError(f"--floor {floor:g} is above the threshold {min(thresholds):g} of the tables")
    return WorkerSettings(
        weights=info.path.absolute(),
        trust_weights=options.trust_weights,
        device=options.device,
        threads=options.threads,
        detail=options.detail,
        floor=floor,
        thresholds=thresholds,
        sampling=Sampling(
            every_seconds=options.every,
            keyframes=options.keyframes,
            photo_side=PHOTO_SIDE * max(info.input_sizes),
            photo_bytes=options.photo_memory * 1_000_000,
            max_seconds=options.file_timeout,
        ),
        densify=options.densify,
        show_faces=options.show_faces,
        picture_seconds=PICTURE_SECONDS if options.pictures == "best" else 0.0,
        worker_memory=options.worker_memory,
        out=options.out.absolute(),
    )


def scan_identity(settings: WorkerSettings, info: WeightsInfo) -> dict[str, str]:
    """What the tables depend on besides the inputs: a report folder has one such identity for ever."""
    second = info.classifier
    return identity_text(
        {
            "weights_sha256": info.sha256,
            "classifier": asdict(second) | {"path": ""} if second else {},
            "class_names": list(info.class_names),
            "input_sizes": list(info.input_sizes),
            "ambiguity_margin": info.ambiguity_margin,
            "thresholds": list(settings.thresholds),
            "floor": settings.floor,
            "every": settings.sampling.every_seconds,
            "keyframes": settings.sampling.keyframes,
            "device": settings.device,  # each rounds in its own way
            "densify": settings.densify,
            "picture_seconds": settings.picture_seconds,
            "show_faces": settings.show_faces,
        }
    )


def _record(journal: Journal, result: FileResult, out: Path, stored: StoredReport | None) -> FileResult:
    """Notes a result; one that cannot be noted becomes its file's failure. Gives what was noted."""
    try:
        journal.record(result)
    except RecordError as error:
        log.warning("%s: %s", result.media.name, error)
        failed = failed_result(result.media, str(error), seconds=0)
        result = replace(failed, sha256=result.sha256, bytes=result.bytes)
        journal.record(result)
    if result.unfinished and result.sha256:
        kept = journal.pictures_of(result.sha256)
        remove_pictures(out, result.sha256, kept)
        if stored:
            stored.remove_pictures(result.sha256[:ID_DIGITS], kept)
    return result


def _privacy(key: bytes) -> dict[str, str]:
    """What makes two reports differ in their pseudonyms."""
    return identity_text(
        {"pseudonymise": bool(key)} | ({"pseudonym_key": key_check(key)} if key else {}),
    )


def _named_by_now(journal: Journal, options: ScanOptions, starts: list[Path]) -> Named:
    """How inputs of earlier runs are named that keep their names."""
    if options.only_these:
        return Named({}, frozenset())
    named = journal.named()
    anew = starts if options.recursive else []  # all below is found again, or gone
    kept = {root: label for root, label in named.roots.items() if set(anew).isdisjoint(root.parents)}
    return Named(kept, named.firsts)


def _listed(options: ScanOptions) -> list[Path]:
    """The paths that `--from-file` names. Raises UsageError when there are none, and nothing else to scan."""
    if not options.from_file:
        return []
    try:
        is_input = options.from_file == "-"
        content = sys.stdin.buffer.read() if is_input else Path(options.from_file).read_bytes()
    except OSError as error:
        raise UsageError(f"--from-file {options.from_file} cannot be read: {error.strerror}") from error
    listed = read_paths(content)
    if not listed and not options.paths:
        raise UsageError(f"--from-file {options.from_file} names no path: nothing to scan")
    return listed


def _unfinished(journal: Journal, watch: "_Watch", stop: threading.Event) -> Iterator[Media]:
    """The inputs that have to be looked at, until the scan is to stop."""
    for media in journal.inputs():
        if stop.is_set():
            return
        if _is_finished(journal, media):
            watch.recalled()
        else:
            watch.begun(media)
            yield media


def _is_finished(journal: Journal, media: Media) -> bool:
    if media.kind in NOT_OPENED:
        return False
    if is_remote(media.path):  # to hash it ahead would be to fetch it
        return journal.knows_object(media)
    if media.kind == "other":
        return False
    try:
        size = media.size()
        return journal.knows_size(size) and journal.recall(media, media.sha256(), size)
    except MediaError:
        return False  # its row will say why


class _Watch:
    """Counts what happens and reports it."""

    def __init__(self, progress: Progress, report_progress: Callable[[Progress], None]) -> None:
        self.progress = progress
        self._report = report_progress
        self._report(progress)

    def begun(self, media: Media) -> None:
        self.progress = replace(self.progress, in_hand=(*self.progress.in_hand, media.name))
        self._report(self.progress)

    def recalled(self) -> None:
        before = self.progress
        self.progress = replace(before, done=before.done + 1, recalled=before.recalled + 1)
        self._report(self.progress)

    def step(self, step: str, done: int = 0, total: int = 0) -> None:
        self.progress = replace(self.progress, step=step, step_done=done, step_total=total)
        self._report(self.progress)

    def recorded(self, result: FileResult, thresholds: tuple[float, ...]) -> None:
        before = self.progress
        self.progress = replace(
            before,
            done=before.done + 1,
            detections=before.detections + int(is_shown(result.detections, thresholds).sum()),
            failed=before.failed + (result.status == "failed"),
            in_hand=tuple(name for name in before.in_hand if name != result.media.name),
        )
        self._report(self.progress)


class _Storage:
    """Counts files that were not reached: each waits for half a minute, and millions would."""

    def __init__(self) -> None:
        self.why = ""
        self._in_a_row = 0
        self._since = 0.0

    def is_away(self, result: FileResult) -> bool:
        """Whether, with this result, so many in a row and for so long were not reached that no more will be.

        What was not reached is looked at by the next scan.
        """
        if is_remote(result.media.path):
            unreached = result.reason.startswith(NOT_REACHED)
            self._in_a_row = self._in_a_row + 1 if unreached else 0
            if self._in_a_row == 1:
                self._since = time.monotonic()
            elif self._in_a_row >= AWAY_FILES and time.monotonic() - self._since >= AWAY_SECONDS:
                self.why = result.reason.removeprefix("cannot be read: ")
        return bool(self.why)


class _Parts:
    """Keeps what was found in the storage that the report is to be in, now and then; without one, nothing."""

    def __init__(self, journal: Journal, stored: StoredReport | None, identity: Mapping[str, str]) -> None:
        self._journal = journal
        self._stored = stored
        self._identity = identity
        self._paths: list[bytes] = []
        self._next = time.monotonic() + PART_SECONDS

    def merge(self) -> None:
        """Takes over what earlier runs kept and did not come to write tables of."""
        if self._stored:
            for part in self._stored.parts():
                self._journal.merge_part(part, self._identity)

    def add(self, media: Media) -> None:
        """Notes that a file is finished."""
        if not self._stored:
            return
        self._paths.append(os.fsencode(media.path))
        if len(self._paths) >= PART_FILES or time.monotonic() >= self._next:
            paths, self._paths = self._paths, []
            self._stored.keep_part(lambda target: self._journal.write_part(target, self._identity, paths))
            self._next = time.monotonic() + PART_SECONDS


class _SoFar:
    """Writes the page now and then, the less often the longer it takes."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self._next = time.monotonic() + SO_FAR_SECONDS

    def now_and_then(self) -> None:
        started = time.monotonic()
        if started >= self._next:
            self._write()
            ended = time.monotonic()
            self._next = ended + max(SO_FAR_SECONDS, (ended - started) / SO_FAR_SHARE)


def _chunks(media: Iterable[Media], size: int) -> Iterator[list[Media]]:
    waiting = iter(media)
    while chunk := list(itertools.islice(waiting, size)):
        yield chunk
