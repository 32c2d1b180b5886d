"""What small sets in the formats of the public ones are made of: text files, and sines for speech."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

_CODECS = {
    ".flac": ("flac", "s16"),
    ".mp3": ("libmp3lame", "s16p"),
    ".opus": ("libopus", "s16"),
    ".wav": ("pcm_s16le", "s16"),
}
_RATE = 16_000


def write_sine(path: Path, seconds: float = 0.5) -> Path:
    """Write so many seconds of a sine in the codec of the suffix, and make the folder."""
    codec, sample_format = _CODECS[path.suffix]
    time = np.arange(round(seconds * _RATE)) / _RATE
    samples = (8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=_RATE, layout="mono", format=sample_format)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = _RATE
        for resampled in av.AudioResampler(sample_format, "mono", _RATE).resample(frame):
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))
    return path


def write_lines(path: Path, *lines: str) -> Path:
    """Write lines as UTF-8, and make the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def write_table(path: Path, *rows: dict[str, str]) -> Path:
    """Write rows as a TSV file with the names of the first one's columns above."""
    return write_lines(path, "\t".join(rows[0]), *("\t".join(row.values()) for row in rows))
