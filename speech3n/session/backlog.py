"""Audio on its way from the capture thread to the recogniser: newest in memory, older on disk, never silently lost."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from speech3n.errors import StorageError
from speech3n.journal.recording import Recording
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Gap, Notice, Waveform

WhenBehind = Literal["wait", "skip"]

_MEMORY_SAMPLES = 30 * SAMPLE_RATE
_CATCH_UP_SAMPLES = 2 * SAMPLE_RATE
"""After skipping, this much of the newest audio is still recognised."""
_AT_ONCE_SAMPLES = 10 * SAMPLE_RATE
"""What waits too long is skipped in such pieces: of sound that lacks every other frame nothing is recognised."""


@dataclass(frozen=True, slots=True)
class BacklogLimit:
    """How far recognition may fall behind, and what happens then.

    With `wait` audio queues on disk; beyond `max_lag_s` a file or pipe is read no further and of a microphone
    the oldest audio is skipped. With `skip` recognition jumps to the newest audio as soon
    as it is `max_lag_s` behind. Whatever is skipped is reported as a Gap and stays in the recording.
    """

    when_behind: WhenBehind = "wait"
    max_lag_s: float = 3600.0


class Backlog:
    """A first-in first-out buffer between two threads; positions are samples from the start of the stream."""

    def __init__(self, recording: Recording | None, limit: BacklogLimit) -> None:
        self._recording = recording
        self._limit = limit
        self._frames: deque[Waveform] = deque()
        self._in_memory = 0
        self._read = 0
        self._changed = threading.Condition()
        self._closed = False
        self._reports: deque[Gap | Notice] = deque()
        self._lost: deque[tuple[int, int]] = deque()
        """Stretches not yet read that are neither in memory nor on disk."""
        self.written = 0
        self.dropped = 0

    @property
    def lag(self) -> int:
        """Samples written and not yet read."""
        return self.written - self._read

    def write(self, frame: Waveform, *, may_block: bool) -> None:
        """Append a frame; with `may_block` wait for room where the backlog is full."""
        longest = room = round(self._limit.max_lag_s * SAMPLE_RATE)
        if self._recording is None or self._recording.is_failing:
            room = min(room, _MEMORY_SAMPLES // 2)
        with self._changed:
            if may_block and self._limit.when_behind == "wait":
                self._changed.wait_for(lambda: not self.lag or self.lag + len(frame) <= room or self._closed)
        self._record(frame)
        with self._changed:
            self._frames.append(frame)
            self._in_memory += len(frame)
            self.written += len(frame)
            while self._in_memory > _MEMORY_SAMPLES:
                self._forget_oldest()
            if self.lag > longest:
                keep = min(_CATCH_UP_SAMPLES, longest // 2) if self._limit.when_behind == "skip" else _left(longest)
                self._skip_to(self.written - keep)
            self._changed.notify_all()

    def read(self, timeout_s: float) -> tuple[int, Waveform] | None:
        """The next audio [T <= a few frames] and its position; None where nothing came within `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self.lag > 0 or self._closed, timeout_s)
            self._skip_lost()
            if self.lag == 0:
                return None
            start = self._read
            memory_start = self.written - self._in_memory
            if start >= memory_start:
                pcm = self._from_memory(start - memory_start)
            else:
                end = min([memory_start, *(first for first, _ in self._lost)])
                pcm = self._from_disk(start, min(FRAME_SAMPLES, end - start))
                if not len(pcm):
                    # The recording was removed, or cannot be read any more; captions go on.
                    self._skip_to(end)
                    return None
            self._read += len(pcm)
            self._changed.notify_all()
            return start, pcm

    def report(self, notice: Notice) -> None:
        """Have a notice among the next reports."""
        with self._changed:
            self._reports.append(notice)

    def reports(self) -> list[Gap | Notice]:
        """What happened since the last call that people should know."""
        with self._changed:
            reports, self._reports = list(self._reports), deque()
        return reports

    def close(self) -> None:
        """Let go of whoever waits; what was written can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether no more audio will come."""
        return self._closed

    def _record(self, frame: Waveform) -> None:
        notice = self._recording.append(frame) if self._recording is not None else None
        if notice is not None:
            self.report(notice)

    def _forget_oldest(self) -> None:
        """Drop the oldest frame from memory; where it is not on disk and not yet read it is lost."""
        start = self.written - self._in_memory
        frame = self._frames.popleft()
        end = start + len(frame)
        self._in_memory -= len(frame)
        if self._read >= end or (self._recording is not None and self._recording.holds(start, end)):
            return
        if self._read >= start:
            self._skip_to(max(end, self.written - _left(_MEMORY_SAMPLES)))
            return
        if self._lost and self._lost[-1][1] == start:
            start = self._lost.pop()[0]
        self._lost.append((start, end))

    def _skip_lost(self) -> None:
        """Go on after what is neither in memory nor on disk, where it comes next."""
        if self._lost and self._read >= self._lost[0][0]:
            self._skip_to(self._lost.popleft()[1])

    def _skip_to(self, position: int) -> None:
        if position <= self._read:
            return
        self._reports.append(Gap(self._read / SAMPLE_RATE, position / SAMPLE_RATE))
        self.dropped += position - self._read
        self._read = position
        while self._lost and self._lost[0][1] <= position:
            self._lost.popleft()
        self._changed.notify_all()

    def _from_disk(self, start: int, count: int) -> Waveform:
        """Audio from the recording; nothing where it is not there any more."""
        assert self._recording is not None
        try:
            return self._recording.read(start, count)
        except StorageError:
            return np.zeros(0, np.float32)

    def _from_memory(self, offset: int) -> Waveform:
        for frame in self._frames:
            if offset < len(frame):
                return frame[offset:]
            offset -= len(frame)
        return np.zeros(0, np.float32)


def _left(samples: int) -> int:
    """How much of so much audio that waits is left when the oldest piece of it is skipped."""
    return max(samples - _AT_ONCE_SAMPLES, samples // 2)
