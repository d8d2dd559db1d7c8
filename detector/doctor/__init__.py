"""Whether this installation works: what it can open and write, and a picture whose flags must be found."""

from detector.doctor.checks import Check, examine

__all__ = ["Check", "examine"]
