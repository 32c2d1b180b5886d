"""The contract of a layer that has a past: what `forward` gives for a whole sequence, `step` gives bit by bit.

The idea is that of Google's sequence-layers. A module holds weights only; what a stream keeps of its past lies in a
state, a dataclass of tensors (batch first) and counters that the module makes, changes and never keeps. One set
of weights therefore serves many streams, and a state can be cloned, saved or moved to another device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from torch import Tensor, nn

State = TypeVar("State")
Nested = TypeVar("Nested")


class StreamingModule(nn.Module, ABC, Generic[State]):
    """A layer over time: `forward` on a whole sequence equals `step` on its blocks and one `flush`.

    Sequences are [B, T, ...]. In `forward`, `mask` [B, T] is True where there is signal and False in the padding
    after it; whatever the padding holds, NaN included, changes nothing that the returned mask calls signal.
    """

    block_size: int = 1
    """`step` takes whole multiples of this many input frames."""
    stride: int = 1
    """Input frames for each output frame."""
    lookahead: int = 0
    """How many input frames after its own an output frame waits for."""

    @abstractmethod
    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Process whole sequences [B, T, ...]; the mask comes back at the rate of the output."""

    @abstractmethod
    def init_state(self, batch_size: int = 1) -> State:
        """The state of `batch_size` streams at their beginning."""

    @abstractmethod
    def step(self, x: Tensor, state: State) -> Tensor:
        """Process the next frames [B, n * block_size, ...] of each stream and change `state`; may return no frames."""

    def flush(self, state: State) -> Tensor | None:
        """The frames that were waiting for what will not come; None for a layer that never waits."""
        return None


def silence_padding(x: Tensor, mask: Tensor | None, value: float = 0.0) -> Tensor:
    """`x` [B, T, ...] with every frame outside `mask` [B, T] replaced by `value`."""
    if mask is None:
        return x
    return x.masked_fill(~mask.view(*mask.shape, *[1] * (x.dim() - 2)), value)
