"""What a step of training hears and is to answer: batches of clips, and sentences to read in place of sound.

Everything that is drawn depends on the seed and the position alone, so that training can stop and go on anywhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.training.data.augment_features import Strength, changed, hiss
from speech3n.training.data.features import FLOOR, FeatureStore, Mel, StoredClip
from speech3n.training.data.sampler import Position, Schedule
from speech3n.training.data.sentences import Sentence, read_sentences, reserved_texts
from speech3n.training.nano.ctc import even_frames, spread
from speech3n.training.nano.examples import Saying, in_a_row
from speech3n.training.nano.guided_attention import spans
from speech3n.training.nano.phoneme_embedding import pace
from speech3n.training.nano.phonemes import BLANK, pronounce
from speech3n.training.nano.synthesis.voices import LANGUAGES
from speech3n.training.step import Batch, Example, collate
from speech3n.training.tasks import TARGET, Desk, Question

BEGINNINGS = 0.3
"""How often a clip is cut short."""
_REPEATED = 0.25
"""How often English is asked for in English, for each time that a translation is asked for."""
_NAMED = 0.5
"""How often the language is said in the question."""
_NOBODY = 0.12
"""How often nobody speaks: with noise under most clips, noise alone has to be told from it."""
_LOUDEST_HISS = -1.5
"""In log-mel."""
_SLACK = 3
"""Soft tokens that a phoneme may be away from where it would be if all took the same time."""
_SLACK_OF_READ = 1
"""The same where the place of each is known, but not quite which letters are for it."""
_NEIGHBOURS = 2000
"""Sentences that are read together are this near each other in the order of their lengths."""
_LAG_S = 0.15
"""A word is asked for when this much was heard after it."""
_SPEECH_WITHIN = 3.5
"""In natural logarithms (30 dB): frames no softer than this below the clip's loudest are speech."""


