"""A hub on 127.0.0.1 that serves the files it is given, with byte ranges, and breaks off where it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubDouble:
    """`files` by name; `requests` records (method, name, range header) of what was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = dict(files)
        self.requests: list[tuple[str, str, str | None]] = []
        self.break_after: dict[str, int] = {}
        """Bytes of a file after which each answer breaks off, as when the connection is lost."""
        self.status = 200
        self.endpoint = ""

    def downloads(self) -> list[tuple[str, str | None]]:
        """Name and range of every file that was asked for with GET."""
        return [(name, span) for method, name, span in self.requests if method == "GET"]


@contextmanager
def serve(hub: HubDouble) -> Iterator[HubDouble]:
    """Serve `hub` until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            name = self.path.split("/")[-1]
            span = self.headers.get("Range")
            hub.requests.append((self.command, name, span))
            content = hub.files.get(name)
            if content is None or hub.status != 200:
                self.send_error(404 if content is None else hub.status)
                return
            start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
            self.send_response(206 if span else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if self.command == "GET":
                limit = hub.break_after.get(name)
                self.wfile.write(content[start:] if limit is None else content[start : max(limit, start)])

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
