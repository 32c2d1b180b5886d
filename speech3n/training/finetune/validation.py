"""Clips that a model does not learn from: the loss at every evaluation, error rates and BLEU before and after."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.data.features import FLOOR, FeatureStore, StoredClip
from speech3n.training.data.sampler import LengthSampler
from speech3n.training.evaluation import score_answers
from speech3n.training.step import IGNORED, Example, answer_loss, collate
from speech3n.training.tasks import PromptEncoder, Task

_FRAMES = 3000


class ValidationSet:
    """Clips and their right answers; all are transcribed, the language named, and translated where that is known."""

    def __init__(self, store: FeatureStore, clips: Sequence[StoredClip], prompts: PromptEncoder) -> None:
        self.clips = clips
        self._store = store
        self._prompts = prompts

    def scores(self, model: Gemma3n) -> dict[str, float]:
        """`wer_<language>` in percent and `bleu_<language>` of what the model says."""
        return score_answers(model, self._prompts, self._store, self.clips)

    @torch.inference_mode()
    def loss(self, model: Gemma3n) -> float:
        """The mean cross-entropy of all tokens of the answers."""
        total, tokens = 0.0, 0
        for numbers in LengthSampler([clip.frames for clip in self.clips], _FRAMES, 0).epoch(0):
            clips = [self.clips[number] for number in numbers]
            mels = [torch.from_numpy(self._store.mel(clip)) for clip in clips]
            mel = torch.nn.utils.rnn.pad_sequence(mels, batch_first=True, padding_value=FLOOR)
            lengths = torch.tensor([clip.frames for clip in clips])
            mask = torch.arange(mel.shape[1]) < lengths[:, None]
            tokens_of = (-(-lengths // model.config.audio.mel_frames_per_token)).tolist()
            examples = [self._example(number, clip, tokens_of[number]) for number, clip in enumerate(clips)]
            batch = collate(examples, model.config.audio_token_id, model.config.text.pad_token_id).to(model.device)
            count = int((batch.labels != IGNORED).sum())
            encoded = model.encode(mel.to(model.device), mask.to(model.device))
            total += count * float(answer_loss(model, batch, encoded))
            tokens += count
        return total / tokens

    def _example(self, number: int, clip: StoredClip, tokens: int) -> Example:
        task = Task(clip.language, clip.translation_en is not None)
        answer = task.answer(clip.text, clip.translation_en or "")
        return Example(number, tokens, self._prompts.prompt(task), self._prompts.answer(answer))
