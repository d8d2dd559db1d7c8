"""A script's main function in, its run out: what a user can act on ends in a sentence, as in the command."""

import sys
from collections.abc import Callable

import typer

from detector.cli.failures import complain
from detector.errors import DetectorError, ExitCode

OFFLINE = "without a network, name a file that is here"


def run_script(main: Callable[..., object]) -> None:
    """Calls it with the words of the command line, by Typer."""
    try:
        typer.run(main)
    except DetectorError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "detector":
            raise  # a bug
        complain(f"{error}; training needs the train extra: pip install '.[train]'")
        sys.exit(ExitCode.INSTALLATION)
    except OSError as error:  # also what ultralytics and urllib3 raise when nobody answers
        missing = f"{error.filename}: {error.strerror}" if error.filename else f"{error}; {OFFLINE}"
        complain(" ".join(missing.split()))
        sys.exit(ExitCode.USAGE)
