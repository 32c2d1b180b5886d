"""Containers opened through PyAV (FFmpeg): files, addresses and streams of bytes, or an error that says why not."""

from __future__ import annotations

import io
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import urlsplit

from speech3n.audio import ogg
from speech3n.audio.headers import has_frame_count, sound_behind_the_end
from speech3n.audio.timeline import Holdings
from speech3n.errors import AudioError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

_FORMATS = "wav, flac, mp3, m4a, ogg, opus, webm, mp4 and mkv among others can be read"
_ADDRESS_PROTOCOLS = "http,https,tcp,tls,httpproxy,crypto,data"
_FILE_PROTOCOLS = "file,crypto,data"
_PLAYLISTS = frozenset({"hls", "dash", "concat"})
_LISTED_FILES = (
    "3gp,aac,ac3,avi,bin,cmfa,cmfv,ec3,eac3,flac,fmp4,key,m3u8,m4a,m4s,m4v,mkv,mov,mp2,mp3,mp4,mpeg,mpegts,mpg,"
    "oga,ogg,ogv,ts,vob,vtt,wav,webvtt"
)
"""Names of files that a playlist may name end so: FFmpeg's list, and those of keys."""
_GUESSED_LENGTH = frozenset(
    {"mpegts", "mpeg", "mp3", "aac", "loas", "ac3", "eac3", "dts", "dtshd", "truehd", "mlp", "amr", "amrnb", "amrwb"}
)
"""Formats of FFmpeg that do not say how long they are: their length is guessed from time stamps or the bit rate."""
_CONNECT_S, _READ_S = 20.0, 60.0


class ByteStream(Protocol):
    """What FFmpeg reads where it does not open a file itself: it goes back only where there is `seek`, too."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Media:
    """An open container and the sound track that was chosen; `name` is what errors call it."""

    name: str
    container: InputContainer
    stream: av.AudioStream
    file: BinaryIO | None = None
    """What is closed with it, where FFmpeg did not open the file itself."""
    knows_length: bool = True
    """Whether a header says how long it is; else that is a guess of FFmpeg's."""
    notes: list[str] = field(default_factory=list)
    """What is odd about it, each a sentence."""
    following: Iterator[Media] = field(default_factory=lambda: iter(()))
    """What comes after it in a chained Ogg."""

    @property
    def duration_s(self) -> float | None:
        """The length that it claims, in seconds, or None where it makes no claim that its bytes could bear out."""
        if self.container.duration is not None and self.container.duration > 0:
            return self._plausible(self.container.duration / 1_000_000)
        return self.announced_s

    @property
    def announced_s(self) -> float | None:
        """The length that it announces for its sound alone, or None."""
        stream, container = self.stream, self.container
        if not self.holdings.knows_length:
            return None
        if stream.duration and stream.time_base:
            return self._plausible(float(stream.duration * stream.time_base))
        if len(container.streams) == 1 and container.duration is not None and container.duration > 0:
            return self._plausible(container.duration / 1_000_000)
        return None

    @property
    def holdings(self) -> Holdings:
        """What can be known of its length besides its time stamps."""
        is_list = self.container.format.name in _PLAYLISTS
        size = 0 if is_list else self.container.size
        return Holdings(size if size > 0 else None, self.knows_length)

    @property
    def start_s(self) -> float | None:
        """The time stamp at which a player shows 0:00: that of the earliest of sound and picture."""
        import av

        starts = [
            float(stream.start_time * stream.time_base)
            for stream in self.container.streams
            if stream.start_time is not None
            and stream.time_base is not None
            and stream.type in ("audio", "video")
            # A cover picture claims to start at 0 whatever the sound does.
            and not stream.disposition & av.stream.Disposition.attached_pic
        ]
        return min(starts, default=None)

    def _plausible(self, length_s: float) -> float | None:
        most_s = self.holdings.most_s
        return length_s if most_s is None or length_s <= most_s else None

    def close(self) -> None:
        """Close the container."""
        self.container.close()
        if self.file is not None:
            self.file.close()


def open_file(path: Path) -> Media:
    """Open a file; raises AudioError."""
    _check_readable(path)
    name, target = str(path), str(path.absolute())
    # FFmpeg takes "10:30.wav" for a protocol; an absolute path never looks like one. Playlists in disguise may not
    # lead to the network; those of this machine may have keys, and data of their own.
    media = _open(target, name, _FILE_PROTOCOLS)
    if not path.is_file():
        return media  # a pipe, of which nothing can be read twice
    match media.container.format.name:
        case "ogg":
            with path.open("rb") as file:
                is_chained = ogg.is_chained(file)
            if is_chained:
                media.close()
                return _open_chained(path)
        case "mp3":
            with path.open("rb") as file:
                return replace(media, knows_length=has_frame_count(file))
        case "wav":
            with path.open("rb") as file:
                rest = sound_behind_the_end(file)
            if rest:
                media.close()
                media = _open(target, name, _FILE_PROTOCOLS, ignore_length="1")
                media.notes.append(
                    f"Its header names an end {rest / 1000:.0f} kB before the end of the file; all of it was read."
                )
    return media


