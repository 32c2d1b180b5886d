"""Nano's batches: clips with their phonemes for CTC, sentences to read in place of audio, tasks on both.

Everything that is drawn depends on the seed and the position alone, so that training can stop and go on anywhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.training.clip_batches import (
    AugmentedClip,
    AugmentedClips,
    ClipBatch,
    DataConfig,
    collate_halves,
    draw_task,
    english_of,
    pad_rows,
)
from speech3n.training.data.augment.truncate import speech_frames
from speech3n.training.data.features import FLOOR, FeatureStore, StoredClip
from speech3n.training.data.sampler import Position
from speech3n.training.data.sentences import Sentence, read_sentences, reserved_texts
from speech3n.training.nano.ctc import even_frames, spread
from speech3n.training.nano.examples import SpeechExample, join_examples
from speech3n.training.nano.guided_attention import spans
from speech3n.training.nano.phoneme_embedding import simulate_ctc
from speech3n.training.nano.phonemes import BLANK, phonemize
from speech3n.training.nano.synthesis.voices import LANGUAGES
from speech3n.training.step import Example
from speech3n.training.tasks import PromptEncoder

_SLACK = 3
"""Soft tokens that a phoneme may be away from where it would be if all took the same time."""
_SLACK_OF_SENTENCES = 1
"""The same where the place of each is known, but not quite which letters are for it."""
_NEIGHBOURS = 2000
"""Sentences of a batch are this near each other in the order of their lengths."""


@dataclass(frozen=True, slots=True)
class NanoDataConfig(DataConfig):
    """What nano's batches are like."""

    sentences: int = 5
    """Read without audio, in each batch."""
    joined: float = 0.0
    """How often clips and sentences come one after another, as one."""


@dataclass(frozen=True, slots=True)
class NanoBatch(ClipBatch):
    """Clips C with their phonemes, and sentences S that are read.

    `spread` [C, frames of the encoder] has the phonemes spread evenly over where somebody speaks. To tasks, the
    sentences, `symbols` [S, soft tokens, reduction], are clips C to C + S - 1.
    """

    phonemes: list[tuple[int, ...]]
    spread: Tensor
    symbols: Tensor


class NanoBatches:
    """Batches of clips, if there are any, and of sentences."""

    def __init__(
        self,
        store: FeatureStore | None,
        sentences: Sequence[Sentence],
        prompts: PromptEncoder,
        model: Gemma3nConfig,
        config: NanoDataConfig,
    ) -> None:
        self._clips = AugmentedClips(store, config) if store else None
        self._sentences = sorted(sentences, key=lambda sentence: len(sentence.text))
        self._prompts = prompts
        self._model = model
        self._config = config

    def at(self, position: Position) -> tuple[NanoBatch, Position]:
        """The batch at a position, and the position after it."""
        random = np.random.default_rng([self._config.seed, position.epoch, position.batch])
        stored: list[StoredClip] = []
        spoken: list[SpeechExample] = []
        following = Position(position.epoch, position.batch + 1)
        if self._clips is not None:
            stored, following = self._clips.at(position)
            spoken = [self._spoken(self._clips.augment(clip, random)) for clip in stored]
        read = self._read(random, [len(clip.text) for clip in stored])
        if random.random() < self._config.joined:
            spoken, read = join_examples(spoken, random), join_examples(read, random)
        mel, mask = pad_rows([example.signal for example in spoken], FLOOR)
        symbols, _ = pad_rows([example.signal for example in read], BLANK)
        draw = random.random()
        examples = [self._example(number, each, draw, random) for number, each in enumerate([*spoken, *read])]
        whole, nested = collate_halves(examples, self._model, random)
        phonemes = [example.phonemes.ids for example in spoken]
        even, _ = pad_rows([_evenly(example) for example in spoken], BLANK)
        return NanoBatch(mel, mask, whole, nested, phonemes, even, symbols), following

    def _spoken(self, clip: AugmentedClip) -> SpeechExample:
        phonemes, stride = phonemize(clip.text, clip.language), self._model.audio.mel_frames_per_token
        tokens = -(-len(clip.mel) // stride)
        frames = even_frames(len(phonemes.ids), speech_frames(clip.mel))
        places = tuple(min(frame // stride, tokens - 1) for frame in frames)
        said = clip.language, clip.text, clip.translation, phonemes
        return SpeechExample(*said, torch.from_numpy(clip.mel), stride, FLOOR, places, _SLACK)

    def _read(self, random: np.random.Generator, beside: Sequence[int]) -> list[SpeechExample]:
        """Sentences of about the same length, that of the clips' texts in the same batch, as CTC might read them."""
        if not self._sentences:
            return []
        last = max(0, len(self._sentences) - _NEIGHBOURS)
        begin = int(random.integers(last + 1))
        if beside:
            alike = bisect_left(self._sentences, float(np.median(beside)), key=lambda sentence: len(sentence.text))
            begin = min(max(0, alike - _NEIGHBOURS // 2), last)
        places = begin + random.integers(min(_NEIGHBOURS, len(self._sentences)), size=self._config.sentences)
        return [self._simulated(self._sentences[place], random) for place in places]

    def _simulated(self, sentence: Sentence, random: np.random.Generator) -> SpeechExample:
        phonemes = phonemize(sentence.text, sentence.language)
        simulated = simulate_ctc(phonemes.ids, self._model.audio.conf_reduction_factor, random)
        places = tuple(simulated.places)
        said = sentence.language, sentence.text, english_of(sentence), phonemes
        return SpeechExample(*said, simulated.symbols, 1, BLANK, places, _SLACK_OF_SENTENCES)

    def _example(self, number: int, said: SpeechExample, draw: float, random: np.random.Generator) -> Example:
        task = draw_task(said.language, said.translation is not None, self._config.translated, draw, random)
        answer = task.answer(said.text, said.translation or "")
        targets = tuple(spans(said.phonemes, self._prompts.offsets(answer), said.places))
        prompt = self._prompts.prompt(task)
        return Example(number, said.tokens, prompt, self._prompts.answer(answer), targets, said.slack)


def _evenly(said: SpeechExample) -> Tensor:
    return spread(said.phonemes.ids, speech_frames(said.signal.numpy()), len(said.signal))


def read_all(folder: Path | None, longest: int | None = None) -> list[Sentence]:
    """Sentences of all languages, of so many characters or fewer, but for those to validate with; none of no folder."""
    if folder is None:
        return []
    reserved = reserved_texts(sorted(folder.glob("valid.*")))
    pools = [read_sentences(folder, language, reserved) for language in LANGUAGES]
    return [sentence for pool in pools for sentence in pool if longest is None or len(sentence.text) <= longest]
