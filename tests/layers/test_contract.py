"""Every streaming module keeps the contract, none is forgotten, and a module that breaks it is found out."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from speech3n.audio.frontend import FrontendConfig, LogMel
from speech3n.layers import conv, norm
from speech3n.layers.conv import CausalDepthwiseConv, StridedConv
from speech3n.layers.local_attention import LocalAttention
from speech3n.layers.norm import CumulativeGroupNorm
from speech3n.layers.streaming import StreamingModule
from speech3n.models.gemma3n.audio import AudioEncoder, ConvBlock, SubsampleConvProjection
from speech3n.models.gemma3n.config import AudioConfig
from speech3n.models.gemma3n.conformer import ConformerBlock
from tests.conftest import REPOSITORY
from tests.layers.contract import MakeInput, verify_streaming_contract

BINS, CHANNELS = 10, 6
AUDIO = AudioConfig(
    input_feat_size=BINS,
    hidden_size=16,
    conf_num_attention_heads=2,
    conf_num_hidden_layers=2,
    sscp_conv_channel_size=(5, 3),
)
CASES: dict[str, tuple[Callable[[], StreamingModule[Any]], tuple[int, ...], dict[str, Any]]] = {
    # What to build, the shape of a frame, and what the contract has to know beside it.
    "LogMel": (LogMel, (), {"frames": 1_500, "unread": 1}),
    "LogMel, normalised": (
        lambda: LogMel(FrontendConfig(feature_size=3, per_bin_mean=(1.0, -2.0, 3.0), per_bin_stddev=(0.5, 2.0, 4.0))),
        (),
        {"frames": 1_100, "unread": 1},
    ),
    "CausalDepthwiseConv": (lambda: CausalDepthwiseConv(CHANNELS, 5), (CHANNELS,), {}),
    "CausalDepthwiseConv, one tap": (lambda: CausalDepthwiseConv(CHANNELS, 1), (CHANNELS,), {}),
    "StridedConv": (lambda: StridedConv(2, 3, 3, 2), (BINS, 2), {"bins": BINS}),
    "StridedConv, stride 1": (lambda: StridedConv(2, 3, 3, 1), (BINS, 2), {"bins": BINS}),
    "StridedConv, kernel as stride": (lambda: StridedConv(2, 3, 3, 3), (BINS, 2), {"bins": BINS}),
    "StridedConv, wide": (lambda: StridedConv(2, 3, 5, 2), (BINS, 2), {"bins": BINS}),
    "CumulativeGroupNorm": (lambda: CumulativeGroupNorm(CHANNELS), (BINS, CHANNELS), {}),
    "LocalAttention": (lambda: LocalAttention(16, 2, 12, 50.0), (16,), {}),
    "LocalAttention, short": (lambda: LocalAttention(16, 4, 3, 1.0), (16,), {}),
    "LocalAttention, no past": (lambda: LocalAttention(16, 2, 0, 50.0), (16,), {}),
    "ConvBlock": (lambda: ConvBlock(2, 3, 3, 2, 1e-3), (BINS, 2), {"bins": BINS}),
    "SubsampleConvProjection": (lambda: SubsampleConvProjection(AUDIO), (BINS,), {}),
    "ConformerBlock": (lambda: ConformerBlock(AUDIO), (16,), {}),
    "AudioEncoder": (lambda: AudioEncoder(AUDIO), (BINS,), {"frames": 101}),
}


def build(make: Callable[[], StreamingModule[Any]]) -> StreamingModule[Any]:
    """A module with random weights, those that start as ones and zeros included."""
    torch.manual_seed(0)
    module = make().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter).clamp(-2, 2), alpha=0.3)
    return module


def frames_of(shape: tuple[int, ...]) -> MakeInput:
    return lambda batch, frames, generator: torch.randn(batch, frames, *shape, generator=generator)


def verify(module: StreamingModule[Any], shape: tuple[int, ...], bins: int | None = None, **known: Any) -> None:
    if bins is not None:
        known["init_state"] = lambda batch: module.init_state(batch, bins)  # type: ignore[call-arg]
    verify_streaming_contract(module, frames_of(shape), **known)


@pytest.mark.parametrize("name", CASES)
def test_module_keeps_the_contract(name: str) -> None:
    make, shape, known = CASES[name]
    verify(build(make), shape, **known)


def test_no_streaming_module_is_forgotten() -> None:
    classes = {
        node.name: {base.id for parent in node.bases for base in ast.walk(parent) if isinstance(base, ast.Name)}
        for path in (REPOSITORY / "speech3n").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    streaming = {"StreamingModule"}
    while found := {name for name, bases in classes.items() if bases & streaming} - streaming:
        streaming |= found
    tested = {type(make()).__name__ for make, _, _ in CASES.values()}
    assert len(tested) > 8
    assert streaming - {"StreamingModule"} == tested


class RemembersInTheModule(CausalDepthwiseConv):
    """Keeps the past of the newest stream as its own."""

    def init_state(self, batch_size: int = 1) -> conv.ConvState:
        self.__dict__["past"] = super().init_state(batch_size)
        return super().init_state(batch_size)

    def step(self, x: Tensor, state: conv.ConvState) -> Tensor:
        return super().step(x, self.__dict__["past"])


class KeepsAll(CausalDepthwiseConv):
    """Holds on to all its input, behind a view of constant shape."""

    def step(self, x: Tensor, state: conv.ConvState) -> Tensor:
        kernel = self.weight.shape[2]
        base = state.tail if state.tail._base is None else state.tail._base
        every = torch.cat([base, x], 1)
        y = super().step(x, state)
        state.tail = every[:, every.shape[1] - kernel + 1 :]
        return y


class Grows(CausalDepthwiseConv):
    """A state that is longer after each step."""

    def step(self, x: Tensor, state: conv.ConvState) -> Tensor:
        tail = state.tail
        y = super().step(x, conv.ConvState(tail[:, tail.shape[1] - self.weight.shape[2] + 1 :]))
        state.tail = torch.cat([tail, x], 1)
        return y


class ForgetsThePast(CausalDepthwiseConv):
    """Each block starts from silence."""

    def step(self, x: Tensor, state: conv.ConvState) -> Tensor:
        return super().step(x, self.init_state(x.shape[0]))


class PaddingLeaks(StridedConv):
    """Convolves the padding as it is."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        y, _ = super().forward(x)
        return y, None if mask is None else mask[:, :: self.stride]


