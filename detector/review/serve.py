"""A report folder in, a running review out, until it is interrupted; then the tables are written."""

import contextlib
import logging
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from detector.errors import UsageError
from detector.report import rewrite_report
from detector.review.app import create_app
from detector.review.desk import Desk, clean_name
from detector.review.doorway import doorway, open_browser
from detector.review.guard import Tickets

HERE = "127.0.0.1"  # nobody on the network is served
IDLE_SECONDS = 30  # after which a connection that says nothing is dropped; browsers open another


class Handler(WSGIRequestHandler):
    """Answers a connection."""

    timeout = IDLE_SECONDS
    protocol_version = "HTTP/1.1"

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002 (its name in http.server)
        """Nothing: what strangers send must not fill the terminal."""


def serve_review(
    folder: Path, *, port: int, reviewer: str, browser: bool, tell: Callable[[str], None]
) -> None:
    """Serves until SIGINT or SIGTERM; `tell` gets the address to open. Port 0 takes a free one.

    Raises UsageError when the port is taken, ReportFolderError as `create_app` and `rewrite_report` do.
    """
    token = secrets.token_urlsafe(32)
    try:
        listening = socket.create_server((HERE, port))
    except PermissionError as error:
        sentence = f"--port {port} needs an administrator's rights on this machine; take one from 1024 on"
        raise UsageError(f"{sentence}, or leave it out to take a free one") from error
    except (OSError, OverflowError) as error:
        raise UsageError(f"--port {port} cannot be used: {error}; leave it out to take a free one") from error
    with listening:
        port = listening.getsockname()[1]
        app = create_app(folder.absolute(), token, port, clean_name(reviewer))
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request, and tokens in them
        server = make_server(HERE, port, app, threaded=True, request_handler=Handler, fd=listening.fileno())
        address = f"http://{HERE}:{port}/?token="
        desk: Desk = app.extensions["desk"]
        tickets: Tickets = app.extensions["tickets"]
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        with _ended() as ended, contextlib.ExitStack() as afterwards:
            serving.start()
            tell(address + token)
            if browser:
                path = afterwards.enter_context(doorway(desk.folder))
                open_browser(path, address + tickets.make(lambda: path.unlink(missing_ok=True)))
            ended.wait()
            server.shutdown()
            serving.join()
        server.server_close()
        reviewed = bool(desk.store.rows())
        desk.store.close()
    if reviewed:
        rewrite_report(desk.folder)


@contextlib.contextmanager
def _ended() -> Iterator[threading.Event]:
    """Set by Ctrl-C or SIGTERM."""
    ended = threading.Event()
    before = {
        number: signal.signal(number, lambda _number, _frame: ended.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
