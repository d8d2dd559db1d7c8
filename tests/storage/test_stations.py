"""Pictures go to the report from where they are made; through the driver only if there is no other way."""

from pathlib import Path

import pytest

from detector.engines.station import Looked, Station, Target, hash_weights, marking
from detector.errors import ReportFolderError
from detector.sources import find_media
from tests.buckets import Bucket
from tests.conftest import RED, settings_for, write_picture


def look(target: Target, tmp_path: Path, weights: Path) -> Looked:
    """What a station finds in one picture."""
    write_picture(tmp_path / "in" / "red.png", (1, 1, RED))
    (media,) = find_media([tmp_path / "in"])
    station = Station(settings_for(weights, tmp_path / "out"), hash_weights(weights), 200, target)
    try:
        assert station.begin() is None
        looked = station.look(media)
        if not isinstance(looked, Looked):
            raise looked
        return looked
    finally:
        station.end()


def names_in(looked: Looked) -> set[str]:
    """The pictures that its detections name, and those without boxes."""
    found = looked.result.detections.data
    named = {str(name) for column in ("annotated", "crop") for name in found[column]}
    return named | {name.replace("frames/", "plain/") for name in named}


def test_a_machine_that_shares_the_disk_writes_them_itself(tmp_path: Path, fake_weights: Path) -> None:
    (tmp_path / "out").mkdir()
    with marking(tmp_path / "out") as target:
        looked = look(target, tmp_path, fake_weights)
    assert looked.pictures == {}
    written = {
        path.relative_to(tmp_path / "out").as_posix()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert written == names_in(looked)


def test_a_folder_of_the_same_name_on_another_disk_is_left_alone(tmp_path: Path, fake_weights: Path) -> None:
    (tmp_path / "out").mkdir()
    looked = look(Target(tmp_path / "out", "not there"), tmp_path, fake_weights)
    assert looked.pictures.keys() == names_in(looked)
    assert not list((tmp_path / "out").iterdir())


def test_they_go_into_a_storage_or_it_is_said_why_not(
    bucket: Bucket, tmp_path: Path, fake_weights: Path
) -> None:
    with marking(bucket.path("out")) as target:
        looked = look(target, tmp_path, fake_weights)
    assert looked.pictures == {}
    assert {key.removeprefix("out/") for key in bucket.keys("out")} == names_in(looked)
    with pytest.raises(ReportFolderError, match="pictures cannot be put into s3://no-such-bucket/out"):
        look(Target(Path("s3:/no-such-bucket/out"), ""), tmp_path, fake_weights)