class PaddingReachesGradients(CumulativeGroupNorm):
    """Right in the forward pass alone."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        return self.step(x, self.init_state(x.shape[0])), mask


class MaskAtTheWrongRate(StridedConv):
    """Returns the mask that came in."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        return super().forward(x, mask)[0], mask


class NeverFlushes(StridedConv):
    """Loses the end."""

    def flush(self, state: conv.StridedConvState) -> Tensor:
        return self.step(state.tail[:, :0], state)


class MixesRows(CumulativeGroupNorm):
    """One mean for the whole batch."""

    def step(self, x: Tensor, state: norm.CumulativeNormState) -> Tensor:
        return super().step(x, state) - (x.mean((0, 2, 3), keepdim=True) if x.shape[1] else 0)


class WritesIntoItsInput(CumulativeGroupNorm):
    """Normalises in place."""

    def step(self, x: Tensor, state: norm.CumulativeNormState) -> Tensor:
        y = super().step(x.clone(), state)
        if not x.requires_grad:
            x.mul_(1.5)
        return y


def declaring(**declared: int) -> Callable[[], StreamingModule[Any]]:
    """A module that does as ever and says otherwise."""

    def make() -> StreamingModule[Any]:
        module = ConvBlock(2, 3, 3, 2, 1e-3)
        for name, value in declared.items():
            setattr(module, name, value)
        return module

    return make


DEPTHWISE, STRIDED, NORM = (CHANNELS, 5), (2, 3, 3, 2), (CHANNELS,)
BROKEN: dict[str, tuple[Callable[[], StreamingModule[Any]], tuple[int, ...], dict[str, Any]]] = {
    "differ from forward": (lambda: ForgetsThePast(*DEPTHWISE), (CHANNELS,), {}),
    "frames in blocks of": (lambda: NeverFlushes(*STRIDED), (BINS, 2), {"bins": BINS}),
    "rows of a batch touch": (lambda: MixesRows(*NORM), (BINS, CHANNELS), {}),
    "the state changes its shape": (lambda: Grows(*DEPTHWISE), (CHANNELS,), {}),
    "the state grows": (lambda: KeepsAll(*DEPTHWISE), (CHANNELS,), {}),
    "goes on otherwise|streams touch": (lambda: RemembersInTheModule(*DEPTHWISE), (CHANNELS,), {}),
    "the input is written to": (lambda: WritesIntoItsInput(*NORM), (BINS, CHANNELS), {}),
    "were declared": (declaring(lookahead=1), (BINS, 2), {"bins": BINS}),
    "where .* were declared": (declaring(lookahead=3), (BINS, 2), {"bins": BINS}),
    "outputs after": (declaring(stride=1), (BINS, 2), {"bins": BINS}),
    "does not read frame": (lambda: StridedConv(2, 3, 3, 2), (BINS, 2), {"bins": BINS, "unread": -1}),
    "in the padding reaches the signal": (lambda: PaddingLeaks(*STRIDED), (BINS, 2), {"bins": BINS}),
    "padding reaches the gradients": (lambda: PaddingReachesGradients(*NORM), (BINS, CHANNELS), {}),
    "not at the rate": (lambda: MaskAtTheWrongRate(*STRIDED), (BINS, 2), {"bins": BINS}),
}


@pytest.mark.parametrize("complaint", BROKEN)
def test_a_broken_module_is_found_out(complaint: str) -> None:
    make, shape, known = BROKEN[complaint]
    with pytest.raises(AssertionError, match=complaint):
        verify(build(make), shape, **known)
