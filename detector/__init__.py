"""Finds the flags of Azerbaijan and of the Kanak people in photos and videos."""

__version__ = "0.1.0"
