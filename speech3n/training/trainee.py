"""Who is trained, and how: the model, the nested one inside it, the CTC head beside it, and the course of the rate."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.sizes import Size
from speech3n.training import state
from speech3n.training.ctc import Speller, ctc_loss, encode_frames
from speech3n.training.lessons import Course, Lesson
from speech3n.training.nano import HALF
from speech3n.training.nested import NestedModel
from speech3n.training.step import answer_loss, clip_coefficients

_LARGEST_GRADIENT_NORM = 1.0
_CTC_SHARE = 0.3
_WEIGHT_DECAY = 0.02


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. The rate rises, stays, and falls over the last `fall` of the steps."""

    steps: int
    encoder_steps: int
    rate: float = 1.5e-3
    warm_up: int = 500
    fall: float = 0.25
    save_every: int = 500
    exam_every: int = 1000
    exam_clips: int = 20
    course: Course = field(default_factory=Course)
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
        self.speller = Speller(model.config.audio.hidden_size).to(device)
        self.nested = NestedModel(self.model, nested)
        self._is_short = plan.precision == "bfloat16"
        self.parts: dict[str, nn.Module] = {"model": self.model, "speller": self.speller}
        self.optimizer = state.optimizer_of(self.parts, plan.rate, _WEIGHT_DECAY)

    def learn(self, lesson: Lesson, rate: float, *, with_decoder: bool) -> dict[str, float]:
        """One step; gives its losses and the norm of its gradient."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.losses(lesson, with_decoder=with_decoder)
        total = losses["ctc"]
        if with_decoder:
            total = _CTC_SHARE * total + (losses["whole"] + losses["nested"]) / 2
        total.backward()  # type: ignore[no-untyped-call]
        parameters = [value for _, value in state.trained(self.parts)]
        norm = nn.utils.clip_grad_norm_(parameters, _LARGEST_GRADIENT_NORM)
        if torch.isfinite(norm):
            self.optimizer.step()
            clip_coefficients(self.model)
        return {name: float(loss.detach()) for name, loss in losses.items()} | {"norm": float(norm)}

    def losses(self, lesson: Lesson, *, with_decoder: bool) -> dict[str, Tensor]:
        """CTC of all clips, and what the whole and the nested model make of their halves of the questions."""
        device = self.model.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self._is_short):
            frames, mask = encode_frames(self.model.audio_tower, lesson.mel.to(device), lesson.mask.to(device))
            losses = {"ctc": ctc_loss(self.speller(frames), mask, lesson.letters)}
            if with_decoder:
                encoded = self.model.embed_audio(frames[:, :: self.model.config.audio.conf_reduction_factor])
                losses["whole"] = answer_loss(self.model, lesson.whole.to(device), encoded)
                losses["nested"] = self.nested.answer_loss(lesson.nested.to(device), encoded)
        return losses
