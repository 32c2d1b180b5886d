"""One set of weights run at several sizes, which a stream may change between its decodes.

A submodel is a `Gemma3n` like any other, with the config of its size, whose parts are those of the whole model or views
of them: a narrower feed-forward is the first columns of the wide one, a layer that is left out is not run. It costs no
memory and is made once for each size.

What submodels share, and what a change of submodel means:

- The audio encoder, all embeddings and the logits are the same for every submodel. So are a stream's soft tokens.
- The cache of keys and values has the same layers in every submodel, because only layers that attend to other layers'
  keys may be left out (in E4B those from 20 on; E2B leaves out 20 to 24). It never has gaps.
- A position that was read keeps the keys and values of the submodel that read it. The next submodel attends to them as
  they are and adds its own: its outputs are those of a stream that ran it from the first position that it read
  itself, with everything before as it stands. Nothing is read again.
- Cutting the cache back keeps that: positions before the cut stay as whoever read them left them. What begins with
  an empty cache, such as the next utterance, is all the new submodel's.

So a stream that never changes equals a sliced checkpoint of its size, and one that changes is a mixture that was not
trained, as any elastic execution is; for speech, the mixture lasts until the end of the utterance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from speech3n.errors import UsageError
from speech3n.layers.nested import first_inputs, first_outputs, shallow, split_inputs, split_outputs
from speech3n.models.gemma3n.config import TextConfig
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.sizes import PRESETS, WHOLE, Size, SubmodelShape
from speech3n.models.gemma3n.text import TextDecoder
from speech3n.models.gemma3n.text_layers import DecoderLayer


class Submodels:
    """The sizes at which a model is run, smallest first; `submodels[name]` is one of them.

    Takes the model over. `prepare` changes the modules it is given for the machine (packs their matrices, say): it
    sees the matrices of all sizes once, split where a smaller size ends. Weights must not move or change
    their type afterwards. Raises UsageError for a size that the model does not have, or between which no
    stream could change.
    """

    def __init__(
        self, model: Gemma3n, sizes: Sequence[Size], prepare: Callable[[nn.Module], None] | None = None
    ) -> None:
        text = model.config.text
        prepare = prepare or (lambda module: None)
        shapes = sorted((size.of(text) for size in sizes), key=lambda shape: (sum(shape.widths), len(shape.layers)))
        if len(shapes) > 1:
            for shape in shapes:
                _require_whole_cache(shape, text)
            _split(model.language_model, shapes)
            prepare(model)
        self._submodels = {shape.name: submodel_of(model, shape) for shape in shapes}
        if len(shapes) == 1:
            # What the only size leaves out is never touched, and its file never read.
            prepare(self._submodels[shapes[0].name])
        self.names = tuple(self._submodels)

    def __getitem__(self, name: str) -> Gemma3n:
        if name not in self._submodels:
            raise UsageError(f"The model was not opened at the size '{name}'.", f"It has {', '.join(self.names)}.")
        return self._submodels[name]

    @property
    def largest(self) -> Gemma3n:
        """The submodel of the largest size."""
        return self._submodels[self.names[-1]]


def submodel_of(model: Gemma3n, shape: SubmodelShape) -> Gemma3n:
    """The submodel of a shape, as a model that shares all memory with `model`, for reading only."""
    text = model.config.text
    if shape.is_whole(text):
        return model
    decoder = shallow(model.language_model)
    decoder.config = shape.config(text)
    whole = _layers(model.language_model)
    decoder.layers = nn.ModuleList(
        _narrow_layer(whole[layer], text.intermediate_size[layer], width)
        for layer, width in zip(shape.layers, shape.widths, strict=True)
    )
    if len(shape.layers) < text.num_hidden_layers:
        for name in ("embed_tokens_per_layer", "per_layer_model_projection"):
            setattr(decoder, name, _SomeLayers(getattr(decoder, name), text.num_hidden_layers, shape.layers))
    view = shallow(model)
    view.config = replace(model.config, text=decoder.config)
    view.language_model = decoder
    return view


def sizes_of(text: TextConfig, sizes: Mapping[str, Size] = PRESETS) -> tuple[Size, ...]:
    """All of the `sizes` that a model was trained at, and the whole of it; a model of another shape holds only that."""
    try:
        shapes = [size.of(text) for size in sizes.values()]
    except UsageError:
        return (WHOLE,)
    return (*sizes.values(), *(() if any(shape.is_whole(text) for shape in shapes) else (WHOLE,)))


def shares_cache(one: Gemma3n, other: Gemma3n) -> bool:
    """Whether what one model has read can be attended to by the other: the same layers make their keys."""
    keys = []
    for model in (one, other):
        first_shared = model.config.text.first_shared_layer
        keys.append([layer.self_attn for layer in _layers(model.language_model)[:first_shared]])
    return len(keys[0]) == len(keys[1]) and all(ours is theirs for ours, theirs in zip(*keys, strict=True))


class _SomeLayers(nn.Module):
    """Of what a module gives for all layers, side by side [..., layers * P], that of some [..., kept * P]."""

    def __init__(self, module: nn.Module, layers: int, kept: Sequence[int]) -> None:
        super().__init__()
        self.module = module
        self._layers = layers
        self._kept = list(kept)

    def forward(self, x: Tensor) -> Tensor:
        by_layer: Tensor = self.module(x).unflatten(-1, (self._layers, -1))
        kept = torch.tensor(self._kept, device=by_layer.device)
        return by_layer.index_select(-2, kept).flatten(-2)


def _narrow_layer(layer: DecoderLayer, full: int, width: int) -> DecoderLayer:
    if width == full:
        return layer
    mlp = shallow(layer.mlp)
    for name, narrowed in (("gate_proj", first_outputs), ("up_proj", first_outputs), ("down_proj", first_inputs)):
        setattr(mlp, name, narrowed(getattr(mlp, name), width))
    narrow = shallow(layer)
    narrow.mlp = mlp
    return narrow


def _split(decoder: TextDecoder, shapes: Sequence[SubmodelShape]) -> None:
    """Split the feed-forwards where a size ends."""
    for number, layer in enumerate(_layers(decoder)):
        widths = {shape.widths[shape.layers.index(number)] for shape in shapes if number in shape.layers}
        ends = sorted(widths | {decoder.config.intermediate_size[number]})
        if len(ends) == 1:
            continue
        # Others hold those with fewer outputs themselves: layers of which single rows are read are never packed.
        for name in ("gate_proj", "up_proj"):
            linear = getattr(layer.mlp, name)
            if type(linear) is nn.Linear:
                setattr(layer.mlp, name, split_outputs(linear, ends))
        setattr(layer.mlp, "down_proj", split_inputs(layer.mlp.down_proj, ends))  # noqa: B010


def _require_whole_cache(shape: SubmodelShape, text: TextConfig) -> None:
    missing = [layer for layer in range(text.first_shared_layer) if layer not in shape.layers]
    if missing:
        raise UsageError(
            f"A stream cannot change to the size '{shape.name}': it leaves out layer {missing[0]}, which has keys of "
            "its own, and the others would find gaps where it was left out.",
            f"Leave out layers from {text.first_shared_layer} on only, or give this size alone.",
        )


def _layers(decoder: TextDecoder) -> list[DecoderLayer]:
    return [layer for layer in decoder.layers if isinstance(layer, DecoderLayer)]
