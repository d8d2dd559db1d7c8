"""Nothing that leaves with a report tells where the files lay or whose machine it was."""

import json
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.errors import ReportFolderError
from detector.export import export_report
from detector.options import ExportFormat
from detector.report import verify_report
from tests.conftest import BLUE, RED, picture, write_picture
from tests.media_factory import cut_file, write_video
from tests.test_scan import scan_paths

USER = "jane.o'hara_4711"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, fake_weights: Path) -> Path:
    """Two places in a user's home and one elsewhere, with broken files and sidecars, and their report."""
    base = tmp_path_factory.mktemp("machine")
    home = base / "home" / USER
    write_picture(home / "in" / "a.png", (1, 1, RED))
    cut_file(write_picture(home / "in" / "broken.png", (1, 1, RED)), 0.6)
    cut_file(write_video(home / "in" / "cut.mp4", [picture((1, 1, RED)) for _ in range(20)]), 0.5)
    (home / "in" / "empty.jpg").write_bytes(b"")
    for name, head in (
        *(("noise.jpg", b"\xff\xd8\xff"), ("noise.tif", b"II*\0"), ("noise.webp", b"RIFF\0\0\0\0WEBP")),
        *(("noise.mkv", b"\x1a\x45\xdf\xa3"), ("noise.heic", b"\0\0\0\x18ftypheic")),
    ):
        (home / "in" / name).write_bytes(head + bytes(range(256)) * 9)
    (home / "in" / "gone.png").symlink_to(home / "nowhere.png")
    told = {"id": "abc12", "extractor": "youtube", "_filename": str(home / "in" / "a.png"), "title": "t"}
    (home / "in" / "a.info.json").write_text(json.dumps(told))
    (home / "in" / "broken.json").write_text("{")
    write_picture(home / "b.png", (2, 2, BLUE))
    write_picture(base / "mnt" / "stick" / "c.png", (3, 2, BLUE))
    paths = (home / "in", home / "b.png", base / "mnt" / "stick")
    scan_paths(paths, base / "mnt" / "report", fake_weights, densify=False)
    return base


def texts_in(path: Path) -> Iterator[tuple[str, str]]:
    """Names and contents of all files but the journal, without escapes."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file() and not file.name.startswith(("scan.db", "scan.lock")):
            yield file.name, file.name
            contents = [file.read_bytes()]
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as parts:
                    contents = [parts.read(name) for name in parts.namelist()]
            for content in contents:
                text = content.decode("utf-8", "replace").replace("\\'", "'")
                yield file.name, urllib.parse.unquote(text.replace("&#39;", "'").replace("\\u0027", "'"))


def assert_says_nothing(path: Path, machine: Path) -> None:
    for name, text in texts_in(path):
        for secret in (USER, machine.name):
            assert secret not in text, f"{name} says {secret}"


def test_no_file_of_a_report_names_the_machine_or_its_user(machine: Path) -> None:
    assert_says_nothing(machine / "mnt" / "report", machine)
    files = (machine / "mnt" / "report" / "files.csv").read_text()
    assert '"home/in/a.png"' in files
    assert '"stick/c.png"' in files


@pytest.mark.parametrize("to", [one for one in ExportFormat if one != ExportFormat.LABELSTUDIO])
def test_no_export_names_the_machine_or_its_user(machine: Path, tmp_path: Path, to: ExportFormat) -> None:
    assert_says_nothing(export_report(machine / "mnt" / "report", to, tmp_path / "export").out, machine)


def test_label_studio_is_refused_where_its_paths_would_tell(machine: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportFolderError, match="move the report"):
        export_report(machine / "mnt" / "report", ExportFormat.LABELSTUDIO, tmp_path / "tasks")


def test_inputs_that_the_manifest_names_as_the_tables_do_are_verified(machine: Path) -> None:
    report = machine / "mnt" / "report"
    manifest = (report / "manifest.sha256").read_text()
    assert "  input:home/in/a.png\n" in manifest
    assert "  ../stick/c.png\n" in manifest
    assert verify_report(report, lambda *_: None).as_it_was
    path = machine / "home" / USER / "in" / "a.png"
    before = path.read_bytes()
    path.write_bytes(b"changed")
    try:
        assert verify_report(report, lambda *_: None).inputs.changed == ("input:home/in/a.png",)
    finally:
        path.write_bytes(before)
