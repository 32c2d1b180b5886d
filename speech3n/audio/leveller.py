"""Very quiet sound made loud enough for a detector to tell what it is, and freed of a constant offset."""

from __future__ import annotations

import numpy as np

from speech3n.audio.level import level_db, power
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Waveform

_QUIET_DB = -40.0
"""Sound whose loudest frames are below this is raised to it; ordinary recordings stay as they are, to the bit."""
_MOST_GAIN_DB = 35.0
_FORGOTTEN_DB = 0.25 * FRAME_SAMPLES / SAMPLE_RATE
"""A quarter of a dB a second: what was loud a minute ago still says that this is no quiet recording."""
_OFFSET_MEMORY = 0.8
_OFFSET_SHARE = 0.25
"""An offset that makes up more than this part of the power is a fault of the recording, not speech."""


class Leveller:
    """Take a constant offset out of frames, and raise those of very quiet recordings by a gain that grows slowly.

    A loud frame takes the gain back at once: nothing is made louder than -40 dB full scale.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._loudest_db: float | None = None

    def push(self, frame: Waveform) -> Waveform:
        """Return a frame as a detector should get it: the same one, where nothing is wrong with it."""
        frame = self._without_offset(frame)
        level = level_db(frame)
        self._loudest_db = level if self._loudest_db is None else max(level, self._loudest_db - _FORGOTTEN_DB)
        gain_db = min(_QUIET_DB - self._loudest_db, _MOST_GAIN_DB)
        return frame if gain_db <= 0 else frame * np.float32(10 ** (gain_db / 20))

    def _without_offset(self, frame: Waveform) -> Waveform:
        mean = float(np.mean(frame, dtype=np.float64))
        before = mean if self._offset is None else self._offset
        self._offset = _OFFSET_MEMORY * before + (1 - _OFFSET_MEMORY) * mean
        return frame - np.float32(self._offset) if self._offset**2 > _OFFSET_SHARE * float(power(frame)) else frame
