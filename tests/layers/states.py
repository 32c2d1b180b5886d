"""The states of streaming modules, taken apart: dataclasses, lists and tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from torch import Tensor

State = TypeVar("State")


def clone_state(state: State) -> State:
    """A copy that shares no memory, to go on from the same point twice."""
    copied: Any = state
    if isinstance(state, Tensor):
        copied = state.clone()
    elif isinstance(state, list):
        copied = [clone_state(item) for item in state]
    elif dataclasses.is_dataclass(state) and not isinstance(state, type):
        fields = dataclasses.fields(state)
        copied = type(state)(**{field.name: clone_state(getattr(state, field.name)) for field in fields})
    return cast(State, copied)


def state_tensors(state: object) -> Iterator[Tensor]:
    """Every tensor of a state, in a fixed order."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, list):
        for item in state:
            yield from state_tensors(item)
    elif dataclasses.is_dataclass(state):
        for field in dataclasses.fields(state):
            yield from state_tensors(getattr(state, field.name))
