"""`python -m detector`: the command without its script."""

from detector.cli import main

if __name__ == "__main__":
    main()
