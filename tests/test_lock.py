"""requirements.lock: what `make test` installs fits what pyproject.toml asks for."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY

LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED_EXTRAS = ("test", "train", "openvino", "cluster")  # as `make lock` has it
PINNED = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.!+-]+)(.*(?:\n    .*)*)", re.MULTILINE)


def wanted() -> list[str]:
    extras = PROJECT["optional-dependencies"]
    return [*PROJECT["dependencies"], *(one for name in LOCKED_EXTRAS for one in extras[name])]


@pytest.mark.parametrize("text", wanted())
def test_every_dependency_is_locked_at_a_version_that_fits(text: str) -> None:
    requirement = Requirement(text)
    versions = [
        found[2] for found in PINNED.finditer(LOCK) if found[1] == canonicalize_name(requirement.name)
    ]
    assert versions, f"{requirement.name} is not locked; make lock"
    for version in versions:
        assert requirement.specifier.contains(version), f"{requirement} does not allow {version}; make lock"


def test_every_locked_file_has_its_hash_and_no_place_to_get_it_from() -> None:
    pins = list(PINNED.finditer(LOCK))
    assert len(pins) > 80
    for pin in pins:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin[3]), pin[1]
    assert "".join(f"{pin[0]}\n" for pin in pins) == LOCK  # nothing else: no index, no links, no files
    assert not re.search(r"://|--(?!hash=sha256:)|@", LOCK)
