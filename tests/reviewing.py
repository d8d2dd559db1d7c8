"""A review in a test: somebody who opened the address and asks as their browser would."""

import re
import sqlite3
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from detector.journal import reopen_journal
from detector.report import rewrite_report
from detector.review.app import create_app
from detector.review.desk import Desk
from tests.conftest import BLUE, RED, picture, write_picture
from tests.media_factory import write_video
from tests.reports import change_journal, copy_samples
from tests.test_evidence import write_posts
from tests.test_scan import scan_folder

PORT = 5000
HOME = f"http://127.0.0.1:{PORT}"
TOKEN = "the-token"  # noqa: S105 (of tests)


HOSTILE_NAME = "<img src=x onerror=hacked()>.png"
HOSTILE_TEXT = "</script><script>hacked()</script><b>bold</b> {{ 7 * 7 }} ${hacked()}"


def scan_reviewable(base: Path, weights: Path) -> Path:
    """Makes `base/downloads` and `base/report`: flags alone and together, copies, a video with an appearance
    of three samples, pictures without a flag, and a file whose name, post and address mean harm."""
    folder = base / "downloads"
    red = write_picture(folder / "red.png", (1, 1, RED))
    (folder / "copy of red.png").write_bytes(red.read_bytes())
    write_picture(folder / "sub" / "both.png", (0, 0, RED), (2, 1, BLUE))
    write_picture(folder / "sub" / "blue.png", (3, 2, BLUE))
    write_picture(folder / HOSTILE_NAME, (2, 2, BLUE))
    write_picture(folder / "nothing.png")
    Image.fromarray(picture()[:64]).save(folder / "nothing else.png")
    images = [picture((1, 1, RED)) if 10 <= number < 40 else picture() for number in range(50)]
    write_video(folder / "clip.mp4", images)
    write_posts(
        folder / "posts.csv",
        ("red.png", "https://x.com/jane/status/2", "2024-05-15T10:00:00Z", "@jane", "in the square"),
        (HOSTILE_NAME, "javascript:hacked()", "2024-05-14T10:00:00Z", "<b>", HOSTILE_TEXT),
    )
    scan_folder(folder, base / "report", weights, densify=False, pictures="all")
    return base


def copy_reviewable(base: Path, to: Path) -> Path:
    """The report of a copy of both folders, as if it had been scanned there."""
    report = copy_samples(base, to)
    change_journal(
        report, "UPDATE posts SET path = CAST(replace(CAST(path AS TEXT), ?, ?) AS BLOB)", str(base), str(to)
    )
    with reopen_journal(report, 10) as journal:
        journal.seal()
    rewrite_report(report)
    return report


class Visitor:
    """A browser with cookies."""

    def __init__(self, app: Flask, name: str = "", *, opened: bool = True) -> None:
        self.client: FlaskClient = app.test_client()
        self.desk: Desk = app.extensions["desk"]
        self.home = ""
        if opened:
            self.home = home_of(self.get(f"/?token={TOKEN}"))
        if name:
            self.send("/name", data={"reviewer": name})

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(self.home + path, **({"base_url": HOME, "buffered": True} | options))

    def send(self, path: str, **options: Any) -> TestResponse:
        return self.client.post(
            self.home + path, **({"base_url": HOME, "headers": {"Origin": HOME}} | options)
        )

    def tell(self, path: str, **content: object) -> TestResponse:
        return self.send(f"/api/{path}", json=content)

    def read(self, path: str) -> Any:
        answer = self.get(f"/api/{path}")
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def judge(self, verdict: str, *ids: str, note: str = "") -> list[int]:
        answer = self.tell("verdicts", verdict=verdict, ids=list(ids), note=note)
        assert answer.status_code == 200, answer.text
        numbers: list[int] = answer.get_json()["numbers"]
        return numbers

    def item(self, name: str, queue: str = "uncertain") -> Any:
        (item,) = self.read(f"items?ids={name}&queue={queue}")
        return item


def home_of(entered: TestResponse) -> str:
    """The key that begins the path of every page, from the answer to who came with the token."""
    assert entered.status_code == 200
    found = re.search(r'content="0;url=(/[\w-]{20,})/"', entered.text)
    assert found, entered.text
    return found[1]


def open_review(report: Path, reviewer: str = "") -> Flask:
    return create_app(report, TOKEN, PORT, reviewer)


def detections_of(desk: Desk, file: str) -> list[str]:
    """Ids of the detections in a file, by its name."""
    collection = desk.collection
    return [
        one.id
        for one in collection.detections.values()
        if file in [known.name for known in collection.contents[one.frame.sha256].files]
    ]


def add_detections(report: Path, count: int) -> None:
    """Copies one file's rows of the journal under other names, pictures too."""
    with sqlite3.connect(report / "scan.db") as journal:
        (sha256,) = journal.execute("SELECT sha256 FROM inputs WHERE name = 'red.png'").fetchone()
        (annotated, crop) = journal.execute(
            "SELECT annotated, crop FROM detections WHERE sha256 = ?", (sha256,)
        ).fetchone()
        for number in range(count):
            new = f"{number:064x}"
            pairs = {annotated: f"frames/{new[-16:]}-0.jpg", crop: f"crops/{new[-16:]}-0-0.jpg"}
            for old, name in pairs.items():
                (report / name).hardlink_to(report / old)
            for table in ("results", "detections", "frames", "pictures", "copies", "inputs"):
                names = [row[1] for row in journal.execute(f"PRAGMA table_info({table})")]
                values = {"sha256": f"'{new[::-1]}'", "picture": f"'{number}'", "cluster": f"'{number}'"}
                values |= {"annotated": f"'frames/{new[-16:]}-0.jpg'", "crop": f"'crops/{new[-16:]}-0-0.jpg'"}
                values |= {"path": f"CAST(path || '{number}' AS BLOB)", "name": f"'{number:05}.png'"}
                values |= {"confidence": f"{0.5 + number / 20001:.6f}"}
                chosen = ", ".join(values.get(name, f'"{name}"') for name in names)
                condition = "name = 'red.png'" if table == "inputs" else f"sha256 = '{sha256}'"
                journal.execute(f"INSERT INTO {table} SELECT {chosen} FROM {table} WHERE {condition}")
    journal.close()
