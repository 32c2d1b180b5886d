"""The memorisation check: whether a checkpoint recites, decoded as the engine does, what it learned, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from speech3n.models.gemma3n.incremental import IncrementalDecoder, SharedModel
from speech3n.training.memorise.crops import as_cut_by_session, as_recorded, noise_alone
from speech3n.training.memorise.passages import Passage
from speech3n.training.tasks import PromptEncoder, Task, tasks_for
from speech3n.types import SAMPLE_RATE, Waveform

_LONGEST_ANSWER = 200
_STEPS_S = (0.48, 0.64)
"""Audio between two hypotheses of a growing utterance."""
_NOISES = 12
_NOISE_SEED = 1


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """An answer that is not the right one."""

    sound: str
    task: Task
    expected: str
    answer: str

    def __str__(self) -> str:
        return f"{self.sound}, {self.task}: {self.answer!r} instead of {self.expected!r}"


@dataclass(frozen=True, slots=True)
class MemorisationCheck:
    """How many answers were asked for, and which were wrong."""

    asked: int
    wrong_answers: tuple[WrongAnswer, ...]

    def __str__(self) -> str:
        return f"{self.asked - len(self.wrong_answers)} of {self.asked} right"

    def __add__(self, other: MemorisationCheck) -> MemorisationCheck:
        return MemorisationCheck(self.asked + other.asked, self.wrong_answers + other.wrong_answers)


def check_whole(shared: SharedModel, prompts: PromptEncoder, passages: Sequence[Passage]) -> MemorisationCheck:
    """Passages as recorded and as a session cuts them, each asked everything; and sounds in which nobody speaks."""
    asked, wrong_answers = 0, []
    for sound, waveform, task, expected in [*_whole(passages), *_noises(passages)]:
        decoder = IncrementalDecoder(shared, prompts.prompt(task))
        decoder.append_audio(waveform)
        decoder.finish()
        answer, _ = _ask(decoder, prompts, ())
        asked += 1
        if answer != expected:
            wrong_answers.append(WrongAnswer(sound, task, expected, answer))
    return MemorisationCheck(asked, tuple(wrong_answers))


def check_growing(shared: SharedModel, prompts: PromptEncoder, passages: Sequence[Passage]) -> MemorisationCheck:
    """Passages that come in bit by bit: what is said twice in a row must be right, and at the end everything."""
    asked, wrong_answers = 0, []
    for passage in passages:
        waveform = as_cut_by_session(passage).waveform
        for task, step_s in product(tasks_for(passage.language), _STEPS_S):
            decoder = IncrementalDecoder(shared, prompts.prompt(task))
            answers = _answers(decoder, prompts, waveform, round(step_s * SAMPLE_RATE))
            whole = task.answer(*passage.whole)
            asked += 1
            wrong = answers[-1] if answers[-1] != whole else _first_wrong(whole, answers)
            if wrong is not None:
                wrong_answers.append(WrongAnswer(f"{passage.name}, growing by {step_s} s", task, whole, wrong))
    return MemorisationCheck(asked, tuple(wrong_answers))


def _answers(decoder: IncrementalDecoder, prompts: PromptEncoder, waveform: Waveform, step: int) -> list[str]:
    """The answer after each `step` samples."""
    draft: tuple[int, ...] = ()
    answers = []
    for start in range(0, len(waveform), step):
        decoder.append_audio(waveform[start : start + step])
        if start + step >= len(waveform):
            decoder.finish()
        answer, draft = _ask(decoder, prompts, draft)
        answers.append(answer)
    return answers


def _whole(passages: Sequence[Passage]) -> Iterator[tuple[str, Waveform, Task, str]]:
    for passage in passages:
        for task in tasks_for(passage.language):
            expected = task.answer(*passage.whole)
            yield f"{passage.name}, as recorded", as_recorded(passage).waveform, task, expected
            yield f"{passage.name}, as cut", as_cut_by_session(passage).waveform, task, expected


def _noises(passages: Sequence[Passage]) -> Iterator[tuple[str, Waveform, Task, str]]:
    random = np.random.default_rng(_NOISE_SEED)
    noises = [noise_alone(random) for _ in range(_NOISES)]
    for language in sorted({passage.language for passage in passages}):
        for task in tasks_for(language):
            for number, noise in enumerate(noises):
                yield f"noise {number}", noise, task, ""


def _ask(decoder: IncrementalDecoder, prompts: PromptEncoder, draft: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    generated = decoder.generate(draft, stop=(prompts.end_of_turn,), limit=_LONGEST_ANSWER)
    return prompts.text(generated.tokens), generated.tokens


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
