"""Every command in the documentation runs, but for those that a list here names, with the reason."""

import importlib.util
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

import detector
from detector.cli import app, main
from detector.options import ScanOptions
from tests.conftest import REPOSITORY
from tests.media_factory import write_video
from tests.report.test_seal import Authority
from tests.reviewing import Visitor, detections_of, open_review

PAGES = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES += [REPOSITORY / folder / "README.md" for folder in ("datasets", "weights")]
PAGES += sorted((REPOSITORY / "docs").rglob("*.md"))

INSTALLS = "installs from the network; tests/test_wheel.py installs the wheel and scans with it"
REMOTE = "needs a storage or a cluster of that name; tests/storage and tests/engines have their own"
IMAGES = "needs Docker, Kubernetes or machines to let; tests/test_deploy.py reads what they are given"
NETWORK = "fetches from the network"
LONG = "draws, trains or measures for minutes or hours, from photos that are not here; see tests/training"
NOT_RUN = {
    "git clone": NETWORK,
    "python3 -m venv .venv && . .venv/bin/activate": INSTALLS,
    "pip install": INSTALLS,
    "make demo": INSTALLS,
    "make test": "it runs this test",
    "detector scan s3://bucket/downloads": REMOTE,
    "docker build": IMAGES,
    "kubectl": IMAGES,
    "ray": IMAGES,
    "RAY_AUTH_MODE=token ray start": IMAGES,
    "python scripts/fetch_flags.py": NETWORK,
    "python scripts/fetch_photos.py": NETWORK,
    "python scripts/prepare_photos.py": LONG,
    "python scripts/make_dataset.py": LONG,
    "python scripts/make_pieces.py": LONG,
    "python scripts/make_scenery.py": LONG,
    "python scripts/join_sets.py": LONG,
    "python scripts/train.py": LONG,
    "python scripts/train_classifier.py": LONG,
    "python scripts/train_on_gpu.py": LONG,
    "python scripts/average.py": LONG,
    "python scripts/convert.py": LONG,
    "python scripts/evaluate.py --calibrate": LONG,
    "python scripts/evaluate.py --dataset scenes/": LONG,
}
"""Beginnings of commands, and why these are not run here."""

EXIT_CODES = {"detector scan datasets/samples --out report": 1}  # one is broken on purpose, the tutorial says


