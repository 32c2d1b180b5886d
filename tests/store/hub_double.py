"""A hub on 127.0.0.1 that serves the files it is given, with byte ranges, and breaks off where it is told to.

It lists the files of a commit with their checksums as the real one does, and can be gated.
"""

from __future__ import annotations

import hashlib
import json
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
        self.token: str | None = None
        """What has to be sent to get files, where the model is gated; the list of files is given to everybody."""
        self.forbidden: dict[str, str] | None = None
        """The headers with which whoever sends the right token is refused all the same."""
        self.listing: bytes | None = None
        """What is answered instead of the list of files."""
        self.endpoint = ""

    def downloads(self) -> list[tuple[str, str | None]]:
        """Name and range of every file that was asked for with GET."""
        return [(name, span) for method, name, span in self.requests if method == "GET"]

    def list_files(self) -> bytes:
        """The answer of `/api/models/<repository>/revision/<commit>?blobs=True`; files of 1 kB and more are in LFS."""
        siblings = []
        for name, content in self.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            sibling = {"rfilename": name, "size": len(content), "blobId": blob}
            if len(content) >= 1000:
                digest = hashlib.sha256(content).hexdigest()
                sibling["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
            siblings.append(sibling)
        return json.dumps({"id": "someone/toy", "siblings": siblings}).encode()


@contextmanager
def serve(hub: HubDouble) -> Iterator[HubDouble]:
    """Serve `hub` until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            if self.path.startswith("/api/models/"):
                hub.requests.append((self.command, "(list)", None))
                self._send(hub.list_files() if hub.listing is None else hub.listing)
                return
            if self.path.startswith("/api/"):
                # What huggingface_hub asks for itself, once a day: by whom it is run.
                self.send_error(404)
                return
            name = self.path.split("/")[-1]
            span = self.headers.get("Range")
            hub.requests.append((self.command, name, span))
            content = hub.files.get(name)
            if content is None or hub.status != 200:
                self.send_error(404 if content is None else hub.status)
                return
            sent = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if hub.token is not None and sent != hub.token:
                wrong = {"X-Error-Message": "Invalid credentials in Authorization header"}
                self._refuse(401, wrong if sent else {"X-Error-Code": "GatedRepo"})
                return
            if hub.forbidden is not None:
                self._refuse(403, hub.forbidden)
                return
            start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
            self.send_response(206 if span else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if self.command == "GET":
                limit = hub.break_after.get(name)
                self.wfile.write(content[start:] if limit is None else content[start : max(limit, start)])

        def _refuse(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
