"""Who is trained, and how: the model, the nested one inside it, the CTC head beside it, and the course of the rate."""

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
from speech3n.training.nano.batches import Course, Lesson
from speech3n.training.nano.ctc import Speller, encode_frames
from speech3n.training.nano.guided_attention import Guidance
from speech3n.training.nano.model import HALF
from speech3n.training.nano.phoneme_embedding import Script
from speech3n.training.nested import NestedModel
from speech3n.training.step import answer_loss, clip_coefficients

Stage = Literal["hear", "read", "both"]
"""What is trained: the encoder by CTC, the decoder by what it reads, or everything by everything."""
_LARGEST_GRADIENT_NORM = 1.0
_CTC_SHARE = 0.3
_LOOK_SHARE = 0.3
_WEIGHT_DECAY = 0.02


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. The rate rises, stays, and falls over the last `fall` of the steps."""

    steps: int
    stage: Stage = "both"
    rate: float = 1.5e-3
    warm_up: int = 200
    fall: float = 0.5
    save_every: int = 500
    exam_every: int = 1000
    exam_clips: int = 20
    course: Course = field(default_factory=Course)
    flat_start: bool = False
    """Also learn phonemes where they would be if all took the same time: CTC alone takes long to find them."""
    precision: str = "float32"
    """`bfloat16` computes under autocast: faster on GPUs and on CPUs with AMX, half as fast on those without."""

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        left = (self.steps - step) / max(1.0, self.fall * self.steps)
        return self.rate * min(1.0, (step + 1) / self.warm_up, left)


class Trainee:
    """The model, what is trained beside it and thrown away, and the optimizer."""

    def __init__(self, model: Gemma3n, plan: Plan, device: str = "cpu", nested: Size = HALF) -> None:
        torch.manual_seed(plan.course.seed)
        self.model = model.to(device)
        audio = model.config.audio
        self.speller = Speller(audio.hidden_size, audio.conf_reduction_factor).to(device)
        self.nested = NestedModel(self.model, nested)
        self.stage = plan.stage
        self._is_flat = plan.flat_start
        self._is_short = plan.precision == "bfloat16"
        self.script = Script(audio.conf_reduction_factor, model.config.text.hidden_size, audio.rms_norm_eps).to(device)
        self.parts: dict[str, nn.Module] = {"model": self.model, "speller": self.speller, "script": self.script}
        self.optimizer = state.optimizer_of(self.parts, plan.rate, _WEIGHT_DECAY)

    def learn(self, lesson: Lesson, rate: float) -> dict[str, float]:
        """One step; gives its losses and the norm of its gradient."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.losses(lesson)
        answers = [losses[name] for name in ("whole", "nested") if name in losses]
        heard = [losses[name] for name in ("ctc", "ctc_tokens") if name in losses]
        share = _CTC_SHARE if answers else 1.0
        total = torch.stack([*(loss / 2 for loss in answers), *(share * loss / 2 for loss in heard)]).sum()
        if "look" in losses:
            total = total + _LOOK_SHARE * losses["look"]
        if self._is_flat and "even" in losses:
            total = total + losses["even"]
        total.backward()  # type: ignore[no-untyped-call]
        parameters = [value for _, value in state.trained(self.parts)]
        norm = nn.utils.clip_grad_norm_(parameters, _LARGEST_GRADIENT_NORM)
        if torch.isfinite(norm):
            self.optimizer.step()
            clip_coefficients(self.model)
        return {name: float(loss.detach()) for name, loss in losses.items()} | {"norm": float(norm)}

    def losses(self, lesson: Lesson) -> dict[str, Tensor]:
        """CTC of all clips, and what the whole and the nested model make of their halves of the questions."""
        device = self.model.device
        losses: dict[str, Tensor] = {}
        encoded: list[Tensor] = []
        with torch.autocast(device.type, torch.bfloat16, enabled=self._is_short):
            if self.stage != "read":
                frames, mask = encode_frames(self.model.audio_tower, lesson.mel.to(device), lesson.mask.to(device))
                losses |= self.speller.losses(frames, mask, lesson)
                encoded.append(self.model.embed_audio(frames[:, :: self.model.config.audio.conf_reduction_factor]))
            if self.stage != "hear":
                if len(lesson.symbols):
                    encoded.append(self.script(lesson.symbols.to(device)))
                losses |= self._answers(lesson, _side_by_side(encoded))
        return losses

    def _answers(self, lesson: Lesson, clips: Tensor) -> dict[str, Tensor]:
        """Of the whole and the nested model, and how far both look from where they should."""
        losses: dict[str, Tensor] = {}
        guided: list[Tensor] = []
        for name, questions, decoder, answer in (
            ("whole", lesson.whole, self.model.language_model, partial(answer_loss, self.model)),
            ("nested", lesson.nested, self.nested.model.language_model, self.nested.answer_loss),
        ):
            batch = questions.to(self.model.device)
            guidance = Guidance(batch.looks)
            with guidance.watch(decoder):
                losses[name] = answer(batch, clips)
            guided += guidance.losses
        return losses | {"look": torch.stack(guided).mean()} if guided else losses


def _side_by_side(parts: list[Tensor]) -> Tensor:
    """[C, T, D] of different lengths as one, with zeros after the shorter; parts of no clips are left out."""
    filled = [part for part in parts if len(part)]
    length = max(part.shape[1] for part in filled)
    return torch.cat([F.pad(part, (0, 0, 0, length - part.shape[1])) for part in filled])
