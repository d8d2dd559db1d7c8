"""A script's main function in, its run out: what a user can act on ends in a sentence, as in the command."""

import subprocess
import sys
from collections.abc import Callable

import typer

from detector.cli.failures import CommandLineError, complain, in_one_style
from detector.errors import DetectorError, ExitCode, is_own_fault

OFFLINE = "without a network, name a file that is here"


def run_script(main: Callable[..., object]) -> None:
    """Calls it with the words of the command line, by Typer."""
    program = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    program.command()(main)
    try:
        sys.exit(program(standalone_mode=False) or ExitCode.DONE)
    except DetectorError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except CommandLineError as error:
        complain(f"{in_one_style(error.format_message())}; see {sys.argv[0]} --help")
        sys.exit(ExitCode.USAGE)
    except ImportError as error:
        if is_own_fault(error):
            raise
        complain(f"{error}; scripts need the extras train and test: pip install '.[train,test]'")
        sys.exit(ExitCode.INSTALLATION)
    except subprocess.CalledProcessError as error:
        complain(_say_failed(error))
        sys.exit(ExitCode.USAGE)
    except OSError as error:  # also what ultralytics and urllib3 raise when nobody answers
        said = " ".join(str(error).removeprefix("❌ ").split()).rstrip(".")
        complain(f"{error.filename}: {error.strerror}" if error.filename else f"{said}; {OFFLINE}")
        sys.exit(ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(ExitCode.INTERRUPTED)


def _say_failed(error: subprocess.CalledProcessError) -> str:
    """Which program ended badly, and what it said last, where that was not shown."""
    said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr or ""
    lines = [line for line in said.splitlines() if "error" in line.lower() or line.startswith("E:")]
    words = " ".join(str(word) for word in error.cmd[:2]) if isinstance(error.cmd, list) else error.cmd
    return f"{words} failed: {lines[0] if lines else f'exit code {error.returncode}'}"
