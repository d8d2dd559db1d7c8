"""A report folder in, a running review out, until it is interrupted; then the tables are written."""

import contextlib
import logging
import secrets
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path

from werkzeug.serving import make_server

from detector.errors import UsageError
from detector.report import rewrite_report
from detector.review.app import create_app
from detector.review.desk import Desk, clean_name

HERE = "127.0.0.1"  # nobody on the network is served


def serve_review(
    folder: Path, *, port: int, reviewer: str, browser: bool, tell: Callable[[str], None]
) -> None:
    """Serves until SIGINT or SIGTERM; `tell` gets the address to open. Port 0 takes a free one.

    Raises UsageError when the port is taken, ReportFolderError as `create_app` and `rewrite_report` do.
    """
    token = secrets.token_urlsafe(32)
    try:
        listening = socket.create_server((HERE, port))
    except (OSError, OverflowError) as error:
        raise UsageError(f"--port {port} cannot be used: {error}; leave it out to take a free one") from error
    with listening:
        port = listening.getsockname()[1]
        app = create_app(folder.absolute(), token, port, clean_name(reviewer))
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request, and tokens in them
        server = make_server(HERE, port, app, threaded=True, fd=listening.fileno())
        address = f"http://{HERE}:{port}/?token={token}"
        desk: Desk = app.extensions["desk"]
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        with _ended() as ended:
            serving.start()
            tell(address)
            if browser:
                webbrowser.open(address)
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
