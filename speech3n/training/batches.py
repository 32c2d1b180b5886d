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
from speech3n.training.augment import as_cut_by_session, as_recorded, nobody, varied
from speech3n.training.clips import Passage
from speech3n.training.questions import Desk, Question, any_question, questions_about
from speech3n.training.step import IGNORED, Batch, Example, collate
from speech3n.types import SAMPLE_RATE, Waveform

_PASSAGES = 5
_NOISES = 1
_QUESTIONS = 3
"""Asked about each sound, each time about another part of it."""
_SHARE_OF_WHOLES = 0.3
_SHARE_OF_BEGINNINGS = 0.3
_BEGINNING_TOKENS = 14
"""The first two seconds, in which clips are hard to tell apart, are asked about more often than the rest."""
_SHARE_OF_ODD_QUESTIONS = 0.1
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
        chosen = [self._passages[place] for place in random.choice(len(self._passages), _PASSAGES, replace=False)]
        heard = [varied(passage, random) for passage in chosen]
        sounds = [each.waveform for each in heard] + [nobody(random) for _ in range(_NOISES)]
        mel, mask = self._features(sounds)
        stride = self._config.audio.mel_frames_per_token
        tokens = (-(-mask.sum(1) // stride)).tolist()
        examples = []
        for clip, sound in enumerate(sounds):
            passage = chosen[clip] if clip < len(chosen) else None
            for _ in range(_QUESTIONS):
                part = tokens[clip]
                heard_s = len(sound) / SAMPLE_RATE
                choice = random.random()
                if choice >= _SHARE_OF_WHOLES and tokens[clip] > 1:
                    is_beginning = choice >= 1 - _SHARE_OF_BEGINNINGS
                    longest = min(tokens[clip], _BEGINNING_TOKENS) if is_beginning else tokens[clip]
                    part = int(random.integers(1, longest))
                    heard_s = self._heard_s(part)
                answer = ""
                question = any_question(self._languages, random)
                if passage is not None:
                    if random.random() >= _SHARE_OF_ODD_QUESTIONS:
                        question = self._question_about(passage)
                    answer = question.answer(*passage.said(heard[clip].begin + heard_s))
                examples.append(Example(clip, part, self._desk.prompt(question), self._desk.answer(answer)))
        batch = collate(examples, self._config.audio_token_id, self._config.text.pad_token_id)
        return Material(mel, mask, batch)

    @torch.inference_mode()
    def examine(self, model: Gemma3n) -> tuple[int, int]:
        """How many whole passages a model gets wrong in greedy decoding, and how many it was asked."""
        wrong = asked = 0
        for passage in self._passages:
            sounds = [as_recorded(passage).waveform, as_cut_by_session(passage).waveform]
            mel, mask = self._features(sounds)
            tokens = (-(-mask.sum(1) // self._config.audio.mel_frames_per_token)).tolist()
            examples = [
                Example(clip, tokens[clip], self._desk.prompt(question), self._desk.answer(_whole(passage, question)))
                for question in questions_about(passage.language)
                for clip in range(len(sounds))
            ]
            batch = collate(examples, self._config.audio_token_id, self._config.text.pad_token_id)
            # Greedy decoding gives the answer where it is the best choice after each of its beginnings.
            best = model(batch.ids, batch.soft_tokens(model.encode(mel, mask)))[:, :-1].argmax(-1)
            right = ((best == batch.labels[:, 1:]) | (batch.labels[:, 1:] == IGNORED)).all(1)
            wrong, asked = wrong + int((~right).sum()), asked + len(examples)
        return wrong, asked

    def _question_about(self, passage: Passage) -> Question:
        questions = questions_about(passage.language)
        return questions[int(self._random.integers(len(questions)))]

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


def _whole(passage: Passage, question: Question) -> str:
    return question.answer(passage.text, " ".join(passage.translation))
