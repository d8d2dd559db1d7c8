"""Damaged media in, what a scan and the readers make of them out: the parts of `scripts/fuzz.py`."""
