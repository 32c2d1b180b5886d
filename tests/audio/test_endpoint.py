"""Utterances begin with speech and end at pauses, the sooner the longer they are."""

import itertools
from collections.abc import Iterable

from speech3n.audio.endpoint import EndpointConfig, Endpointer
from speech3n.audio.vad import SLOT_SAMPLES
from speech3n.types import SAMPLE_RATE

CONFIG = EndpointConfig(pause_s=0.7, shortest_pause_s=0.1, max_utterance_s=10.0, pre_roll_s=0.4)


def slots(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / SLOT_SAMPLES)


def pattern(*stretches: tuple[bool, float]) -> Iterable[bool]:
    for is_speech, seconds in stretches:
        yield from [is_speech] * slots(seconds)


def utterances(endpointer: Endpointer, decisions: Iterable[bool]) -> list[tuple[float, float]]:
    found = []
    for decision in decisions:
        if endpointer.push(decision):
            assert endpointer.utterance is not None
            found.append((endpointer.utterance.start / SAMPLE_RATE, endpointer.utterance.speech_end / SAMPLE_RATE))
            endpointer.close(endpointer.utterance.speech_end)
    return found


def test_an_utterance_is_the_speech_with_some_sound_before_it() -> None:
    (found,) = utterances(Endpointer(CONFIG), pattern((False, 2), (True, 1.6), (False, 2)))
    assert abs(found[0] - 1.6) < 0.05
    assert abs(found[1] - 3.6) < 0.05


def test_a_short_pause_does_not_end_a_short_utterance() -> None:
    assert len(utterances(Endpointer(CONFIG), pattern((True, 1), (False, 0.4), (True, 1), (False, 2)))) == 1


def test_the_same_pause_ends_a_long_utterance() -> None:
    assert len(utterances(Endpointer(CONFIG), pattern((True, 8), (False, 0.4), (True, 1), (False, 2)))) == 2


def test_a_click_is_no_utterance() -> None:
    assert not utterances(Endpointer(CONFIG), pattern((False, 1), (True, 0.1), (False, 2)))


def test_utterances_do_not_overlap() -> None:
    found = utterances(Endpointer(CONFIG), pattern(*[(True, 0.5), (False, 0.75)] * 6))
    assert len(found) == 6
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(found))


def test_after_a_cut_the_rest_is_an_utterance() -> None:
    endpointer = Endpointer(CONFIG)
    for decision in pattern((True, 10)):
        endpointer.push(decision)
    endpointer.cut(8 * SAMPLE_RATE)
    assert endpointer.utterance is not None
    assert endpointer.utterance.start == 8 * SAMPLE_RATE
    assert 1.9 < endpointer.length_s < 2.1
