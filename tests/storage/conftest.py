"""A storage for these tests."""

from collections.abc import Iterator
from multiprocessing import forkserver

import pytest

from detector.storage.places import file_system
from tests.buckets import Bucket, storage_server


@pytest.fixture(scope="session")
def storage() -> Iterator[dict[str, str]]:
    pytest.importorskip("s3fs", reason="the cluster extra is not installed")
    pytest.importorskip("moto", reason="the test extra is not installed")
    with storage_server() as variables:
        yield variables


@pytest.fixture
def bucket(storage: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name, value in storage.items():
        monkeypatch.setenv(name, value)
    forget_environment()
    yield Bucket()
    forget_environment()


def forget_environment() -> None:
    """Has nothing use the storage's address of before: neither this process nor workers begun from now on."""
    file_system.cache_clear()
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
