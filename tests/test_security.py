"""SECURITY.md names tests for what it promises."""

import ast
import re

from tests.conftest import REPOSITORY

PROMISES = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8").partition("## Promises")[2]


def test_every_promise_names_tests_that_are_there() -> None:
    there = {
        node.name
        for path in (REPOSITORY / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    rows = re.findall(r"^\| (?!promise|-)(.+?) \| (.+) \|$", PROMISES, re.MULTILINE)
    rows = [(promise, held) for promise, held in rows if not promise.startswith("-")]
    assert len(rows) > 15
    for promise, held in rows:
        names = re.findall(r"`(\w+)`", held)
        assert names, promise
        assert set(names) <= there, promise
