"""What a person names as a source of sound, opened: a file, an address, a named pipe, `-` for stdin, `mic`.

A program may also give blocks of samples, or a source that is open already.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import TypeAlias

from speech3n.audio.blocks import Blocks, BlockSource
from speech3n.audio.media import is_address
from speech3n.audio.microphone import Microphone
from speech3n.audio.pcm import PcmFormat
from speech3n.audio.pipe import PipeSource
from speech3n.audio.source import AddressSource, AudioSource, FileSource
from speech3n.errors import AudioError

STDIN = "-"
MICROPHONE = "mic"

Input: TypeAlias = str | Path | AudioSource | Blocks
"""What `open_source` takes: a name, a file, a source that is open already, or blocks of samples."""

_RAW_PCM = PcmFormat()


def open_source(source: Input, *, device: str | None = None, pcm: PcmFormat = _RAW_PCM) -> AudioSource:
    """Open a source by what it is called; a Path is always a file. Raises AudioError where it cannot be opened.

    `device` is the number or a part of the name of a microphone; `pcm` is what stdin holds where it does not begin
    as a container, and the rate and the channels of blocks. Pipes and microphones are opened by their `frames`, and
    only once: that may wait for someone to write.
    """
    if not isinstance(source, str | Path):
        return source if isinstance(source, AudioSource) else BlockSource(source, pcm.sample_rate, pcm.channels)
    if source == STDIN:
        if sys.stdin is None:
            raise AudioError("stdin is closed.", "Pipe sound into it, or name a file.")
        return PipeSource(sys.stdin.buffer, pcm)
    if source == MICROPHONE:
        return Microphone(int(device) if device is not None and device.isdecimal() else device)
    if isinstance(source, str) and is_address(source):
        return AddressSource(source)
    path = Path(source)
    return PipeSource(path, name=str(path)) if is_pipe(path) else FileSource(path)


def is_pipe(path: Path) -> bool:
    """Whether a path can be read only once, from its beginning to its end: a named pipe or a device."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)
