"""Who gets in, and what they get."""

import os
from pathlib import Path

import pytest
from flask import Flask

from detector.review.app import create_app
from tests.reports import change_journal
from tests.reviewing import PORT, TOKEN, Visitor, copy_reviewable, detections_of, home_of, open_review


@pytest.fixture
def report(reviewable: Path, tmp_path: Path) -> Path:
    return copy_reviewable(reviewable, tmp_path)


@pytest.fixture
def app(report: Path) -> Flask:
    return open_review(report)


def paths_of(app: Flask) -> list[tuple[str, str]]:
    """Every method and path of the application, with something in the place of its variables."""
    return [
        (method, rule.rule.replace("<path:name>", "frames/x.jpg").replace("<path:filename>", "review.js"))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
    ]


def test_every_path_is_closed_to_who_has_not_the_token(app: Flask) -> None:
    stranger = Visitor(app, opened=False)
    paths = paths_of(app)
    assert len(paths) > 12
    for method, path in paths:
        answer = stranger.get(path) if method == "GET" else stranger.send(path, json={})
        assert answer.status_code == 403, (method, path)
        assert "detector review" in answer.text


def test_a_wrong_token_opens_nothing(app: Flask) -> None:
    stranger = Visitor(app, opened=False)
    for token in ("", "x", TOKEN[:-1], TOKEN + "x", "\u00e9"):
        answer = stranger.get("/", query_string={"token": token})
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers


def test_the_token_leaves_the_address_for_a_cookie_no_script_or_other_site_gets(app: Flask) -> None:
    answer = Visitor(app, opened=False).get(f"/?token={TOKEN}")
    home = home_of(answer)
    cookie = answer.headers["Set-Cookie"]
    assert f"Path={home}/;" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie + home
    name = Visitor(app).send("/name", data={"reviewer": "Ann"}).headers["Set-Cookie"]
    assert f"Path={home}/" in name


def test_neither_the_cookie_nor_the_key_in_the_path_opens_anything_alone(app: Flask) -> None:
    visitor = Visitor(app, "Ann")
    session = visitor.client.get_cookie(f"review_{PORT}", "127.0.0.1", f"{visitor.home}/")
    assert session
    thief, guesser = Visitor(app, opened=False), Visitor(app, opened=False)
    thief.client.set_cookie(session.key, session.value, domain="127.0.0.1")
    guesser.home = visitor.home
    for method, path in paths_of(app):
        for stranger in (thief, guesser):
            answer = stranger.get(path) if method == "GET" else stranger.send(path, json={})
            assert answer.status_code == 403, (method, path)
    thief.home = visitor.home[:-1]
    assert thief.get("/progress").status_code == 403
    thief.home = visitor.home
    assert thief.get("/progress").status_code == 200  # who has both is the reviewer


def test_a_ticket_opens_the_review_once(app: Flask) -> None:
    tickets, used = app.extensions["tickets"], []
    ticket = tickets.make(lambda: used.append("used"))
    stranger = Visitor(app, opened=False)
    assert stranger.get("/?token=" + ticket[:-1]).status_code == 403
    assert not used
    assert home_of(stranger.get("/?token=" + ticket))
    assert stranger.get("/?token=" + ticket).status_code == 403
    assert used == ["used"]


def test_the_port_that_browsers_leave_out_of_addresses_is_served(report: Path) -> None:
    client = create_app(report, TOKEN, 80, "Ann").test_client()
    home = home_of(client.get(f"http://127.0.0.1/?token={TOKEN}"))
    assert client.get(f"http://127.0.0.1{home}/").status_code == 200
    headers = {"Origin": "http://127.0.0.1"}
    assert client.post(f"http://127.0.0.1{home}/api/undo", json={}, headers=headers).status_code == 200
    assert client.get(f"http://127.0.0.1:8080{home}/").status_code == 421


def test_every_path_is_closed_under_another_name_of_this_machine(app: Flask) -> None:
    visitor = Visitor(app, "Ann")
    for method, path in paths_of(app):
        for host in ("evil.example:5000", "127.0.0.1", "127.0.0.1:5001", "127.0.0.1.evil.example:5000"):
            open_path = visitor.get if method == "GET" else visitor.send
            assert open_path(path, base_url=f"http://{host}").status_code == 421, (method, path, host)


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://127.0.0.1:5001", "https://127.0.0.1:5000"]
)
def test_no_other_page_can_change_anything(app: Flask, origin: str) -> None:
    visitor = Visitor(app, "Ann")
    headers = {"Origin": origin} if origin else {}
    posts = [path for method, path in paths_of(app) if method == "POST"]
    assert "/api/verdicts" in posts
    for path in posts:
        assert visitor.send(path, headers=headers, json={}).status_code == 403, path
    assert not visitor.desk.store.rows()


def test_reading_changes_nothing(app: Flask) -> None:
    visitor = Visitor(app, "Ann")
    for path in [path for method, path in paths_of(app) if method == "POST"]:
        assert visitor.get(path).status_code in (200, 405)
    assert not visitor.desk.store.rows()


