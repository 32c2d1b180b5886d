"""The contract of streaming modules, checked: whatever `StreamingModule` promises, one function holds a module to."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from speech3n.layers.streaming import StreamingModule
from tests.layers.states import clone_state, state_tensors

MakeInput: TypeAlias = Callable[[int, int, torch.Generator], Tensor]
"""A random input [B, T, ...] of so many streams and frames."""
PADDINGS = (float("nan"), float("inf"), float("-inf"), 1e4)
CHOPPINGS = 6


def verify_streaming_contract(
    module: StreamingModule[Any],
    make_input: MakeInput,
    *,
    init_state: Callable[[int], Any] | None = None,
    frames: int = 41,
    unread: int = 0,
    tolerance: float = 1e-5,
) -> None:
    """Hold a module to the contract on inputs of `frames` frames; AssertionError says which promise it breaks.

    `init_state` replaces the module's own where that wants more than the batch size. `unread` is how many of the
    frames that an output waits for it does not read. `tolerance` is relative to the largest value.
    """
    case = Case(module, make_input, init_state or module.init_state, frames, unread, tolerance)
    with torch.no_grad():
        for check in CHECKS:
            check(case)
    with torch.enable_grad():
        verify_padding_reaches_no_gradient(case)


@dataclass(frozen=True)
class Case:
    """A module with what the checks need to use it."""

    module: StreamingModule[Any]
    make_input: MakeInput
    init_state: Callable[[int], Any]
    frames: int
    unread: int
    tolerance: float

    def input(self, batch: int = 2, frames: int | None = None, seed: int = 0) -> Tensor:
        """Random sequences, the same for the same seed."""
        frames = self.frames if frames is None else frames
        return self.make_input(batch, frames, torch.Generator().manual_seed(seed))

    def whole(self, x: Tensor) -> Tensor:
        """`forward` without padding."""
        y, mask = self.module(x)
        assert mask is None, "forward made a mask out of nothing"
        return y

    def stream(self, x: Tensor, sizes: Sequence[int], state: Any = None) -> Tensor:
        """`step` on blocks of these sizes, then `flush`."""
        state = self.init_state(x.shape[0]) if state is None else state
        outputs = [self.module.step(block, state) for block in x.split(list(sizes), 1)]
        outputs.append(self.flush(state, outputs[-1]))
        return torch.cat(outputs, 1)

    def flush(self, state: Any, like: Tensor) -> Tensor:
        """What `flush` gives, no frames where it gives nothing."""
        rest = self.module.flush(state)
        return like[:, :0] if rest is None else rest

    def choppings(self, total: int) -> list[list[int]]:
        """Sizes that add up to `total`: everything at once, block by block, with empty blocks, and at random."""
        block = self.module.block_size
        assert total % block == 0, "the test wants whole blocks"
        found = [[total], [block] * (total // block), [0, block, 0, 0, total - block, 0]]
        for seed in range(CHOPPINGS):
            draw, sizes = random.Random(seed), []
            longest = draw.choice([2, 5, total // block])
            while (left := total - sum(sizes)) > 0:
                sizes.append(min(left, block * draw.randint(0, longest)))
            found.append(sizes)
        return found

    def same(self, one: Tensor, other: Tensor) -> bool:
        """Whether two outputs are equal within the tolerance, and neither holds anything but numbers."""
        if one.shape != other.shape or not bool(one.isfinite().all() and other.isfinite().all()):
            return False
        largest = float(other.abs().max()) if other.numel() else 0.0
        return one.numel() == 0 or float((one - other).abs().max()) <= self.tolerance * largest

    @property
    def timing(self) -> tuple[int, int]:
        """What the module declares: stride and lookahead."""
        return self.module.stride, self.module.lookahead


def verify_steps_equal_forward(case: Case) -> None:
    """However a sequence is cut, its blocks and the flush give what `forward` gives."""
    for frames in sorted({0, case.module.block_size, case.frames - case.module.block_size, case.frames}):
        x = case.input(frames=frames)
        y = case.whole(x)
        assert y.shape[:2] == (2, y.shape[1])
        for sizes in case.choppings(frames) if frames else [[0], [0, 0]]:
            streamed = case.stream(x, sizes)
            assert case.same(streamed, y), f"{frames} frames in blocks of {sizes} differ from forward"


def verify_rows_are_streams_of_their_own(case: Case) -> None:
    """Each row of a batch gives what it gives alone."""
    x = case.input(batch=3)
    together = case.whole(x)
    for row in range(3):
        assert case.same(together[row : row + 1], case.whole(x[row : row + 1])), "rows of a batch touch each other"
    for sizes in case.choppings(case.frames)[-2:]:
        rows = [case.stream(x[row : row + 1], sizes) for row in range(3)]
        assert case.same(torch.cat(rows), together), "rows of a batch of streams touch each other"


def verify_state_keeps_its_size(case: Case) -> None:
    """Shapes, dtypes and bytes of a state are those of its first moment, however long the stream."""
    for sizes in case.choppings(case.frames):
        state = case.init_state(2)
        before = _shapes(state)
        assert before, "the state holds no tensor"
        for block in case.input().split(sizes, 1):
            case.module.step(block, state)
            assert _shapes(state) == before, "the state changes its shape"
        size = _bytes(state)
        for seed in range(3):
            case.module.step(case.input(seed=seed), state)
            assert _shapes(state) == before, "the state changes its shape"
            assert _bytes(state) <= size + _COUNTERS, "the state grows"
        case.module.flush(state)
        assert _shapes(state) == before, "flush changes the shape of the state"


def verify_states_can_be_cloned_and_saved(case: Case) -> None:
    """Two continuations from one point know nothing of each other."""
    block = case.module.block_size
    head = case.frames // 3 // block * block
    tails = [case.input(frames=2 * head, seed=seed) for seed in (1, 2)]
    x = case.input(frames=head)
    state = case.init_state(2)
    start = case.module.step(x, state)
    cloned, saved = clone_state(state), pickle.loads(pickle.dumps(state))
    assert not {t.data_ptr() for t in state_tensors(state) if t.numel()} & {
        t.data_ptr() for t in state_tensors(cloned) if t.numel()
    }, "a cloned state shares memory with the first"
    kept = copy.deepcopy(cloned)
    going_on = partial(case.stream, sizes=[block, 2 * head - block])
    continued = [going_on(tails[0], state=state), going_on(tails[1], state=cloned), going_on(tails[1], state=saved)]
    for tail, rest in zip([*tails, tails[1]], continued, strict=True):
        expected = case.whole(torch.cat([x, tail], 1))
        assert case.same(torch.cat([start, rest], 1), expected), "a copy of a state goes on otherwise"
    assert case.same(going_on(tails[0], state=kept), continued[0])


def verify_one_module_serves_many_streams(case: Case) -> None:
    """Streams that take turns at one module give what they give alone; the module is left as it was."""
    block = case.module.block_size
    xs = [case.input(seed=seed) for seed in (3, 4)]
    expected = [case.whole(x) for x in xs]
    before = {name: value.clone() for name, value in _tensors(case.module).items()}
    states = [case.init_state(2) for _ in xs]
    outputs: list[list[Tensor]] = [[], []]
    size = 3 * block
    for place in range(0, case.frames, size):
        for x, state, output in zip(xs, states, outputs, strict=True):
            output.append(case.module.step(x[:, place : place + size], state))
    for state, output, whole in zip(states, outputs, expected, strict=True):
        output.append(case.flush(state, output[-1]))
        assert case.same(torch.cat(output, 1), whole), "streams touch each other"
    after = _tensors(case.module)
    assert before.keys() == after.keys(), "a stream leaves something in the module"
    assert all(torch.equal(before[name], after[name]) for name in before), "a stream changes the module"


def verify_inputs_are_left_alone(case: Case) -> None:
    """Neither `forward` nor `step` writes into what it is given."""
    x = case.input()
    kept, mask = x.clone(), torch.arange(case.frames)[None] < torch.tensor([[case.frames], [case.frames // 2]])
    case.whole(x)
    case.module(x, mask)
    case.stream(x, [case.frames])
    assert torch.equal(x, kept), "the input is written to"


def verify_outputs_come_when_declared(case: Case) -> None:
    """After n frames there are all outputs t with `t * stride + lookahead < n`, and no others."""
    (stride, lookahead), block = case.timing, case.module.block_size
    state, produced = case.init_state(1), 0
    for blocks, frame in enumerate(case.input(batch=1).split(block, 1), 1):
        produced += case.module.step(frame, state).shape[1]
        due = max(0, (blocks * block - lookahead - 1) // stride + 1)
        assert produced == due, f"{produced} outputs after {blocks * block} frames, where {due} were declared"
    assert produced > 1, "too few frames to see"


def verify_lookahead_is_what_is_read(case: Case) -> None:
    """Output t reads input frames up to `t * stride + lookahead`, that one included, and none later."""
    stride, lookahead = case.timing
    x = case.input(batch=1)
    y = case.whole(x)
    outputs = (case.frames - lookahead - 1) // stride + 1
    for output in {0, 1, outputs // 2, outputs - 1}:
        edge = output * stride + lookahead
        assert not _changed(case, x, y, edge + 1)[: output + 1].any(), f"output {output} reads beyond frame {edge}"
        last = edge - case.unread
        assert _changed(case, x, y, last)[output], f"output {output} does not read frame {last}"


def verify_padding_reaches_no_signal(case: Case) -> None:
    """Whatever the padding holds, the outputs that the mask calls signal are the same, and as if the row were alone."""
    stride, lookahead = case.timing
    lengths = [case.frames, case.frames * 2 // 3, case.frames // 3, 1, 0]
    x, mask = _padded(case, lengths, 0.0)
    expected, out_mask = case.module(x, mask)
    assert out_mask is not None, "the mask is lost"
    assert out_mask.shape == expected.shape[:2], "the mask is not at the rate of the output"
    signal = torch.arange(expected.shape[1]) * stride < torch.tensor(lengths)[:, None]
    assert torch.equal(out_mask, signal), "the mask calls signal what is none, or the reverse"
    assert torch.equal(mask, _padded(case, lengths, 0.0)[1]), "the mask is written to"
    for value in PADDINGS:
        y, _ = case.module(_padded(case, lengths, value)[0], mask)
        assert torch.equal(y[signal], expected[signal]), f"{value} in the padding reaches the signal"
    for row, length in enumerate(lengths):
        alone = case.whole(x[row : row + 1, :length])
        complete = max(0, (length - lookahead - 1) // stride + 1)
        assert case.same(expected[row : row + 1, :complete], alone[:, :complete]), "padding changes a row"
    full, everything = case.input(), torch.ones(2, case.frames, dtype=torch.bool)
    assert case.same(case.module(full, everything)[0], case.whole(full)), "a mask without padding changes the output"


def verify_padding_reaches_no_gradient(case: Case) -> None:
    """What the padding holds changes no gradient either."""
    lengths = [case.frames, case.frames // 2]
    gradients = []
    for value in (0.0, *PADDINGS):
        x, mask = _padded(case, lengths, value)
        x.requires_grad_()
        y, out_mask = case.module(x, mask)
        assert out_mask is not None
        gradients.append(_gradients(case.module, x, y[out_mask].square().sum()))
    for found in gradients:
        assert all(bool(gradient.isfinite().all()) for gradient in found), "padding reaches the gradients"
        assert all(map(case.same, found, gradients[0])), "padding reaches the gradients"


CHECKS = (
    verify_inputs_are_left_alone,
    verify_steps_equal_forward,
    verify_rows_are_streams_of_their_own,
    verify_state_keeps_its_size,
    verify_states_can_be_cloned_and_saved,
    verify_one_module_serves_many_streams,
    verify_outputs_come_when_declared,
    verify_lookahead_is_what_is_read,
    verify_padding_reaches_no_signal,
)
_COUNTERS = 64
"""Bytes by which the numbers in a saved state may grow: a count has more digits later."""


def _padded(case: Case, lengths: Sequence[int], value: float) -> tuple[Tensor, Tensor]:
    x = case.input(batch=len(lengths))
    mask = torch.arange(x.shape[1]) < torch.tensor(lengths)[:, None]
    return torch.where(mask.view(*mask.shape, *[1] * (x.dim() - 2)), x, value), mask


def _changed(case: Case, x: Tensor, y: Tensor, frame: int) -> Tensor:
    """Which outputs [T'] change when one input frame does; none where the input has no such frame."""
    if frame >= x.shape[1]:
        return torch.zeros(y.shape[1], dtype=torch.bool)
    other = x.clone()
    # Large, so that a frame shows at the very edge of a window as well.
    other[:, frame] += 1e5 * (1 + case.input(batch=1, seed=9)[:, frame].abs())
    changes = (case.whole(other) - y).abs().flatten(2).amax((0, 2))
    return changes > case.tolerance * y.abs().max()


def _gradients(module: nn.Module, x: Tensor, loss: Tensor) -> list[Tensor]:
    wanted = [x, *(parameter for parameter in module.parameters() if parameter.requires_grad)]
    found = torch.autograd.grad(loss, wanted, allow_unused=True)
    return [
        torch.zeros_like(value) if gradient is None else gradient for value, gradient in zip(wanted, found, strict=True)
    ]


def _shapes(state: Any) -> list[tuple[torch.Size, torch.dtype]]:
    return [(tensor.shape, tensor.dtype) for tensor in state_tensors(state)]


def _bytes(state: Any) -> int:
    """What a saved state takes: also what no tensor holds, and the whole memory behind a tensor that is a view."""
    return len(pickle.dumps(state))


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Everything that a module holds, apart from plain Python attributes."""
    return dict(module.named_parameters()) | dict(module.named_buffers())
