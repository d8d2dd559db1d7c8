import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import detector
from detector.errors import ReportFolderError, UsageError
from tests.conftest import REPOSITORY

SAMPLES = REPOSITORY / "datasets" / "samples"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> detector.Report:
    out = tmp_path_factory.mktemp("api") / "report"
    paths = (SAMPLES / "square-both.jpg", SAMPLES / "march.mp4", SAMPLES / "broken.jpg")
    done = detector.scan(detector.ScanOptions(paths=paths, out=out, every=2, workers=1))
    assert done.summary.files == 3
    return detector.open_report(out)


def test_a_scan_leaves_the_environment_of_its_caller_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    before = dict(os.environ)
    detector.scan(detector.ScanOptions(paths=(SAMPLES / "square-both.jpg",), out=tmp_path, workers=2))
    assert dict(os.environ) == before


def test_every_public_name_is_there() -> None:
    for name in detector.__all__:
        assert getattr(detector, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'scam'"):
        _ = detector.scam


def test_importing_the_package_alone_imports_nothing_heavy() -> None:
    code = "import sys, detector; print(sorted({'cv2', 'numpy', 'pandas', 'av'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.strip() == "[]"


def test_a_model_detects_down_to_its_own_thresholds() -> None:
    image = detector.read_image(SAMPLES / "square-both.jpg")
    model = detector.load_model()
    (shown,) = model.detect([image])
    assert set(np.asarray(shown.class_id).tolist()) == {0, 1}
    limits = np.array(model.info.thresholds)
    assert (np.asarray(shown.confidence) >= limits[np.asarray(shown.class_id)]).all()
    (more,) = model.detect([image], 0.01)
    assert len(more) >= len(shown)


def test_tables_are_data_frames_with_the_columns_and_rows_of_the_csv_files(report: detector.Report) -> None:
    for name, table in (
        ("detections", report.detections()),
        ("files", report.files()),
        ("events", report.events()),
    ):
        written = pd.read_csv(report.folder / f"{name}.csv")
        assert list(table.columns) == list(written.columns)
        assert len(table) == len(written) > 0
    assert report.reviews().empty


def test_columns_have_types(report: detector.Report) -> None:
    detections, files = report.detections(), report.files()
    assert detections["ambiguous"].dtype == bool
    assert detections["confidence"].dtype == float
    assert detections["frame_index"].dtype == "Int64"
    assert set(files["status"]) == {"ok", "failed"}
    assert files.loc[files["status"] == "failed", "azerbaijan"].isna().all()


def test_a_folder_that_is_no_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportFolderError, match="is no report"):
        detector.open_report(tmp_path)


def test_paths_that_are_texts_are_told_what_they_should_be() -> None:
    image = detector.read_image(str(SAMPLES / "cape.jpg"))
    assert image.shape == (640, 960, 3)
    for paths in ("downloads", ("downloads",)):
        with pytest.raises(UsageError, match="paths and out are"):
            detector.scan(detector.ScanOptions(paths=paths))  # type: ignore[arg-type]
