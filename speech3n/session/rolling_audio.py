"""The newest audio of a stream, addressed by its position in the stream."""

from __future__ import annotations

import numpy as np

from speech3n.types import Waveform


class RollingAudio:
    """Samples `start` to `end` of a stream; what is older was let go."""

    def __init__(self) -> None:
        self._pcm: Waveform = np.zeros(0, np.float32)
        self.start = 0

    @property
    def end(self) -> int:
        """The sample after the newest one."""
        return self.start + len(self._pcm)

    def append(self, pcm: Waveform) -> None:
        """Add the audio [T] that follows."""
        self._pcm = np.concatenate([self._pcm, pcm])

    def slice(self, start: int, end: int) -> Waveform:
        """The audio [end - start] between two samples of the stream."""
        assert self.start <= start <= end <= self.end, "audio that was discarded or has not come yet"
        return self._pcm[start - self.start : end - self.start]

    def discard(self, before: int) -> None:
        """Let go of what is older than sample `before`."""
        drop = max(0, before - self.start)
        self._pcm = self._pcm[drop:]
        self.start += drop

    def jump(self, position: int) -> None:
        """Go on at a later sample, with nothing kept."""
        self._pcm, self.start = np.zeros(0, np.float32), position
