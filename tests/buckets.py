"""A storage on this machine for tests: moto's server in a process of its own, on loopback."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
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
FAULTY_SERVER = """
import collections, itertools, json, socket, sys, threading, time
import moto.server
from werkzeug.serving import make_server

storage = moto.server.DomainDispatcherApplication(moto.server.create_backend_app)
numbers = collections.defaultdict(itertools.count)
faults = collections.Counter()
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"

def serve(environ, start_response):
    if environ["PATH_INFO"] == "/faults":
        start_response("200 OK", [])
        return [json.dumps(faults).encode()]
    if "aiobotocore" not in environ.get("HTTP_USER_AGENT", ""):  # the test's own requests
        return storage(environ, start_response)
    method = environ["REQUEST_METHOD"]
    number = next(numbers[method])
    if number % 5 == 1:
        faults["throttled"] += 1
        start_response("503 Slow Down", [("Content-Type", "application/xml"), ("Connection", "close")])
        return [SLOW_DOWN]
    if number % 23 == 7:
        faults["no answer"] += 1
        time.sleep(4)
    if method == "PUT" and number % 7 == 3:
        faults["half an upload"] += 1
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 2) // 2)
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []
    if method == "GET" and number % 7 == 4:
        body = b"".join(storage(environ, start_response))
        faults["half a download"] += 1
        return [body[: len(body) // 2]]  # of which all was promised
    return storage(environ, start_response)

server = make_server("127.0.0.1", 0, serve, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
"""
NOTING_SERVER = """
import json, sys, threading
import moto.server
from werkzeug.serving import make_server

storage = moto.server.DomainDispatcherApplication(moto.server.create_backend_app)
asked = []

def serve(environ, start_response):
    if environ["PATH_INFO"] == "/asked":
        start_response("200 OK", [])
        return [json.dumps(asked).encode()]
    if "aiobotocore" in environ.get("HTTP_USER_AGENT", ""):  # not the test's own requests
        asked.append(environ["PATH_INFO"] + "?" + environ["QUERY_STRING"])
    return storage(environ, start_response)

server = make_server("127.0.0.1", 0, serve, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
"""


@contextmanager
def storage_server(server_code: str = SERVER) -> Iterator[dict[str, str]]:
    """A storage, as the variables of the environment that lead to it; `FAULTY_SERVER` fails now and then,
    `NOTING_SERVER` answers at `/asked` what it was asked."""
    with subprocess.Popen(
        [sys.executable, "-c", server_code],
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

    def __init__(self, name: str = "") -> None:
        import boto3

        self.client: Any = boto3.client("s3")
        self.name = name or f"test-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=self.name)

    def path(self, key: str = "") -> Path:
        return Path("s3:", self.name, key)

    def ask(self, path: str) -> str:
        """What the server itself answers."""
        server = HTTPConnection(self.client.meta.endpoint_url.removeprefix("http://"))
        server.request("GET", path)
        return server.getresponse().read().decode()

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)

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
