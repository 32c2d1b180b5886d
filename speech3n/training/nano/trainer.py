"""Nano's trainer: the model, the nested one inside it, the CTC head beside it, and the learning rate over the steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.sizes import Size
from speech3n.training import state
from speech3n.training.nano.batches import NanoBatch, NanoDataConfig
from speech3n.training.nano.ctc import CTCHead, encode_frames
from speech3n.training.nano.guided_attention import GuidedAttention
from speech3n.training.nano.model import HALF
from speech3n.training.nano.phoneme_embedding import PhonemeEmbedding
from speech3n.training.nested import NestedModel
from speech3n.training.step import answer_loss, update_weights

Stage = Literal["encoder", "decoder", "both"]
"""What is trained: the encoder by CTC, the decoder on phonemes, or everything by everything."""
_CTC_SHARE = 0.3
_ATTENTION_SHARE = 0.3
_WEIGHT_DECAY = 0.02


@dataclass(frozen=True, slots=True)
class NanoPlan:
    """How to train. The rate rises, stays, and falls over the last `fall` of the steps."""

    steps: int
    stage: Stage = "both"
    rate: float = 1.5e-3
    warm_up: int = 200
    fall: float = 0.5
    save_every: int = 500
    evaluate_every: int = 1000
    evaluation_clips: int = 20
    data: NanoDataConfig = field(default_factory=NanoDataConfig)
    flat_start: bool = False
    """Also learn phonemes where they would be if all took the same time: CTC alone takes long to find them."""
    precision: str = "float32"
    """`bfloat16` computes under autocast: faster on GPUs and on CPUs with AMX, half as fast on those without."""

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        left = (self.steps - step) / max(1.0, self.fall * self.steps)
        return self.rate * min(1.0, (step + 1) / self.warm_up, left)


class NanoTrainer:
    """The model, what is trained beside it and thrown away, and the optimizer."""

    def __init__(self, model: Gemma3n, plan: NanoPlan, device: str = "cpu", nested: Size = HALF) -> None:
        torch.manual_seed(plan.data.seed)
        self.model = model.to(device)
        audio = model.config.audio
        self.ctc_head = CTCHead(audio.hidden_size, audio.conf_reduction_factor).to(device)
        self.nested = NestedModel(self.model, nested)
        self.stage = plan.stage
        self._is_flat = plan.flat_start
        self._is_short = plan.precision == "bfloat16"
        width = model.config.text.hidden_size
        self.phoneme_embedding = PhonemeEmbedding(audio.conf_reduction_factor, width, audio.rms_norm_eps).to(device)
        self.parts: dict[str, nn.Module] = {
            "model": self.model,
            "ctc_head": self.ctc_head,
            "phoneme_embedding": self.phoneme_embedding,
        }
        self.optimizer = state.optimizer_of(self.parts, plan.rate, _WEIGHT_DECAY)

    def train_step(self, batch: NanoBatch, rate: float) -> dict[str, float]:
        """Learn from a batch; gives its losses and the norm of its gradient."""
        losses = self.losses(batch)
        answers = [losses[name] for name in ("whole", "nested") if name in losses]
        ctc = [losses[name] for name in ("ctc", "ctc_tokens") if name in losses]
        share = _CTC_SHARE if answers else 1.0
        total = torch.stack([*(loss / 2 for loss in answers), *(share * loss / 2 for loss in ctc)]).sum()
        if "attention" in losses:
            total = total + _ATTENTION_SHARE * losses["attention"]
        if self._is_flat and "even" in losses:
            total = total + losses["even"]
        norm = update_weights(total, self.optimizer, rate, self.model)
        return {name: float(loss.detach()) for name, loss in losses.items()} | {"norm": norm}

    def losses(self, batch: NanoBatch) -> dict[str, Tensor]:
        """CTC of all clips, and what the whole and the nested model make of their halves of the tasks."""
        device = self.model.device
        losses: dict[str, Tensor] = {}
        encoded: list[Tensor] = []
        with torch.autocast(device.type, torch.bfloat16, enabled=self._is_short):
            if self.stage != "decoder":
                frames, mask = encode_frames(self.model.audio_tower, batch.mel.to(device), batch.mask.to(device))
                losses |= self.ctc_head.losses(frames, mask, batch)
                encoded.append(self.model.embed_audio(frames[:, :: self.model.config.audio.conf_reduction_factor]))
            if self.stage != "encoder":
                if len(batch.symbols):
                    encoded.append(self.phoneme_embedding(batch.symbols.to(device)))
                losses |= self._answers(batch, _side_by_side(encoded))
        return losses

    def _answers(self, batch: NanoBatch, clips: Tensor) -> dict[str, Tensor]:
        """Of the whole and the nested model, and the guided attention loss of both."""
        losses: dict[str, Tensor] = {}
        guided: list[Tensor] = []
        for name, tasks, decoder, answer in (
            ("whole", batch.whole, self.model.language_model, partial(answer_loss, self.model)),
            ("nested", batch.nested, self.nested.model.language_model, self.nested.answer_loss),
        ):
            examples = tasks.to(self.model.device)
            guidance = GuidedAttention(examples.attention_targets)
            with guidance.watch(decoder):
                losses[name] = answer(examples, clips)
            guided += guidance.losses
        return losses | {"attention": torch.stack(guided).mean()} if guided else losses


def _side_by_side(parts: list[Tensor]) -> Tensor:
    """[C, T, D] of different lengths as one, with zeros after the shorter; parts of no clips are left out."""
    filled = [part for part in parts if len(part)]
    length = max(part.shape[1] for part in filled)
    return torch.cat([F.pad(part, (0, 0, 0, length - part.shape[1])) for part in filled])
