"""The command, as it is installed and as `python -m detector`: Ctrl-C is heard before all is imported."""

import sys

from detector.errors import ExitCode, is_own_fault


def main() -> None:
    """Runs the command."""
    try:
        from detector.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except ModuleNotFoundError as error:
        if is_own_fault(error):
            raise
        sys.stderr.write(f"Error: {error}; install flag-detector again\n")  # what else speaks is not there
        sys.exit(ExitCode.INSTALLATION)


if __name__ == "__main__":
    main()
