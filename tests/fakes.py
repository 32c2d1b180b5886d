"""Stand-ins for what a test is not about: an engine without weights, a source without a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec
import numpy as np

from speech3n.engines.base import EngineInfo, StreamOptions
from speech3n.journal.events import SegmentRecord
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Hypothesis, Segment, Waveform, Word

WORD_S = 0.4


class FakeEngine:
    """Finds a word every 0.4 s, `w0 w1 ...`, and is unsure of the newest one."""

    def __init__(self, on_decode: Callable[[float], None] = lambda _: None) -> None:
        self.info = EngineInfo("fake", frozenset({"en", "es"}), frozenset({"transcribe", "translate"}))
        self.on_decode = on_decode
        self.opened: list[StreamOptions] = []
        self.accepted: list[Waveform] = []

    def open_stream(self, options: StreamOptions) -> FakeStream:
        self.opened.append(options)
        return FakeStream(self, options)

    def close(self) -> None:
        pass


class FakeStream:
    def __init__(self, engine: FakeEngine, options: StreamOptions) -> None:
        self._engine = engine
        self._options = options
        self._pcm: Waveform = np.zeros(0, np.float32)
        self._finished = False

    def accept_waveform(self, pcm: Waveform) -> None:
        self._pcm = np.concatenate([self._pcm, pcm])

    def cut(self, samples: int, words: int) -> Hypothesis:
        self._engine.accepted.append(self._pcm[:samples])
        self._pcm = self._pcm[samples:]
        said = tuple(Word(f"w{i}", i * WORD_S, (i + 1) * WORD_S, 0.9) for i in range(words))
        translation = tuple(f"t{i}" for i in range(words)) if self._options.translate else None
        return Hypothesis(said, self._options.language or "es", 0.9, translation, samples / SAMPLE_RATE)

    def input_finished(self) -> None:
        self._finished = True
        self._engine.accepted.append(self._pcm)

    def decode(self) -> Hypothesis | None:
        audio_s = len(self._pcm) / SAMPLE_RATE
        self._engine.on_decode(audio_s)
        count = max(1, int(audio_s / WORD_S))
        words = [Word(f"w{i}", i * WORD_S, (i + 1) * WORD_S, 0.9) for i in range(count)]
        if not self._finished:
            words[-1] = Word(f"guess{count}", words[-1].start, audio_s, 0.3)
        translation = tuple(f"t{i}" for i in range(count)) if self._options.translate else None
        return Hypothesis(tuple(words), self._options.language or "es", 0.9, translation, audio_s)


class FakeSource:
    """Frames from an array; raises `error` after them."""

    def __init__(self, pcm: Waveform, *, is_live: bool = False, error: Exception | None = None) -> None:
        self.name = "fake"
        self.warnings: list[str] = []
        self.duration_s: float | None = None if is_live else len(pcm) / SAMPLE_RATE
        self.is_live = is_live
        self.closed = False
        self._pcm = pcm
        self._error = error

    def frames(self) -> Iterator[Waveform]:
        yield from frames(self._pcm)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed = True


def frames(pcm: Waveform) -> Iterable[Waveform]:
    """Frames of 160 ms, the last one shorter."""
    return (pcm[start : start + FRAME_SAMPLES] for start in range(0, len(pcm), FRAME_SAMPLES))


def parse_segment(record: object) -> Segment:
    """A segment from its JSON object, as a session's folder is read."""
    return msgspec.convert(record, SegmentRecord).segment()
