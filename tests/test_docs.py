"""The documentation says what the code does: every option, column, exit code and format."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"


def test_the_reference_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/make_reference.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("zensical")
    done = subprocess.run(
        [program, "build", "--clean", "--strict"],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env=os.environ | {"NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    notebook = nbformat.read(DOCS / "reference" / "first-report.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=str(REPOSITORY))
    tables = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    assert len(tables) >= 5


def test_the_readme_is_short_and_leads_on() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 900
    for word in ("AP50", "IoU", "mAP", "NMS"):
        assert word not in text
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (REPOSITORY / link).exists(), link
