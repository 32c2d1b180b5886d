"""What is measured: a loaded model that does one piece of work after the other.

Every method returns the seconds of its parts: one number, or one for each update.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from speech3n.types import SAMPLE_RATE

PREFILL = 220
DECODED = 16
CLIP_S = 30


class System(Protocol):
    """A loaded model."""

    def prefill(self) -> list[float]:
        """A prompt of `PREFILL` positions, up to the logits of the last."""
        ...

    def decode(self) -> list[float]:
        """`DECODED` tokens behind that prompt, one after the other."""
        ...

    def encode(self) -> list[float]:
        """A clip of `CLIP_S` at once, to soft tokens."""
        ...

    def encode_steps(self) -> list[float]:
        """The same clip in steps of 160 ms; no numbers where the system cannot."""
        ...

    def live(self) -> list[float]:
        """The updates of a steady stream (`steady`)."""
        ...


def seconds_of(run: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def noise(seconds: float) -> Tensor:
    """Sound [1, T] at 16 kHz, always the same."""
    return torch.randn(1, round(seconds * SAMPLE_RATE), generator=torch.Generator().manual_seed(0)) * 0.1


def some_ids(count: int) -> Tensor:
    """Ids [1, count] of text."""
    return torch.randint(1000, 50_000, (1, count), generator=torch.Generator().manual_seed(count))
