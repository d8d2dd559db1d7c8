"""A storage for these tests."""

from collections.abc import Iterator

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
    file_system.cache_clear()  # it keeps the address that it was made with
    yield Bucket()
    file_system.cache_clear()
