"""Whether a checkpoint recites what it was to learn, heard as the engine hears it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from speech3n.models.gemma3n.incremental import IncrementalDecoder, SharedModel
from speech3n.training.memorise.crops import as_cut_by_session, as_recorded, nobody
from speech3n.training.memorise.passages import Passage
from speech3n.training.tasks import Desk, Question, questions_about
from speech3n.types import SAMPLE_RATE, Waveform

_LONGEST_ANSWER = 200
_STEPS_S = (0.48, 0.64)
"""Audio between two hypotheses of a growing utterance."""
_NOISES = 12
_NOISE_SEED = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that is not the right one."""

    sound: str
    question: Question
    expected: str
    answer: str

    def __str__(self) -> str:
        return f"{self.sound}, {self.question}: {self.answer!r} instead of {self.expected!r}"


@dataclass(frozen=True, slots=True)
class Recital:
    """How many answers were asked for, and which were wrong."""

    asked: int
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return f"{self.asked - len(self.faults)} of {self.asked} right"

    def __add__(self, other: Recital) -> Recital:
        return Recital(self.asked + other.asked, self.faults + other.faults)


def recite_whole(shared: SharedModel, desk: Desk, passages: Sequence[Passage]) -> Recital:
    """Passages as recorded and as a session cuts them, each asked everything; and sounds in which nobody speaks."""
    asked, faults = 0, []
    for sound, waveform, question, expected in [*_whole(passages), *_nobody(passages)]:
        decoder = IncrementalDecoder(shared, desk.prompt(question))
        decoder.append_audio(waveform)
        decoder.finish()
        answer, _ = _ask(decoder, desk, ())
        asked += 1
        if answer != expected:
            faults.append(Fault(sound, question, expected, answer))
    return Recital(asked, tuple(faults))


def recite_growing(shared: SharedModel, desk: Desk, passages: Sequence[Passage]) -> Recital:
    """Passages that come in bit by bit: what is said twice in a row must be right, and at the end everything."""
    asked, faults = 0, []
    for passage in passages:
        heard = as_cut_by_session(passage).waveform
        for question, step_s in product(questions_about(passage.language), _STEPS_S):
            decoder = IncrementalDecoder(shared, desk.prompt(question))
            answers = _answers(decoder, desk, heard, round(step_s * SAMPLE_RATE))
            whole = question.answer(*passage.whole)
            asked += 1
            wrong = answers[-1] if answers[-1] != whole else _first_wrong(whole, answers)
            if wrong is not None:
                faults.append(Fault(f"{passage.name}, growing by {step_s} s", question, whole, wrong))
    return Recital(asked, tuple(faults))


def _answers(decoder: IncrementalDecoder, desk: Desk, waveform: Waveform, step: int) -> list[str]:
    """What is answered after each `step` samples."""
    draft: tuple[int, ...] = ()
    answers = []
    for start in range(0, len(waveform), step):
        decoder.append_audio(waveform[start : start + step])
        if start + step >= len(waveform):
            decoder.finish()
        answer, draft = _ask(decoder, desk, draft)
        answers.append(answer)
    return answers


def _whole(passages: Sequence[Passage]) -> Iterator[tuple[str, Waveform, Question, str]]:
    for passage in passages:
        for question in questions_about(passage.language):
            expected = question.answer(*passage.whole)
            yield f"{passage.name}, as recorded", as_recorded(passage).waveform, question, expected
            yield f"{passage.name}, as cut", as_cut_by_session(passage).waveform, question, expected


def _nobody(passages: Sequence[Passage]) -> Iterator[tuple[str, Waveform, Question, str]]:
    random = np.random.default_rng(_NOISE_SEED)
    noises = [nobody(random) for _ in range(_NOISES)]
    for language in sorted({passage.language for passage in passages}):
        for question in questions_about(language):
            for number, noise in enumerate(noises):
                yield f"noise {number}", noise, question, ""


def _ask(decoder: IncrementalDecoder, desk: Desk, draft: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    generated = decoder.generate(draft, stop=(desk.end_of_turn,), limit=_LONGEST_ANSWER)
    return desk.text(generated.tokens), generated.tokens


def _first_wrong(whole: str, answers: Sequence[str]) -> str | None:
    """The first answer of which captions would keep words that are wrong: those that the next answer has too."""
    right = whole.split("\n")
    for answer, following in pairwise(answers):
        for said, confirmed, line in zip(answer.split("\n"), following.split("\n"), right, strict=False):
            kept = _common(said.split(), confirmed.split())
            if kept != line.split()[: len(kept)]:
                return answer
    return None


def _common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    same = []
    for word, counterpart in zip(one, other, strict=False):
        if word != counterpart:
            break
        same.append(word)
    return same
