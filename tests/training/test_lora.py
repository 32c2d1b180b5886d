"""LoRA: what is merged says what was learned, a size inside learns the same numbers, and all else stays."""

import pytest
import torch
from torch import Tensor, nn

from speech3n.models.gemma3n.elastic import submodel_of
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.finetune.lora import AdaptedLinear, adapt, merge
from speech3n.training.nano.model import new_nano
from tests.training.nano_doubles import SMALL_HALF, small_nano

IDS = torch.arange(3, 20)[None]
MEL = torch.randn(1, 64, 128, generator=torch.Generator().manual_seed(2)) - 4


def learned_model() -> Gemma3n:
    """A small model beside whose matrices something was learned."""
    model = new_nano(small_nano()[1], 0)
    adapt(model, 3, 1)
    generator = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, AdaptedLinear):
            module.up.data = 0.3 * torch.randn(module.up.shape, generator=generator)
    return model


@torch.no_grad()
def outputs(model: Gemma3n) -> Tensor:
    """Logits and soft tokens."""
    return torch.cat([model(IDS).flatten(), model.encode(MEL).flatten()])


def test_what_was_merged_says_what_was_learned() -> None:
    model = learned_model()
    expected = outputs(model)
    names = set(new_nano(small_nano()[1], 0).state_dict())
    merge(model)
    torch.testing.assert_close(outputs(model), expected, atol=1e-4, rtol=1e-4)
    assert set(model.state_dict()) == names
    assert (outputs(new_nano(small_nano()[1], 0)) - expected).abs().max() > 0.1


def test_before_anything_is_learned_the_model_says_the_same() -> None:
    model = new_nano(small_nano()[1], 0)
    expected = outputs(model)
    adapt(model, 3, 1)
    assert torch.equal(outputs(model), expected)


def test_encoder_decoder_and_the_bridge_between_are_adapted() -> None:
    adapted = {name for name, module in learned_model().named_modules() if isinstance(module, AdaptedLinear)}
    for name in (
        "audio_tower.conformer.1.attention.attn.q_proj",
        "audio_tower.conformer.0.attention.post",
        "audio_tower.conformer.0.lconv1d.linear_start",
        "audio_tower.conformer.0.ffw_layer_end.ffw_layer_2",
        "embed_audio.embedding_projection",
        "language_model.layers.0.mlp.up_proj",
        "language_model.layers.2.self_attn.o_proj",
    ):
        assert name in adapted
    assert not any("laurel" in name or "altup" in name or "per_layer" in name or "pos_proj" in name for name in adapted)


def test_a_size_inside_is_the_size_inside_what_comes_out_and_learns_the_same_numbers() -> None:
    model = learned_model()
    size = SMALL_HALF.of(model.config.text)
    narrow = submodel_of(model, size)
    with torch.no_grad():
        said = narrow(IDS)
    narrow(IDS).square().sum().backward()
    mlp = model.language_model.layers[0].mlp
    assert isinstance(mlp.gate_proj, AdaptedLinear)
    gradient = mlp.gate_proj.up.grad
    assert gradient is not None
    assert gradient[: SMALL_HALF.ffn].any()
    assert not gradient[SMALL_HALF.ffn :].any()
    merge(model)
    with torch.no_grad():
        torch.testing.assert_close(submodel_of(model, size)(IDS), said, atol=1e-4, rtol=1e-4)


def test_only_the_first_inputs_are_a_layer() -> None:
    with pytest.raises(ValueError, match="first inputs"):
        AdaptedLinear(nn.Linear(8, 8, bias=False), 2).columns(2, 4)
