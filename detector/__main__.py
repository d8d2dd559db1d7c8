"""The command, as it is installed and as `python -m detector`: Ctrl-C is heard before all is imported."""

import sys


def main() -> None:
    """Runs the command."""
    try:
        from detector.cli import main as run

        run()
    except KeyboardInterrupt:
        from detector.errors import ExitCode

        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    main()
