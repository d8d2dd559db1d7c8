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
PAGES = sorted([*DOCS.rglob("*.md"), REPOSITORY / "README.md"])
COMMAND = re.compile(r"^detector (\w+)((?: .*)?)$", re.MULTILINE)


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


def written_commands() -> set[str]:
    """Every line of the docs that calls the command, without comments and what the shell adds."""
    found = set()
    for page in PAGES:
        for block in re.findall(r"```[a-z]*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                call = line.partition("#")[0].rpartition("|")[2].strip()
                if call.startswith("detector "):
                    found.add(call)
    return found


@pytest.mark.parametrize("call", sorted(written_commands()))
def test_every_command_in_the_docs_is_one(call: str) -> None:
    """Each is read by the command's own parser, up to where it would begin its work."""
    code = "import sys, typer, detector.cli.commands as c; "
    code += "command = typer.main.get_command(c.app); words = sys.argv[1:]\n"
    code += "while hasattr(command, 'commands'): command, words = command.commands[words[0]], words[1:]\n"
    code += "command.make_context('', words)"
    done = subprocess.run(
        [sys.executable, "-c", code, *call.split()[1:]],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr


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
