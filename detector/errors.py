"""Every failure a user can act on, and the exit code it ends the command with."""

import enum
from typing import ClassVar, Literal


class ExitCode(enum.IntEnum):
    """What the command's exit status means."""

    DONE = 0
    SOME_FAILED = 1  # or known media that is not read
    USAGE = 2
    WEIGHTS = 3
    REPORT_FOLDER = 4
    MAX_FAILURES = 5
    WORKERS = 6
    INSTALLATION = 7  # a part of it is missing, cannot be loaded or does not work
    NOTHING = 8  # no file was found that could be scanned
    INTERRUPTED = 130


def is_own_fault(error: ImportError) -> bool:
    """Whether a module of this package is what could not be imported: a bug, not a part that is missing."""
    return (error.name or "").partition(".")[0] == "detector"


class DetectorError(Exception):
    """A failure with a remedy; the message says what is wrong and what to do."""

    exit_code: ExitCode = ExitCode.USAGE


class UsageError(DetectorError):
    """The inputs or options cannot be used as given."""


class WeightsError(DetectorError):
    """The weights are missing, damaged or not for this tool."""

    exit_code = ExitCode.WEIGHTS


class ReportFolderError(DetectorError):
    """The report folder cannot be written, or belongs to something else."""

    exit_code = ExitCode.REPORT_FOLDER


class ArchiveError(DetectorError):
    """The archive cannot be read or written, or is something else."""

    exit_code = ExitCode.REPORT_FOLDER


class WorkersError(DetectorError):
    """No worker process lives long enough to look at anything."""

    exit_code = ExitCode.WORKERS


class RecordError(Exception):
    """What was found in one file cannot be recorded; the message becomes its row's reason."""


class MediaError(Exception):
    """One file cannot be read, or only in part; the message becomes its row's reason."""

    status: ClassVar[Literal["failed", "not_read", "unsupported"]] = "failed"
    """What its row says beside the reason."""


class UnsupportedMediaError(MediaError):
    """The file is sound, but there is no picture in it."""

    status = "unsupported"


class NotReadError(MediaError):
    """The file is media of a known kind that this tool does not read."""

    status = "not_read"
