"""Thresholds that a report was given after its scan, kept in the journal apart from those of the scan."""

import sqlite3
from collections.abc import Mapping


def read_thresholds(connection: sqlite3.Connection) -> dict[str, float]:
    """By label; empty where the scan's own are in force."""
    return dict(connection.execute("SELECT label, threshold FROM thresholds").fetchall())


def keep_thresholds(connection: sqlite3.Connection, thresholds: Mapping[str, float]) -> None:
    """Notes thresholds, those of other labels stay; views show them once they are defined anew."""
    with connection:
        connection.executemany("INSERT OR REPLACE INTO thresholds VALUES (?, ?)", list(thresholds.items()))