def test_every_answer_forbids_what_a_browser_can_be_told_to_forbid(app: Flask) -> None:
    visitor = Visitor(app, "Ann")
    for path in (
        "/",
        "/grid",
        "/progress",
        "/name",
        "/static/review.js",
        "/api/queue?queue=both",
        "/nowhere",
    ):
        headers = visitor.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"


def test_pages_hold_nothing_the_policy_would_stop(app: Flask) -> None:
    visitor = Visitor(app, "Ann")
    for path in ("/", "/grid", "/progress", "/name"):
        text = visitor.get(path).text
        assert " style=" not in text
        assert "onclick" not in text
        assert "<style" not in text
        assert "//" not in text.replace("<!doctype", ""), "a page of the review reaches out"


def test_a_picture_of_the_report_is_served_and_nothing_else(app: Flask, report: Path) -> None:
    visitor = Visitor(app, "Ann")
    (name,) = detections_of(visitor.desk, "red.png")
    crop = visitor.desk.collection.detections[name].crop
    answer = visitor.get(f"/picture/{crop}")
    assert answer.data == (report / crop).read_bytes()
    assert answer.mimetype == "image/jpeg"
    (report / "frames" / "other.jpg").write_bytes(b"not listed")
    for path in ("scan.db", "frames/other.jpg", "../downloads/red.png", "frames/../scan.db", "etc/passwd"):
        assert visitor.get(f"/picture/{path}").status_code == 404, path
    assert visitor.get("/picture/%2e%2e/downloads/red.png").status_code == 404
    assert visitor.get(f"/picture/frames/..%2f{crop}").status_code == 404


def test_links_in_the_report_are_not_followed(app: Flask, report: Path, tmp_path: Path) -> None:
    visitor = Visitor(app, "Ann")
    (name,) = detections_of(visitor.desk, "red.png")
    one = visitor.desk.collection.detections[name]
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    (report / one.crop).unlink()
    (report / one.crop).symlink_to(secret)
    assert visitor.get(f"/picture/{one.crop}").status_code == 404
    (report / one.crop).unlink()
    os.mkfifo(report / one.crop)
    assert visitor.get(f"/picture/{one.crop}").status_code == 404
    (report / "frames").rename(tmp_path / "elsewhere")
    (report / "frames").symlink_to(tmp_path / "elsewhere")
    assert visitor.get(f"/picture/{one.frame.annotated}").status_code == 404


def test_links_are_not_followed_either_where_folders_cannot_be_held_open(
    app: Flask, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "supports_dir_fd", set())  # as on Windows
    visitor = Visitor(app, "Ann")
    (name,) = detections_of(visitor.desk, "red.png")
    one = visitor.desk.collection.detections[name]
    assert visitor.get(f"/picture/{one.crop}").data == (report / one.crop).read_bytes()
    (report / one.crop).rename(tmp_path / "secret.jpg")
    (report / one.crop).symlink_to(tmp_path / "secret.jpg")
    assert visitor.get(f"/picture/{one.crop}").status_code == 404
    (report / "frames").rename(tmp_path / "elsewhere")
    (report / "frames").symlink_to(tmp_path / "elsewhere")
    assert visitor.get(f"/picture/{one.frame.annotated}").status_code == 404


def test_a_journal_that_names_other_files_as_pictures_is_not_believed(report: Path) -> None:
    change_journal(report, "UPDATE detections SET crop = '../downloads/red.png' WHERE crop != ''")
    change_journal(report, "UPDATE detections SET annotated = 'scan.db' WHERE annotated != ''")
    visitor = Visitor(open_review(report), "Ann")
    for path in ("../downloads/red.png", "%2e%2e/downloads/red.png", "scan.db"):
        assert visitor.get(f"/picture/{path}").status_code == 404


def test_who_has_no_name_is_asked_for_it(app: Flask) -> None:
    visitor = Visitor(app)
    assert visitor.get("/").headers["Location"] == visitor.home + "/name"
    assert visitor.get("/grid").headers["Location"] == visitor.home + "/name"
    assert visitor.get("/api/queue?queue=both").status_code == 401
    assert visitor.send("/name", data={"reviewer": " \n "}).status_code == 400
    assert visitor.send("/name", data={"reviewer": "Ann"}).headers["Location"] == visitor.home + "/"
    assert visitor.get("/").status_code == 200


def test_the_name_given_to_the_command_is_taken_and_can_be_changed(report: Path) -> None:
    visitor = Visitor(open_review(report, "Ann"))
    assert ">Ann</a>" in visitor.get("/").text
    visitor.send("/name", data={"reviewer": "Bo  Ek\x1b[2J\u202e" + "x" * 90})
    text = visitor.get("/").text
    assert "Bo Ek[2Jx" in text
    assert "\u202e" not in text


def test_a_request_that_is_too_large_is_refused(app: Flask) -> None:
    visitor = Visitor(app, "Ann")
    assert visitor.tell("verdicts", verdict="confirmed", ids=["x" * (1 << 20)]).status_code == 413
    assert visitor.send("/name", data={"reviewer": "x" * (1 << 21)}).status_code == 413