def _open_chained(path: Path) -> Media:
    file = path.open("rb")
    try:
        return replace(open_chain(file, str(path)), file=file)
    except AudioError:
        file.close()
        raise


def open_address(url: str) -> Media:
    """Open what lies behind `http://` or `https://`; raises AudioError."""
    # What an address says may not make FFmpeg read files of this machine: "file" is no protocol of theirs.
    return _open(url, url, _ADDRESS_PROTOCOLS, timeout=(_CONNECT_S, _READ_S))


def open_stream(stream: ByteStream | BinaryIO, name: str) -> Media:
    """Open a container that comes as a stream of bytes; raises AudioError."""
    return _open(stream, name, "data")


def open_chain(stream: ByteStream | BinaryIO, name: str) -> Media:
    """Open an Ogg that may hold several streams one after the other; raises AudioError."""
    chain = ogg.links(stream.read)
    notes: list[str] = []

    def following() -> Iterator[Media]:
        for link in chain:
            try:
                yield open_stream(link, name)
            except AudioError as error:
                notes.append(f"A part was left out: {error.message}")

    # An empty stream has no links; FFmpeg says what is wrong with it.
    media = open_stream(next(chain, None) or io.BytesIO(), name)
    return replace(media, notes=notes, following=following())


def reason(error: BaseException) -> str:
    """What an error says, on one line and without a full stop."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def _open(
    target: Any, name: str, protocols: str, *, timeout: tuple[float, float] | None = None, **options: str
) -> Media:
    import av

    options |= {"protocol_whitelist": protocols, "allowed_extensions": _LISTED_FILES}
    try:
        # Tags in any old encoding are no reason to refuse a file.
        container = av.open(target, metadata_errors="replace", options=options, timeout=timeout)
    except AudioError:
        raise
    except Exception as error:  # whatever damage makes PyAV raise
        raise _refusal(name, error) from error
    try:
        stream = _choose_stream(container, name)
    except AudioError:
        container.close()
        raise
    return Media(name, container, stream, knows_length=container.format.name not in _GUESSED_LENGTH)


def _refusal(name: str, error: Exception) -> AudioError:
    if isinstance(error, OSError) and is_address(name):
        return AudioError(f"{name} cannot be reached: {_network_reason(name, error)}.", "Check the address.")
    return AudioError(
        f"{name} holds no audio that can be read, or is damaged ({reason(error)}).",
        f"Check that it is a recording: {_FORMATS}.",
    )


def is_address(text: str) -> bool:
    """Whether a text is an address on the network, not the path of a file."""
    return text.lower().startswith(("http://", "https://"))


def _network_reason(url: str, error: OSError) -> str:
    """The reason that FFmpeg gives, or where it only says "Input/output error" the resolver's."""
    try:
        socket.getaddrinfo(urlsplit(url).hostname or "", None)
    except (OSError, ValueError) as unknown:
        return reason(unknown)
    return reason(error)


def _check_readable(path: Path) -> None:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{path} is a folder.", "Name the recordings in it, as in folder/*.mp3.")
        if stat.S_ISREG(status.st_mode):
            # Only a file proper: the first byte of a pipe could not be given back.
            with path.open("rb"):
                pass
            if status.st_size == 0:
                raise AudioError(f"{path} is empty (0 bytes).", "Copy or record it again.")
    except FileNotFoundError as error:
        raise AudioError(f"{path} does not exist.", "Check the path and the spelling.") from error
    except PermissionError as error:
        raise AudioError(f"{path} may not be read: permission denied.", "Change its permissions.") from error
    except (OSError, ValueError) as error:
        message = f"{path} cannot be opened: {reason(error)}."
        raise AudioError(message, "Check the path and the disk.") from error


def _choose_stream(container: InputContainer, name: str) -> av.AudioStream:
    import av

    if not container.streams.audio:
        kind = "is a video without a sound track" if container.streams.video else "has no sound track"
        raise AudioError(f"{name} {kind}.", "Choose a file with sound.")
    best = container.streams.best("audio")
    for stream in (best, *container.streams.audio):
        if isinstance(stream, av.AudioStream) and stream.codec_context is not None:
            return stream
    raise AudioError(
        f"{name} has a sound track in a format that cannot be decoded.",
        "Convert it, for example to flac or mp3.",
    )
