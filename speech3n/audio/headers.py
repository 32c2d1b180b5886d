"""What headers claim and FFmpeg takes at its word: the length of an MP3, the end of the sound in a WAV file."""

from __future__ import annotations

import struct
from typing import BinaryIO

_FRAME_COUNTS = (b"Xing", b"Info", b"VBRI")
_FIRST_FRAME_BYTES = 2048
_MOST_CHUNKS = 1000
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"<?xpacket")
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""What programs that write to a pipe put for a size that they do not know yet, and FFmpeg takes for that."""
_STRAY_BYTES = 4096
"""Less than this behind the end of the sound is no sound: a tag, a sector that was filled up."""


def has_frame_count(file: BinaryIO) -> bool:
    """Whether the first frame of an MP3 says how many there are; else its length is a guess from its bit rate."""
    file.seek(0)
    head = file.read(10)
    tag_bytes = 0
    if head[:3] == b"ID3" and len(head) == 10:
        tag_bytes = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    file.seek(tag_bytes)
    first = file.read(_FIRST_FRAME_BYTES)
    return any(mark in first for mark in _FRAME_COUNTS)


def sound_behind_the_end(file: BinaryIO) -> int:
    """Bytes behind the end that the header of a WAV file names for its sound, and that are sound all the same.

    Sizes wrap at 4 GB, and recorders that die leave those of their last save. What follows the sound as chunks or
    tags, or is empty, does not count. 0 for any other file.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return 0
    position = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        chunk = file.read(8)
        if len(chunk) < 8:
            return 0
        name, length = struct.unpack("<4sI", chunk)
        position += 8
        if name == b"data":
            break
        position += length + length % 2
    else:
        return 0
    rest = size - position - length
    if length in _UNKNOWN_SIZES or rest < _STRAY_BYTES or _are_chunks(file, position + length, size):
        return 0
    return int(rest)


def _are_chunks(file: BinaryIO, position: int, size: int) -> bool:
    """Whether all from here to the end is chunks, a tag, or nothing."""
    file.seek(position)
    start = file.read(_STRAY_BYTES)
    if not any(start) or start.startswith(_TAGS):
        return True
    position += position % 2
    for _ in range(_MOST_CHUNKS):
        if size - position < 8:
            return True
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        position += 8 + length + length % 2
        if not (name.isascii() and name.decode("ascii").isprintable()) or position > size + 1:
            return False
    return True