@dataclass(frozen=True, slots=True)
class Course:
    """What lessons are like."""

    batch_frames: int = 6000
    """Mel frames in a batch, padding included: 6000 are a minute."""
    sentences: int = 5
    """Read without sound, in each batch."""
    strength: Strength = field(default_factory=Strength)
    translated: float = 0.6
    """How often English is asked for, too."""
    beginnings: float = BEGINNINGS
    joined: float = 0.0
    """How often clips and sentences come in a row, as one."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Lesson:
    """Clips [B, T, bins] with their mask and phonemes, what is read, and questions: a half for each size of the model.

    `spread` [B, frames of the encoder] has the phonemes spread evenly over where somebody speaks. Questions call what
    is read [S, soft tokens, reduction] clips B to B + S - 1.
    """

    mel: Tensor
    mask: Tensor
    phones: list[tuple[int, ...]]
    spread: Tensor
    symbols: Tensor
    whole: Batch
    nested: Batch
    audio_s: float


class Lessons:
    """Lessons from clips, if there are any, and from sentences."""

    def __init__(
        self,
        store: FeatureStore | None,
        sentences: Sequence[Sentence],
        desk: Desk,
        config: Gemma3nConfig,
        course: Course,
    ) -> None:
        self._store = store
        self._sentences = sorted(sentences, key=lambda sentence: len(sentence.text))
        self._desk = desk
        self._config = config
        self._course = course
        frames = [clip.frames for clip in store.clips] if store else []
        self._schedule = Schedule(frames, course.batch_frames, course.seed)

    def at(self, position: Position) -> tuple[Lesson, Position]:
        """The lesson at a position, and the position after it."""
        random = np.random.default_rng([self._course.seed, position.epoch, position.batch])
        clips, following = self._clips(position)
        heard = [self._hear(self._store, clip, random) for clip in clips] if self._store else []
        read = self._read(random, [len(clip.text) for clip in clips])
        if random.random() < self._course.joined:
            heard, read = in_a_row(heard, random), in_a_row(read, random)
        mel, mask = _padded([saying.signal for saying in heard], FLOOR)
        symbols, _ = _padded([saying.signal for saying in read], BLANK)
        draw = random.random()
        examples = [self._example(number, each, draw, random) for number, each in enumerate([*heard, *read])]
        whole, nested = (self._collate([examples[place] for place in part]) for part in _halves(len(examples), random))
        lesson = Lesson(
            mel,
            mask,
            [saying.sounds.phones for saying in heard],
            _padded([_evenly(saying) for saying in heard], BLANK)[0],
            symbols,
            whole,
            nested,
            float(mask.sum()) / 100,
        )
        return lesson, following

    def _clips(self, position: Position) -> tuple[list[StoredClip], Position]:
        if self._store is None:
            return [], Position(position.epoch, position.batch + 1)
        numbers, following = self._schedule.at(position)
        return [self._store.clips[number] for number in numbers], following

    def _read(self, random: np.random.Generator, beside: Sequence[int]) -> list[Saying]:
        """Sentences of about the same length, that of texts heard in the same lesson, and how they are read."""
        if not self._sentences:
            return []
        last = max(0, len(self._sentences) - _NEIGHBOURS)
        begin = int(random.integers(last + 1))
        if beside:
            alike = bisect_left(self._sentences, float(np.median(beside)), key=lambda sentence: len(sentence.text))
            begin = min(max(0, alike - _NEIGHBOURS // 2), last)
        places = begin + random.integers(min(_NEIGHBOURS, len(self._sentences)), size=self._course.sentences)
        return [self._paced(self._sentences[place], random) for place in places]

    def _paced(self, sentence: Sentence, random: np.random.Generator) -> Saying:
        sounds = pronounce(sentence.text, sentence.language)
        paced = pace(sounds.phones, self._config.audio.conf_reduction_factor, random)
        places = tuple(paced.places)
        said = sentence.language, sentence.text, _english(sentence), sounds
        return Saying(*said, paced.symbols, 1, BLANK, places, _SLACK_OF_READ)

    def _hear(self, store: FeatureStore, clip: StoredClip, random: np.random.Generator) -> Saying:
        """A clip as it is heard this time, and what can be made out of it."""
        mel, text = store.mel(clip), clip.text
        if random.random() < _NOBODY:
            level = random.uniform(FLOOR, _LOUDEST_HISS)
            mel = np.maximum(hiss(mel.shape, random) + np.float32(level), np.float32(FLOOR))
            return self._heard(clip.language, mel, "", "")
        if random.random() < self._course.beginnings:
            mel, text = beginning(mel, text, random)
        other = store.mel(store.clips[int(random.integers(len(store.clips)))])
        mel = changed(mel, other, self._course.strength, random)
        return self._heard(clip.language, mel, text, _english(clip) if text == clip.text else None)

    def _heard(self, language: str, mel: Mel, text: str, translation: str | None) -> Saying:
        sounds, stride = pronounce(text, language), self._config.audio.mel_frames_per_token
        tokens = -(-len(mel) // stride)
        frames = even_frames(len(sounds.phones), speech_frames(mel))
        places = tuple(min(frame // stride, tokens - 1) for frame in frames)
        return Saying(language, text, translation, sounds, torch.from_numpy(mel), stride, FLOOR, places, _SLACK)

    def _example(self, number: int, said: Saying, draw: float, random: np.random.Generator) -> Example:
        """With a translation or not, as `draw` [0, 1) has it: answers that stand side by side are about as long."""
        often = self._course.translated * (_REPEATED if said.language == TARGET else 1)
        translate = said.translation is not None and draw < often
        question = Question(said.language if random.random() < _NAMED else None, translate)
        answer = question.answer(said.text, said.translation or "")
        looks = tuple(spans(said.sounds, self._desk.offsets(answer), said.places))
        return Example(number, said.tokens, self._desk.prompt(question), self._desk.answer(answer), looks, said.slack)

    def _collate(self, examples: Sequence[Example]) -> Batch:
        return collate(examples, self._config.audio_token_id, self._config.text.pad_token_id)


def beginning(mel: Mel, text: str, random: np.random.Generator) -> tuple[Mel, str]:
    """A clip cut short, with the words said by then, if words take time in proportion to their letters."""
    first, last = speech_frames(mel)
    if last - first < 50:
        return mel, text
    words = text.split()
    letters = np.cumsum([len(word) + 1 for word in words])
    ends = first + letters / letters[-1] * (last - first) + _LAG_S * 100
    cut = int(random.integers(first + 20, len(mel)))
    return mel[:cut], " ".join(words[: int((ends <= cut).sum())])


def speech_frames(mel: Mel) -> tuple[int, int]:
    """The first and the last frame of a clip without noise that are not much softer than its loudest."""
    level = np.log(np.exp(2 * mel).sum(1)) / 2
    speech = np.flatnonzero(level > level.max() - _SPEECH_WITHIN)
    return int(speech[0]), int(speech[-1])


def _evenly(said: Saying) -> Tensor:
    return spread(said.sounds.phones, speech_frames(said.signal.numpy()), len(said.signal))


def _english(about: StoredClip | Sentence) -> str | None:
    return about.text if about.language == TARGET else about.translation_en


def _halves(count: int, random: np.random.Generator) -> tuple[list[int], list[int]]:
    order = random.permutation(count).tolist()
    middle = max(1, count // 2)
    return order[:middle], order[middle:] or order[:1]


def _padded(rows: Sequence[Tensor], padding: float) -> tuple[Tensor, Tensor]:
    """Rows [T, ...] of different lengths as one tensor [B, T, ...], and the mask [B, T] of what is not padding."""
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.long)
    if not rows:
        return torch.zeros(0, 0, 0), torch.zeros(0, 0, dtype=torch.bool)
    padded: Tensor = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=padding)
    return padded, torch.arange(padded.shape[1]) < lengths[:, None]


def read_all(folder: Path | None, longest: int | None = None) -> list[Sentence]:
    """Sentences of all languages, of so many characters or fewer, but for those to validate with; none of no folder."""
    if folder is None:
        return []
    reserved = reserved_texts(sorted(folder.glob("valid.*")))
    pools = [read_sentences(folder, language, reserved) for language in LANGUAGES]
    return [sentence for pool in pools for sentence in pool if longest is None or len(sentence.text) <= longest]