def blocks_of(page: Path, *languages: str) -> list[str]:
    found = re.findall(r"^```([a-z]*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for language, text in found if language in languages]


def commands_of(page: Path) -> list[str]:
    """Every line that a reader is to type, without its comment."""
    lines = "\n".join(blocks_of(page, "")).replace("\\\n", " ").splitlines()
    bare = [" ".join(re.sub(r"(^|\s)#.*", "", line).split()) for line in lines]
    return [line for line in bare if line and not re.match(r"\S+,\S+", line)]  # not the rows of a table


def reason_against(command: str) -> str:
    return next((why for begin, why in NOT_RUN.items() if command.startswith(begin)), "")


def named(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


COMMANDS = {page: commands_of(page) for page in PAGES}
RUN = {page: [one for one in commands if not reason_against(one)] for page, commands in COMMANDS.items()}
PAGES_RUN = [page for page in PAGES if RUN[page]]
RUNNABLE = ("detector ", "python scripts/")
LEFT_OUT = {one for page in PAGES for one in COMMANDS[page] if one not in RUN[page]}


def test_what_is_not_run_is_in_the_docs_and_the_rest_can_be() -> None:
    everything = [one for commands in COMMANDS.values() for one in commands]
    assert [begin for begin in NOT_RUN if not any(one.startswith(begin) for one in everything)] == []
    run = [one for commands in RUN.values() for one in commands]
    assert [one for one in run if not one.startswith(RUNNABLE)] == []
    assert len(run) > 30


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the docs take for granted, under the names that they use."""
    place = tmp_path_factory.mktemp("docs") / "work"
    samples = REPOSITORY / "datasets" / "samples"
    for folder in ("downloads", "photos", "july", "datasets/samples"):
        (place / folder).mkdir(parents=True)
    for name in ("cape.jpg", "sky-azerbaijan.jpg"):
        shutil.copy(samples / name, place / "downloads")
    for name in ("broken.jpg", "posts.csv"):
        shutil.copy(samples / name, place / "datasets" / "samples")
    image = Image.open(samples / "cape.jpg").resize((480, 320))
    for name in ("photos/cape.jpg", "july/cape.jpg", "picture.jpg", "march.jpg"):
        image.save(place / name)
    (place / "clips").mkdir()
    write_video(place / "clips" / "cape.mp4", [np.asarray(image)] * 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert detector.scan(ScanOptions(paths=(Path("downloads"),), out=Path("report"))).exit_code == 0
        reviewer = Visitor(open_review(place / "report", "Ann"))
        for name in ("cape.jpg", "sky-azerbaijan.jpg"):
            reviewer.judge("confirmed", *detections_of(reviewer.desk, name))
        reviewer.desk.store.close()
    for name in ("may", "june", "may-report", "other-report", "old-report", "new-report"):
        shutil.copytree(place / "report", place / name)
    for name in ("flags.onnx", "flags.toml", "flags-classifier.onnx"):
        (place / "mine").mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / "weights" / name, place / "mine")
    (place / "scripts").symlink_to(REPOSITORY / "scripts")
    shutil.copytree(place, place.parent / "kept", symlinks=True)
    return place.parent / "kept"


@pytest.fixture
def work(kept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as it was, under the paths that the reports in it know."""
    place = kept.parent / "work"
    shutil.rmtree(place)
    shutil.copytree(kept, place, symlinks=True)
    monkeypatch.chdir(place)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    return place


def run_here(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The command in this process: one of its own would take a second to begin."""
    monkeypatch.setattr(sys, "argv", words)
    before = os.umask(0o077)
    with pytest.raises(SystemExit) as ended:
        main()
    os.umask(before)
    return int(ended.value.code or 0)


def run_review(words: list[str], opened: Path) -> int:
    """A review that is ended by Ctrl-C once it can be looked at."""
    if "--port" in words:
        with socket.create_server(("127.0.0.1", 0)) as free:
            words[words.index("--port") + 1] = str(free.getsockname()[1])
    with subprocess.Popen(
        [sys.executable, "-m", *words],
        env=os.environ | {"BROWSER": f"{sys.executable} {write_browser(opened)} %s"},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stdout
            told = iter(running.stdout.readline, "")
            assert any(line.startswith("It is for this machine") for line in told)
            until = time.monotonic() + 60
            while "--no-browser" not in words and not opened.exists():
                assert time.monotonic() < until, "no browser was started"
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)
            assert any(line.startswith("Every verdict is kept") for line in told)
            return running.wait(60)
        finally:
            running.kill()


def write_browser(opened: Path) -> Path:
    program = opened.with_suffix(".py")
    program.write_text(f"import sys; open({str(opened)!r}, 'w').write(sys.argv[1])")
    return program


@pytest.mark.skipif(not shutil.which("openssl"), reason="the authority that stamps is openssl")
@pytest.mark.parametrize("page", PAGES_RUN, ids=named)
def test_every_command_of_a_page_runs(page: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = None
    for number, command in enumerate(RUN[page]):
        words = shlex.split(command)
        if "--reply" in words:
            authority = authority or Authority(work.parent / f"authority of {page.stem}")
            (request,) = (work / "report" / "seals").glob("*.tsq")
            shutil.copy(authority.answer(request), words[words.index("--reply") + 1])
            shutil.copy(authority.root, words[words.index("--root") + 1])
        if words[0] == "python":
            code = subprocess.run([sys.executable, *words[1:]], check=False).returncode
        elif words[1] == "review":
            code = run_review(words, work / f"opened-{number}")
        else:
            code = run_here(words, monkeypatch)
        assert code == EXIT_CODES.get(command, 0), command


@pytest.mark.parametrize("call", sorted(one for one in LEFT_OUT if one.startswith(RUNNABLE)))
def test_every_call_that_is_not_run_is_one(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read by the parser of the command or script, up to where it would begin its work."""
    words = shlex.split(call.replace("…", ""))
    for word in words[2:]:  # what is looked for at once
        (tmp_path / word).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / word).touch() if Path(word).suffix else (tmp_path / word).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path)
    if words[0] == "detector":
        command, rest = find_command(words[1:])
    else:
        command, rest = read_script(REPOSITORY / words[1]), words[2:]
    command.make_context("", rest)


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words begin with, and the rest of them."""
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def read_script(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    program = typer.Typer()
    program.command()(module.main)
    return typer.main.get_command(program)


def test_what_is_named_in_a_sentence_is_there() -> None:
    """Commands, options, scripts and targets of make between backquotes."""
    targets = re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    seen = 0
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for said in re.findall(r"`([^`\n]+)`", text):
            if target := re.match(r"make ([\w-]+)", said):
                assert target[1] in targets, said
            if script := re.match(r"(?:python )?(scripts/\S+\.py)", said):
                assert (REPOSITORY / script[1]).exists(), said
            if said.startswith("detector "):
                command, words = find_command(said.split()[1:])
                known = {name for one in command.get_params(typer.Context(command)) for name in one.opts}
                assert not {word for word in words if word.startswith("--")} - known, said
                assert words != said.split()[1:] or words[0].startswith("--"), said
                seen += 1
    assert seen > 5


def test_the_python_of_the_docs_runs(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in [text for page in PAGES for text in blocks_of(page, "python")]:
        exec(text, {})  # noqa: S102 (of our own docs)
    assert "azerbaijan" in capsys.readouterr().out
