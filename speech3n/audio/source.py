"""Where sound comes from: files and addresses here, pipes in `pipe`, microphones in `microphone`; all alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from speech3n.audio.media import Media, open_address, open_file
from speech3n.audio.resample import Framer
from speech3n.audio.track import waveforms
from speech3n.errors import AudioError
from speech3n.types import Waveform


@runtime_checkable
class AudioSource(Protocol):
    """Sound as 16 kHz mono float32 frames of FRAME_SAMPLES."""

    @property
    def name(self) -> str:
        """What people call it: file name, device name, `stdin`."""
        ...

    @property
    def duration_s(self) -> float | None:
        """How long it lasts, None where that is unknown (microphone, pipe)."""
        ...

    @property
    def is_live(self) -> bool:
        """True for sound that is gone if it is not read now; False for sound read at any speed."""
        ...

    @property
    def warnings(self) -> list[str]:
        """What was found wrong with the sound, such as damaged parts of a file, each a sentence."""
        ...

    def frames(self) -> Iterator[Waveform]:
        """Yield frames of FRAME_SAMPLES, the last one maybe shorter; after a DeviceError call it again."""
        ...

    def close(self) -> None:
        """End `frames` soon and free what is open; safe from any thread, and final."""
        ...


class _MediaSource:
    """The sound of a container that can be opened again; memory does not grow with its length."""

    is_live = False

    def __init__(self, name: str, open_media: Callable[[], Media]) -> None:
        self.name = name
        self.warnings: list[str] = []
        self._open = open_media
        self._opened: Media | None = open_media()
        self.duration_s = self._opened.duration_s
        self._closed = threading.Event()

    def frames(self) -> Iterator[Waveform]:
        """Yield 16 kHz mono frames; raises AudioError where not one sample could be decoded."""
        if self._closed.is_set():
            return
        opened, self._opened = self._opened, None
        media = opened or self._open()
        self.warnings.clear()
        framer = Framer()
        try:
            for block in waveforms(media, self.warnings):
                yield from framer.push(block)
                if self._closed.is_set():
                    return
            yield from framer.flush()
        finally:
            media.close()

    def release(self) -> None:
        """Close what was opened until `frames` needs it: of many sources only a few can be open at a time."""
        opened, self._opened = self._opened, None
        if opened:
            opened.close()

    def close(self) -> None:
        """End `frames` at the next block and close the file."""
        self._closed.set()
        self.release()


class FileSource(_MediaSource):
    """The sound of a recording or video of any kind that FFmpeg reads.

    Opening it raises AudioError where there is no sound: a missing or empty file, a folder, text, a
    video without sound. Damaged parts are skipped; `warnings` then says so. Where the sound starts late or
    has a hole in its time stamps there is silence, so that times match the video.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        super().__init__(self.path.name, partial(open_file, self.path))


class AddressSource(_MediaSource):
    """The sound of a recording that lies on a web server; raises AudioError where it cannot be reached."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise AudioError(f"{url} is no address ({error}).", "Check the spelling.") from error
        super().__init__(unquote(Path(parts.path).name) or parts.netloc, partial(open_address, url))
