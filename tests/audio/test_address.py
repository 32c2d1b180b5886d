"""Recordings behind an address: read from the server, and one line with the address where that fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from speech3n.audio.inputs import open_source
from speech3n.errors import AudioError
from tests.audio.recordings import SPEECH, read


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that logs nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server on this machine, whose files are those of tmp_path."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_recording_is_read_from_its_address(server: str, tmp_path: Path) -> None:
    (tmp_path / "a talk.flac").write_bytes(SPEECH.read_bytes())
    source = open_source(f"{server}/a%20talk.flac?from=0")
    assert source.name == "a talk.flac"
    assert source.duration_s == pytest.approx(11, abs=0.1)
    np.testing.assert_array_equal(np.concatenate(list(source.frames())), read(SPEECH))


def refusal(url: str) -> str:
    with pytest.raises(AudioError) as caught:
        open_source(url)
    assert caught.value.message.startswith(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_the_server_does_not_have(server: str, tmp_path: Path) -> None:
    assert "404" in refusal(f"{server}/missing.mp3")
    (tmp_path / "page.html").write_text("<html>" * 99)
    assert "holds no audio" in refusal(f"{server}/page.html")


def test_a_server_that_is_not_there(server: str) -> None:
    assert "Connection refused" in refusal("http://127.0.0.1:9/talk.mp3")
    assert "cannot be reached: Name or service" in refusal("https://nowhere.invalid/talk.mp3")


def test_a_playlist_behind_an_address_may_not_read_files_of_this_machine(server: str, tmp_path: Path) -> None:
    (tmp_path / "secret.flac").write_bytes(SPEECH.read_bytes())
    (tmp_path / "list.m3u8").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{tmp_path}/secret.flac\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(AudioError):
        list(open_source(f"{server}/list.m3u8").frames())
