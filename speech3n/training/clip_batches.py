"""Clips as a step sees them: in batches of like lengths, augmented anew in each pass, each with a task and its answer.

Everything that is drawn depends on the seed and the position alone, so that training can stop and go on anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.training.data.augment.features import FeatureAugmentation, augment_features, steady_noise
from speech3n.training.data.augment.truncate import truncate_clip
from speech3n.training.data.features import FLOOR, FeatureStore, Mel, StoredClip
from speech3n.training.data.sampler import LengthSampler, Position
from speech3n.training.data.sentences import Sentence
from speech3n.training.step import Batch, Example, collate
from speech3n.training.tasks import TARGET, PromptEncoder, Task

TRUNCATED = 0.3
"""How often a clip is cut short."""
_REPEATED = 0.25
"""How often English is asked for in English, for each time that a translation is asked for."""
_NAMED = 0.5
"""How often the language is named in the task."""
_NOISE_ALONE = 0.12
"""How often nobody speaks: with noise under most clips, noise alone has to be told from it."""
_LOUDEST_NOISE = -1.5
"""In log-mel."""


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What batches are like."""

    batch_frames: int = 6000
    """Mel frames in a batch, padding included: 6000 are a minute."""
    augmentation: FeatureAugmentation = field(default_factory=FeatureAugmentation)
    translated: float = 0.6
    """How often English is asked for, too."""
    truncated: float = TRUNCATED
    seed: int = 0


@dataclass(frozen=True, slots=True)
class AugmentedClip:
    """Features [T, bins] and what is said in them; `translation` is None where it cannot be asked for."""

    mel: Mel
    language: str
    text: str
    translation: str | None


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """Clips [C, T, bins] with their mask [C, T], and tasks on them: a half for each size of the model."""

    mel: Tensor
    mask: Tensor
    whole: Batch
    nested: Batch

    @property
    def audio_s(self) -> float:
        """Seconds of audio, without padding."""
        return float(self.mask.sum()) / 100


class AugmentedClips:
    """The clips of a store in the order of a sampler, each drawn anew."""

    def __init__(self, store: FeatureStore, config: DataConfig) -> None:
        self._store = store
        self._config = config
        self._sampler = LengthSampler([clip.frames for clip in store.clips], config.batch_frames, config.seed)

    def at(self, position: Position) -> tuple[list[StoredClip], Position]:
        """The clips of the batch at a position, as they are kept, and the position after it."""
        numbers, following = self._sampler.at(position)
        return [self._store.clips[number] for number in numbers], following

    def augment(self, clip: StoredClip, random: np.random.Generator) -> AugmentedClip:
        """A clip under changes drawn at random: cut short, with other acoustics, or replaced by noise alone."""
        mel, text = self._store.mel(clip), clip.text
        if random.random() < _NOISE_ALONE:
            level = random.uniform(FLOOR, _LOUDEST_NOISE)
            noise = np.maximum(steady_noise(mel.shape, random) + np.float32(level), np.float32(FLOOR))
            return AugmentedClip(noise, clip.language, "", "")
        if random.random() < self._config.truncated:
            mel, text = truncate_clip(mel, text, random)
        other = self._store.mel(self._store.clips[int(random.integers(len(self._store.clips)))])
        mel = augment_features(mel, other, self._config.augmentation, random)
        return AugmentedClip(mel, clip.language, text, english_of(clip) if text == clip.text else None)


class ClipBatches:
    """Batches of clips alone, with transcripts and translations to answer."""

    def __init__(self, store: FeatureStore, prompts: PromptEncoder, model: Gemma3nConfig, config: DataConfig) -> None:
        self._clips = AugmentedClips(store, config)
        self._prompts = prompts
        self._model = model
        self._config = config

    def at(self, position: Position) -> tuple[ClipBatch, Position]:
        """The batch at a position, and the position after it."""
        random = np.random.default_rng([self._config.seed, position.epoch, position.batch])
        stored, following = self._clips.at(position)
        clips = [self._clips.augment(clip, random) for clip in stored]
        mel, mask = pad_rows([torch.from_numpy(clip.mel) for clip in clips], FLOOR)
        draw = random.random()
        examples = []
        for number, clip in enumerate(clips):
            task = draw_task(clip.language, clip.translation is not None, self._config.translated, draw, random)
            answer = task.answer(clip.text, clip.translation or "")
            tokens = -(-len(clip.mel) // self._model.audio.mel_frames_per_token)
            examples.append(Example(number, tokens, self._prompts.prompt(task), self._prompts.answer(answer)))
        whole, nested = collate_halves(examples, self._model, random)
        return ClipBatch(mel, mask, whole, nested), following


def draw_task(language: str, is_translated: bool, translated: float, draw: float, random: np.random.Generator) -> Task:
    """A task with a translation or not, as `draw` [0, 1) has it: answers that stand side by side are about as long."""
    often = translated * (_REPEATED if language == TARGET else 1)
    return Task(language if random.random() < _NAMED else None, is_translated and draw < often)


def collate_halves(
    examples: Sequence[Example], model: Gemma3nConfig, random: np.random.Generator
) -> tuple[Batch, Batch]:
    """Examples as two batches, for the whole model and the nested one; a single example is in both."""
    order = random.permutation(len(examples)).tolist()
    middle = max(1, len(examples) // 2)
    whole, nested = order[:middle], order[middle:] or order[:1]
    padding = model.text.pad_token_id
    first, second = ([examples[number] for number in half] for half in (whole, nested))
    return collate(first, model.audio_token_id, padding), collate(second, model.audio_token_id, padding)


def pad_rows(rows: Sequence[Tensor], padding: float) -> tuple[Tensor, Tensor]:
    """Rows [T, ...] of different lengths as one tensor [B, T, ...], and the mask [B, T] of what is not padding."""
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.long)
    if not rows:
        return torch.zeros(0, 0, 0), torch.zeros(0, 0, dtype=torch.bool)
    padded: Tensor = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=padding)
    return padded, torch.arange(padded.shape[1]) < lengths[:, None]


def english_of(clip: StoredClip | Sentence) -> str | None:
    """What a clip or sentence says in English, if that is known."""
    return clip.text if clip.language == TARGET else clip.translation_en
