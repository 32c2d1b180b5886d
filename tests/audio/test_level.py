"""Loudness is judged in one place, for whole frames and for utterances that grow."""

import numpy as np
import pytest

from speech3n.audio.level import UtteranceLevels, level_db, may_be_speech
from speech3n.types import FRAME_SAMPLES, Waveform

FRAME_S = FRAME_SAMPLES / 16_000


def frame(decibels: float, samples: int = FRAME_SAMPLES) -> Waveform:
    return np.full(samples, 10 ** (decibels / 20), np.float32)


def levels_of(*blocks: Waveform) -> UtteranceLevels:
    levels = UtteranceLevels()
    for block in blocks:
        levels.append(block)
    return levels


def test_level() -> None:
    assert level_db(np.zeros(0, np.float32)) == pytest.approx(-96)
    assert level_db(np.full(100, 0.1, np.float32)) == pytest.approx(-20)


@pytest.mark.parametrize(("decibels", "expected"), [(-67, False), (-65, True)])
def test_a_frame_below_the_floor_is_no_speech_alone_and_in_an_utterance(decibels: float, expected: bool) -> None:
    assert may_be_speech(frame(decibels)) is expected
    assert levels_of(frame(decibels)).is_silent is not expected


def test_too_little_sound_is_not_called_silent() -> None:
    assert not levels_of(np.zeros(FRAME_SAMPLES - 1, np.float32)).is_silent


def test_speech_lies_between_what_is_far_below_the_peak() -> None:
    sound = np.concatenate([frame(-60), frame(-20), frame(-50), frame(-60), frame(-60), frame(-60, 800)])
    whole, chopped = levels_of(sound), levels_of(*np.split(sound, [100, 2_000, 7_777]))
    assert whole.speech() == chopped.speech() == pytest.approx((FRAME_S, 4 * FRAME_S))
    assert levels_of(np.zeros(4_000, np.float32)).speech() == (0.0, 0.25)


def test_an_utterance_that_is_cut_keeps_its_first_frames() -> None:
    first = levels_of(frame(-80), frame(-80), frame(-20), frame(-80, 800))
    rest = first.split(2)
    assert (first.is_silent, rest.is_silent) == (True, False)
    assert rest.speech() == pytest.approx((0.0, FRAME_S + 0.05))
