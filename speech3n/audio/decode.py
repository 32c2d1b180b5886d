"""Recordings and videos through PyAV (FFmpeg): opened with clear errors, decoded past damage, as float."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speech3n.errors import AudioError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

_FORMATS = "wav, flac, mp3, m4a, ogg, opus, webm, mp4 and mkv among others can be read"
_FAILED_READS_IN_A_ROW = 10
"""Reads that may fail one after the other before the rest of a file is given up."""

# ITU-R BS.775, 3 dB lower, so that a front pair gives its mean, as plain stereo does. The centre, where the
# dialogue is, comes out loudest; effects are left out.
_CHANNEL_WEIGHTS = {"FL": 0.5, "FR": 0.5, "FC": 0.5**0.5, "LFE": 0.0, "LFE2": 0.0}
_SURROUND_WEIGHT = 0.5**1.5


def open_audio(path: Path) -> tuple[InputContainer, av.AudioStream]:
    """Open a file and choose its sound track; raises AudioError that says what is wrong with the file."""
    import av

    _check_readable(path)
    try:
        # FFmpeg takes "10:30.wav" for a protocol; an absolute path never looks like one. Playlists in
        # disguise may not lead to the network; tags in any old encoding are no reason to refuse a file.
        container = av.open(str(path.absolute()), metadata_errors="replace", options={"protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(
            f"{path} holds no audio that can be read, or is damaged ({_reason(error)}).",
            f"Check that it is a recording: {_FORMATS}.",
        ) from error
    try:
        return container, _choose_stream(container, path)
    except AudioError:
        container.close()
        raise


def duration_s(container: InputContainer, stream: av.AudioStream) -> float | None:
    """Return the length that the file claims, in seconds, or None where it makes no claim."""
    if container.duration is not None and container.duration > 0:
        return container.duration / 1_000_000
    return announced_s(container, stream)


def announced_s(container: InputContainer, stream: av.AudioStream) -> float | None:
    """Return the length that the file announces for its sound alone, or None."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if len(container.streams) == 1 and container.duration is not None and container.duration > 0:
        return container.duration / 1_000_000
    return None


def start_s(container: InputContainer) -> float | None:
    """Return the time stamp at which a player shows 0:00: that of the earliest of sound and picture."""
    import av

    starts = [
        float(stream.start_time * stream.time_base)
        for stream in container.streams
        if stream.start_time is not None
        and stream.time_base is not None
        and stream.type in ("audio", "video")
        # A cover picture claims to start at 0 whatever the sound does.
        and not stream.disposition & av.stream.Disposition.attached_pic
    ]
    return min(starts, default=None)


def decode(container: InputContainer, stream: av.AudioStream, warnings: list[str]) -> Iterator[av.AudioFrame]:
    """Yield all frames that can be decoded; what is damaged is skipped, and `warnings` says so at the end."""
    import av

    damaged = 0
    try:
        for packet in _packets(container, stream):
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                damaged += 1
                continue
            yield from frames
    except (av.FFmpegError, ValueError) as error:
        warnings.append(f"Reading stopped early: {_reason(error)}.")
    if damaged:
        warnings.append(f"{damaged} damaged packet{'s' if damaged > 1 else ''} skipped.")


def _packets(container: InputContainer, stream: av.AudioStream) -> Iterator[av.Packet[av.AudioStream]]:
    import av

    failures = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, ValueError) as error:
            failures += 1
            if failures == _FAILED_READS_IN_A_ROW or isinstance(error, OSError):
                raise
            # A generator that raised is spent; a new one goes on where the file was left.
            packets = container.demux(stream)
            continue
        if packet is None:
            return
        failures = 0
        yield packet


def samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Return the samples of a frame as float32 [T, C], full scale -1..1."""
    pcm = frame.to_ndarray()
    pcm = pcm.T if frame.format.is_planar else pcm.reshape(-1, frame.layout.nb_channels)
    sound: NDArray[np.float32] = pcm.astype(np.float32, copy=False)
    if pcm.dtype == np.uint8:
        return (sound - np.float32(128)) / np.float32(128)
    if np.issubdtype(pcm.dtype, np.integer):
        return sound / np.float32(2 ** (8 * pcm.dtype.itemsize - 1))
    return sound


def mix_weights(layout: av.AudioLayout) -> list[float]:
    """Return what each channel adds to mono: the mean, or the mono row of ITU-R BS.775 for surround sound."""
    names = [channel.name for channel in layout.channels]
    weights = [_CHANNEL_WEIGHTS.get(name, _SURROUND_WEIGHT) for name in names]
    # Several channels without names are the tracks of a recorder, not loudspeakers.
    if len(names) < 3 or len(names) != layout.nb_channels or not {"FL", "FC"} & set(names):
        return [1 / layout.nb_channels] * layout.nb_channels
    return weights


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
        message = f"{path} cannot be opened: {_reason(error)}."
        raise AudioError(message, "Check the path and the disk.") from error


def _choose_stream(container: InputContainer, path: Path) -> av.AudioStream:
    import av

    if not container.streams.audio:
        kind = "is a video without a sound track" if container.streams.video else "has no sound track"
        raise AudioError(f"{path} {kind}.", "Choose a file with sound.")
    best = container.streams.best("audio")
    for stream in (best, *container.streams.audio):
        if isinstance(stream, av.AudioStream) and stream.codec_context is not None:
            return stream
    raise AudioError(
        f"{path} has a sound track in a format that cannot be decoded.",
        "Convert it, for example to flac or mp3.",
    )


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__
