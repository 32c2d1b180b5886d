"""Batches of crops of recordings, and of tasks on them and on their beginnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from speech3n.audio.frontend import LogMel
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.data.sampler import Position
from speech3n.training.memorise.crops import as_cut_by_session, as_recorded, noise_alone, random_crop
from speech3n.training.memorise.passages import Passage
from speech3n.training.step import IGNORED, Batch, Example, collate
from speech3n.training.tasks import PromptEncoder, random_task, tasks_for
from speech3n.types import SAMPLE_RATE, Waveform

_PASSAGES = 5
_NOISES = 2
_TASKS = 3
"""On each crop, each time on another part of it."""
_SHARE_OF_WHOLES = 0.25
_SHARE_OF_BEGINNINGS = 0.4
_BEGINNING_S = 2.5
"""The first seconds of speech, in which clips are hard to tell apart, come more often than the rest."""
_SHARE_OF_ODD_TASKS = 0.1
_TOKEN_S = 0.16
_PADDED_TO = 128
"""As in the front end: a clip is followed by zeros up to a multiple of this."""


@dataclass(frozen=True, slots=True)
class MemoriseBatch:
    """Crops as features [C, T, bins] with their mask [C, T], and tasks on them."""

    mel: Tensor
    mask: Tensor
    examples: Batch

    @property
    def audio_s(self) -> float:
        """Seconds of audio, padding of the front end included."""
        return float(self.mask.sum()) / 100


class MemoriseBatches:
    """Batches drawn from passages, by the seed and the position alone."""

    def __init__(self, passages: Sequence[Passage], prompts: PromptEncoder, config: Gemma3nConfig, seed: int) -> None:
        self._passages = passages
        self._languages = sorted({passage.language for passage in passages})
        self._prompts = prompts
        self.config = config
        self._log_mel = LogMel()
        self._seed = seed

    def at(self, position: Position) -> tuple[MemoriseBatch, Position]:
        """The batch at a position, and the position after it."""
        random = np.random.default_rng([self._seed, position.epoch, position.batch])
        chosen = [self._passages[place] for place in random.permutation(len(self._passages))[:_PASSAGES]]
        crops = [random_crop(passage, random) for passage in chosen]
        waveforms = [crop.waveform for crop in crops] + [noise_alone(random) for _ in range(_NOISES)]
        mel, mask = self._features(waveforms)
        examples = []
        for clip, (waveform, tokens) in enumerate(zip(waveforms, self._tokens(mask), strict=True)):
            for _ in range(_TASKS):
                speech = chosen[clip].latest - crops[clip].begin if clip < len(chosen) else 0.0
                part, part_s = self._part(tokens, len(waveform) / SAMPLE_RATE, speech, random)
                task, answer = random_task(self._languages, random), ""
                if clip < len(chosen):
                    if random.random() >= _SHARE_OF_ODD_TASKS:
                        tasks = tasks_for(chosen[clip].language)
                        task = tasks[int(random.integers(len(tasks)))]
                    answer = task.answer(*chosen[clip].said_by(crops[clip].begin + part_s))
                examples.append(Example(clip, part, self._prompts.prompt(task), self._prompts.answer(answer)))
        following = Position(position.epoch, position.batch + 1)
        return MemoriseBatch(mel, mask, self._collate(examples)), following

    @torch.inference_mode()
    def evaluate(self, model: Gemma3n) -> tuple[int, int]:
        """How many whole passages a model gets wrong in greedy decoding, and how many it was asked."""
        wrong = asked = 0
        for passage in self._passages:
            waveforms = [as_recorded(passage).waveform, as_cut_by_session(passage).waveform]
            mel, mask = self._features(waveforms)
            examples = []
            for task in tasks_for(passage.language):
                prompt, answer = self._prompts.prompt(task), self._prompts.answer(task.answer(*passage.whole))
                examples += [Example(clip, tokens, prompt, answer) for clip, tokens in enumerate(self._tokens(mask))]
            batch = self._collate(examples)
            # Greedy decoding gives the answer where it is the best choice after each of its beginnings.
            best = model(batch.ids, batch.soft_tokens(model.encode(mel, mask)))[:, :-1].argmax(-1)
            right = ((best == batch.labels[:, 1:]) | (batch.labels[:, 1:] == IGNORED)).all(1)
            wrong, asked = wrong + int((~right).sum()), asked + len(examples)
        return wrong, asked

    def _part(self, tokens: int, length_s: float, speech_s: float, random: np.random.Generator) -> tuple[int, float]:
        """How many of a crop's soft tokens to set a task on, and their seconds; speech begins at `speech_s`."""
        choice = random.random()
        if choice < _SHARE_OF_WHOLES or tokens == 1:
            return tokens, length_s
        first, last = 1, tokens
        if choice >= 1 - _SHARE_OF_BEGINNINGS:
            first = min(1 + int(speech_s / _TOKEN_S), tokens - 1)
            last = min(first + round(_BEGINNING_S / _TOKEN_S), tokens)
        part = int(random.integers(first, last))
        return part, self._audio_s(part)

    def _tokens(self, mask: Tensor) -> list[int]:
        """The number of soft tokens of each crop."""
        tokens: list[int] = (-(-mask.sum(1) // self.config.audio.mel_frames_per_token)).tolist()
        return tokens

    def _collate(self, examples: Sequence[Example]) -> Batch:
        return collate(examples, self.config.audio_token_id, self.config.text.pad_token_id)

    def _audio_s(self, soft_tokens: int) -> float:
        """How many seconds of audio it takes for this many soft tokens."""
        config, stride = self._log_mel.config, self.config.audio.mel_frames_per_token
        newest_frame = stride * (soft_tokens - 1) + 6
        return (newest_frame * config.hop_length + config.frame_length) / SAMPLE_RATE

    def _features(self, waveforms: Sequence[Waveform]) -> tuple[Tensor, Tensor]:
        rows = np.zeros((len(waveforms), max(map(len, waveforms))), np.float32)
        for row, waveform in zip(rows, waveforms, strict=True):
            row[: len(waveform)] = waveform
        mel, _ = self._log_mel(torch.from_numpy(rows))
        config = self._log_mel.config
        padded = torch.tensor([-(-len(waveform) // _PADDED_TO) * _PADDED_TO for waveform in waveforms])
        frames = (padded - config.frame_length - 1) // config.hop_length + 1
        return mel, torch.arange(mel.shape[1]) < frames[:, None]
