"""Batches of what is heard of recordings and of what is to be answered to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from speech3n.audio.frontend import LogMel
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.memorise.crops import as_cut_by_session, as_recorded, nobody, varied
from speech3n.training.memorise.passages import Passage
from speech3n.training.step import IGNORED, Batch, Example, collate
from speech3n.training.tasks import Desk, Question, any_question, questions_about
from speech3n.types import SAMPLE_RATE, Waveform

_PASSAGES = 5
_NOISES = 2
_QUESTIONS = 3
"""Asked about each sound, each time about another part of it."""
_SHARE_OF_WHOLES = 0.25
_SHARE_OF_BEGINNINGS = 0.4
_BEGINNING_S = 2.5
"""The first seconds of speech, in which clips are hard to tell apart, are asked about more often than the rest."""
_SHARE_OF_ODD_QUESTIONS = 0.1
_TOKEN_S = 0.16
_PADDED_TO = 128
"""As in the front end: a clip is followed by zeros up to a multiple of this."""


@dataclass(frozen=True, slots=True)
class Material:
    """Sounds as features [C, T, bins] with their mask [C, T], and what is asked about them."""

    mel: Tensor
    mask: Tensor
    batch: Batch


class Teacher:
    """Draws batches from passages; what it draws depends on the seed alone."""

    def __init__(self, passages: Sequence[Passage], desk: Desk, config: Gemma3nConfig, seed: int) -> None:
        self._passages = passages
        self._languages = sorted({passage.language for passage in passages})
        self._desk = desk
        self._config = config
        self._log_mel = LogMel()
        self._random = np.random.default_rng(seed)

    def draw(self) -> Material:
        """The next batch."""
        random = self._random
        chosen = [self._passages[place] for place in random.permutation(len(self._passages))[:_PASSAGES]]
        heard = [varied(passage, random) for passage in chosen]
        sounds = [each.waveform for each in heard] + [nobody(random) for _ in range(_NOISES)]
        mel, mask = self._features(sounds)
        examples = []
        for clip, (sound, tokens) in enumerate(zip(sounds, self._tokens(mask), strict=True)):
            for _ in range(_QUESTIONS):
                speech = chosen[clip].latest - heard[clip].begin if clip < len(chosen) else 0.0
                part, heard_s = self._part(tokens, len(sound) / SAMPLE_RATE, speech)
                question, answer = any_question(self._languages, random), ""
                if clip < len(chosen):
                    if random.random() >= _SHARE_OF_ODD_QUESTIONS:
                        question = self._question_about(chosen[clip])
                    answer = question.answer(*chosen[clip].said(heard[clip].begin + heard_s))
                examples.append(Example(clip, part, self._desk.prompt(question), self._desk.answer(answer)))
        return Material(mel, mask, self._collate(examples))

    @torch.inference_mode()
    def examine(self, model: Gemma3n) -> tuple[int, int]:
        """How many whole passages a model gets wrong in greedy decoding, and how many it was asked."""
        wrong = asked = 0
        for passage in self._passages:
            sounds = [as_recorded(passage).waveform, as_cut_by_session(passage).waveform]
            mel, mask = self._features(sounds)
            examples = []
            for question in questions_about(passage.language):
                prompt, answer = self._desk.prompt(question), self._desk.answer(question.answer(*passage.whole))
                examples += [Example(clip, tokens, prompt, answer) for clip, tokens in enumerate(self._tokens(mask))]
            batch = self._collate(examples)
            # Greedy decoding gives the answer where it is the best choice after each of its beginnings.
            best = model(batch.ids, batch.soft_tokens(model.encode(mel, mask)))[:, :-1].argmax(-1)
            right = ((best == batch.labels[:, 1:]) | (batch.labels[:, 1:] == IGNORED)).all(1)
            wrong, asked = wrong + int((~right).sum()), asked + len(examples)
        return wrong, asked

    def _question_about(self, passage: Passage) -> Question:
        questions = questions_about(passage.language)
        return questions[int(self._random.integers(len(questions)))]

    def _part(self, tokens: int, length_s: float, speech_s: float) -> tuple[int, float]:
        """How many of a sound's soft tokens to ask about, and how much of it that is; speech begins at `speech_s`."""
        choice = self._random.random()
        if choice < _SHARE_OF_WHOLES or tokens == 1:
            return tokens, length_s
        first, last = 1, tokens
        if choice >= 1 - _SHARE_OF_BEGINNINGS:
            first = min(1 + int(speech_s / _TOKEN_S), tokens - 1)
            last = min(first + round(_BEGINNING_S / _TOKEN_S), tokens)
        part = int(self._random.integers(first, last))
        return part, self._heard_s(part)

    def _tokens(self, mask: Tensor) -> list[int]:
        """The number of soft tokens that each sound makes."""
        tokens: list[int] = (-(-mask.sum(1) // self._config.audio.mel_frames_per_token)).tolist()
        return tokens

    def _collate(self, examples: Sequence[Example]) -> Batch:
        return collate(examples, self._config.audio_token_id, self._config.text.pad_token_id)

    def _heard_s(self, soft_tokens: int) -> float:
        """How much sound must have come in for this many soft tokens."""
        config, stride = self._log_mel.config, self._config.audio.mel_frames_per_token
        newest_frame = stride * (soft_tokens - 1) + 6
        return (newest_frame * config.hop_length + config.frame_length) / SAMPLE_RATE

    def _features(self, sounds: Sequence[Waveform]) -> tuple[Tensor, Tensor]:
        waveforms = np.zeros((len(sounds), max(map(len, sounds))), np.float32)
        for row, sound in zip(waveforms, sounds, strict=True):
            row[: len(sound)] = sound
        mel, _ = self._log_mel(torch.from_numpy(waveforms))
        config = self._log_mel.config
        padded = torch.tensor([-(-len(sound) // _PADDED_TO) * _PADDED_TO for sound in sounds])
        frames = (padded - config.frame_length - 1) // config.hop_length + 1
        return mel, torch.arange(mel.shape[1]) < frames[:, None]
