"""A storage on this machine for tests: moto's server in a process of its own, on loopback."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECRET = "qK7-never-to-be-seen"  # noqa: S105 (of a storage that lives as long as a test)
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()  # until the test ends, however
"""


@contextmanager
def storage_server() -> Iterator[dict[str, str]]:
    """A storage, as the variables of the environment that lead to it."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{int(server.stdout.readline())}",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        finally:
            server.kill()


class Bucket:
    """A bucket of such a storage."""

    def __init__(self) -> None:
        import boto3

        self.client: Any = boto3.client("s3")
        self.name = f"test-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=self.name)

    def path(self, key: str = "") -> Path:
        return Path("s3:", self.name, key)

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def put_folder(self, folder: Path, prefix: str) -> None:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def keys(self, prefix: str = "") -> set[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return {one["Key"] for page in pages for one in page.get("Contents", ())}

    def get(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def fetch(self, prefix: str, folder: Path) -> Path:
        for key in self.keys(prefix + "/"):
            path = folder / key.removeprefix(prefix + "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.get(key))
        return folder


def in_environment(variables: dict[str, str]) -> dict[str, str]:
    return os.environ | variables
