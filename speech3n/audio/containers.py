"""What a stream of bytes is by how it begins: a container that FFmpeg reads, or nothing known, such as raw PCM.

FFmpeg guesses too, but it always guesses something: raw samples of quiet sound look like MPEG to it.
"""

from __future__ import annotations

HEAD_BYTES = 4096
"""Bytes that tell what a stream is: the longest three frames of MP3, less than 130 ms of 16 kHz PCM."""

# Offset and mark. The marks of formats that begin with a synchronisation word are too short to be believed once.
_MARKS = (
    (0, b"RIFF"),
    (0, b"RIFX"),
    (0, b"RF64"),
    (0, b"BW64"),
    (0, b"riff\x2e\x91\xcf\x11"),  # Sony Wave64
    (0, b"fLaC"),
    (0, b"OggS"),
    (0, b"ID3"),
    (0, b"FORM"),  # AIFF
    (0, b".snd"),  # AU
    (0, b"caff"),
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # ASF: WMA, WMV
    (0, b"FLV\x01"),
    (0, b"#!AMR"),
    (0, b"wvpk"),
    (0, b"MAC "),  # Monkey's Audio
    (0, b"TTA1"),
    (0, b"MP+"),  # Musepack
    (0, b"MPCK"),
    (0, b".RMF"),  # RealMedia
    (0, b"\x00\x00\x01\xba"),  # MPEG program stream
    (4, b"ftyp"),  # MP4, M4A, 3GP, MOV
    (4, b"moov"),
    (4, b"mdat"),
    (4, b"wide"),
)
_TS_PACKETS = ((0, 188), (4, 192))
"""Offset of the first 0x47 and distance to the next, in MPEG transport streams of files and of Blu-ray."""

_MPEG_RATES = (44_100, 48_000, 32_000)
_MPEG1_KBIT = {
    1: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_MPEG2_KBIT = {
    1: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_FRAMES_BELIEVED = 3
"""Headers in a row, each where the one before says, that make a stream of MPEG audio or ADTS."""
_HEADER_BYTES = 7
_ADTS_CHANNEL_BYTES = 768
"""The most that a frame of AAC takes for each channel (ISO/IEC 13818-7)."""


def is_container(head: bytes) -> bool:
    """Whether the first HEAD_BYTES of a stream (or all of it) are those of a container or a self-framing codec."""
    return (
        any(head.startswith(mark, offset) for offset, mark in _MARKS)
        or _is_transport_stream(head)
        or _has_framed_audio(head)
    )


def needs_seeking(head: bytes) -> bool:
    """Whether what is needed to decode a container may stand at its end: MP4 without its index first, and CAF."""
    if head.startswith(b"caff"):
        return True
    if head[4:8] not in (b"ftyp", b"mdat", b"wide"):
        return False
    offset = 0
    while offset + 8 <= len(head):
        size, kind = int.from_bytes(head[offset : offset + 4]), head[offset + 4 : offset + 8]
        if kind in (b"moov", b"moof"):
            return False
        if size < 8 or kind == b"mdat":
            return True
        offset += size
    return True


def _is_transport_stream(head: bytes) -> bool:
    return any(
        len(head) > first + 4 * distance
        and all(_is_transport_packet(head[start : start + 4]) for start in range(first, len(head), distance))
        for first, distance in _TS_PACKETS
    )


def _is_transport_packet(header: bytes) -> bool:
    """Whether a packet begins so (ISO/IEC 13818-1): it is no transport error, and has a payload or an adaptation.

    Of samples that are all the same the first byte alone would not tell it.
    """
    whole = header.ljust(4, b"\x10")
    return whole[0] == 0x47 and not whole[1] & 0x80 and bool(whole[3] & 0x30)


def _has_framed_audio(head: bytes) -> bool:
    """Whether frames of MP3, MP2 or ADTS follow one another, from anywhere: radio is joined in the middle of one."""
    start = head.find(b"\xff")
    while start >= 0:
        if _has_chain(head, start):
            return True
        start = head.find(b"\xff", start + 1)
    return False


def _has_chain(head: bytes, offset: int) -> bool:
    """Whether headers of one kind follow one another from `offset` to the end of what is here."""
    frames = 0
    first: bytes | None = None
    while offset + _HEADER_BYTES <= len(head):
        size, kind = _framed(head[offset : offset + _HEADER_BYTES])
        if not size or kind != (first or kind):
            return False
        if head.find(head[offset : offset + 4], offset + 1, offset + size) >= 0:
            return False  # a steady tone, which repeats itself oftener than frames do
        first = kind
        offset += size
        frames += 1
    return frames >= _FRAMES_BELIEVED


def _framed(header: bytes) -> tuple[int, bytes]:
    """Size of the frame that begins with this header, 0 where it is none, and what all frames of a stream share."""
    if header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0, b""
    return _adts_frame(header) if header[1] & 0xF6 == 0xF0 else _mpeg_frame(header)


def _adts_frame(header: bytes) -> tuple[int, bytes]:
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    channels = (header[2] & 1) << 2 | header[3] >> 6
    is_frame = _HEADER_BYTES < size <= _ADTS_CHANNEL_BYTES * (channels or 8) and header[2] >> 2 & 15 < 13
    return (size if is_frame else 0), bytes((header[1], header[2], header[3] & 0xF0))


def _mpeg_frame(header: bytes) -> tuple[int, bytes]:
    kind = bytes((header[1], header[2] & 0x0C))
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bit_rate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return 0, kind
    kbit = (_MPEG1_KBIT if version == 3 else _MPEG2_KBIT)[layer][bit_rate - 1]
    hertz = _MPEG_RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    padding = header[2] >> 1 & 1
    if layer == 1:
        return 4 * (12_000 * kbit // hertz + padding), kind
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * 1000 * kbit // hertz + padding, kind
