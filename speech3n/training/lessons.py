"""What a step of training hears and is to answer: batches of clips, and sentences to translate without sound.

Everything that is drawn depends on the seed and the position alone, so that training can stop and go on anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from speech3n.languages import language_name
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.training.corpus.feature_changes import Strength, changed, hiss
from speech3n.training.corpus.features import FLOOR, FeatureStore, Mel, StoredClip
from speech3n.training.corpus.schedule import Position, Schedule
from speech3n.training.ctc import spell
from speech3n.training.questions import TARGET, Desk, Question
from speech3n.training.step import Batch, Example, collate
from speech3n.training.synthesis.sentences import Sentence, read_sentences, reserved_texts
from speech3n.training.synthesis.voices import LANGUAGES

_TRANSLATED = 0.6
_REPEATED = 0.15
"""How often English is asked for in English."""
_NAMED = 0.5
"""How often the language is said in the question."""
_NOBODY = 0.04
_BEGINNINGS = 0.15
_LAG_S = 0.3
"""A word is asked for when this much was heard after it."""
_SPEECH_WITHIN = 3.5
"""In natural logarithms (30 dB): frames no softer than this below the clip's loudest are speech."""


@dataclass(frozen=True, slots=True)
class Course:
    """What lessons are like."""

    batch_frames: int = 6000
    """Mel frames in a batch, padding included: 6000 are a minute."""
    pairs: int = 5
    """Sentences to translate without sound, in each batch."""
    strength: Strength = field(default_factory=Strength)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Lesson:
    """Clips [B, T, bins] with their mask, their letters for CTC, and questions: one half for each size of the model."""

    mel: Tensor
    mask: Tensor
    letters: list[list[int]]
    whole: Batch
    nested: Batch
    audio_s: float


class Lessons:
    """Lessons from clips and from pairs of sentences."""

    def __init__(
        self, store: FeatureStore, pairs: Sequence[Sentence], desk: Desk, config: Gemma3nConfig, course: Course
    ) -> None:
        self._store = store
        self._pairs = pairs
        self._desk = desk
        self._config = config
        self._course = course
        self._schedule = Schedule([clip.frames for clip in store.clips], course.batch_frames, course.seed)

    def at(self, position: Position) -> tuple[Lesson, Position]:
        """The lesson at a position, and the position after it."""
        numbers, following = self._schedule.at(position)
        random = np.random.default_rng([self._course.seed, position.epoch, position.batch])
        clips = [self._store.clips[number] for number in numbers]
        heard = [self._hear(clip, random) for clip in clips]
        lengths = torch.tensor([len(mel) for mel, _ in heard])
        mel = torch.full((len(heard), int(lengths.max()), heard[0][0].shape[1]), FLOOR)
        for row, (frames, _) in zip(mel, heard, strict=True):
            row[: len(frames)] = torch.from_numpy(frames)
        mask = torch.arange(mel.shape[1]) < lengths[:, None]
        tokens = (-(-lengths // self._config.audio.mel_frames_per_token)).tolist()
        examples = [
            self._example(number, clip, tokens[number], text, random)
            for number, (clip, (_, text)) in enumerate(zip(clips, heard, strict=True))
        ]
        examples += [self._pair(random) for _ in range(self._course.pairs if self._pairs else 0)]
        halves = [self._collate([examples[place] for place in part]) for part in _halves(len(examples), random)]
        letters = [spell(text) for _, text in heard]
        audio_s = float(lengths.sum()) / 100
        return Lesson(mel, mask, letters, halves[0], halves[1], audio_s), following

    def _hear(self, clip: StoredClip, random: np.random.Generator) -> tuple[Mel, str]:
        """A clip as it is heard this time, and what can be made out of it."""
        mel, text = self._store.mel(clip), clip.text
        if random.random() < _NOBODY:
            level = random.uniform(FLOOR, -3.0)
            return np.maximum(hiss(mel.shape, random) + np.float32(level), np.float32(FLOOR)), ""
        if random.random() < _BEGINNINGS:
            mel, text = beginning(mel, text, random)
        other = self._store.mel(self._store.clips[int(random.integers(len(self._store.clips)))])
        return changed(mel, other, self._course.strength, random), text

    def _example(self, number: int, clip: StoredClip, tokens: int, text: str, random: np.random.Generator) -> Example:
        is_whole = text in (clip.text, "")
        translation = clip.text if clip.language == TARGET else clip.translation_en
        often = _REPEATED if clip.language == TARGET else _TRANSLATED
        translate = is_whole and translation is not None and bool(random.random() < often)
        question = Question(clip.language if random.random() < _NAMED else None, translate)
        answer = question.answer(text, translation or "")
        return Example(number, tokens, self._desk.prompt(question), self._desk.answer(answer))

    def _pair(self, random: np.random.Generator) -> Example:
        """A sentence that stands there as if it had been heard, and its translation to be learned."""
        pair = self._pairs[int(random.integers(len(self._pairs)))]
        question = Question(pair.language if random.random() < _NAMED else None, True)
        # Without the space: it belongs to the first word of the translation.
        said = len(self._desk.answer(f"{pair.text}\n{language_name(TARGET)}:")) - 1
        answer = self._desk.answer(question.answer(pair.text, pair.translation_en or ""))
        return Example(0, 0, self._desk.prompt(question), answer, said)

    def _collate(self, examples: Sequence[Example]) -> Batch:
        return collate(examples, self._config.audio_token_id, self._config.text.pad_token_id)


def beginning(mel: Mel, text: str, random: np.random.Generator) -> tuple[Mel, str]:
    """A clip cut short, with the words said by then, if words take time in proportion to their letters."""
    level = np.log(np.exp(2 * mel).sum(1)) / 2
    speech = np.flatnonzero(level > level.max() - _SPEECH_WITHIN)
    if len(speech) < 50:
        return mel, text
    words = text.split()
    letters = np.cumsum([len(word) + 1 for word in words])
    ends = speech[0] + letters / letters[-1] * (speech[-1] - speech[0]) + _LAG_S * 100
    cut = int(random.integers(speech[0] + 20, len(mel)))
    return mel[:cut], " ".join(words[: int((ends <= cut).sum())])


def _halves(count: int, random: np.random.Generator) -> tuple[list[int], list[int]]:
    order = random.permutation(count).tolist()
    middle = max(1, count // 2)
    return order[:middle], order[middle:] or order[:1]


def read_pairs(folder: Path | None) -> list[Sentence]:
    """The sentences of all languages that have a translation, but for those to validate with; none without a folder."""
    if folder is None:
        return []
    reserved = reserved_texts(sorted(folder.glob("valid.*")))
    pools = [read_sentences(folder, language, reserved) for language in LANGUAGES]
    return [sentence for pool in pools for sentence in pool if sentence.translation_en]
