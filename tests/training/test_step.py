"""The training step: gradients against transformers', what counts as answer, and coefficients within bounds."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from speech3n.audio.frontend import LogMel
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.prompts import Prompt
from speech3n.models.gemma3n.text_layers import AltUp
from speech3n.training.step import IGNORED, Batch, Example, answer_loss, collate, update_weights
from tests.models.gemma3n.pairs import AUDIO, E2B, SOFT_TOKENS, build_pair, difference, small_config

TOLERANCE = 1e-4
FRAMES = (301, 170)
EXAMPLES = [
    Example(0, SOFT_TOKENS, Prompt((2, 105, 250), (AUDIO, 11, 12, 13)), (40, 41, 42, 43, 44, 106)),
    Example(1, SOFT_TOKENS, Prompt((2, 105, 250), (AUDIO, 14)), (50, 106)),
]
TEXTS = [
    Example(0, 0, Prompt((2,), tuple(range(10, 50))), (*range(60, 90), 106)),
    Example(0, 0, Prompt((2,), (7, 8)), (9, 106)),
]


def test_gradients_of_the_whole_model_equal_the_references() -> None:
    ours, reference = build_pair(small_config())
    mel, mask = _mel()
    batch = collate(EXAMPLES, AUDIO + 1, 0)
    loss = answer_loss(ours, batch, ours.encode(mel, mask, pad_to=SOFT_TOKENS))
    loss.backward()
    expected = reference(input_ids=batch.ids, labels=batch.labels, input_features=mel, input_features_mask=mask).loss
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    compared = _compare_gradients(ours, reference)
    assert {name.split(".")[0] for name in compared} == {"audio_tower", "embed_audio", "language_model"}


def test_gradients_of_the_deep_decoder_equal_the_references() -> None:
    ours, reference = build_pair(small_config(E2B))
    batch = collate(TEXTS, AUDIO + 1, 0)
    answer_loss(ours, batch).backward()
    reference(input_ids=batch.ids, labels=batch.labels).loss.backward()
    assert len(_compare_gradients(ours, reference)) > 30 * 20


def test_only_answers_are_labels_and_each_sound_goes_where_it_belongs() -> None:
    batch = collate(
        [Example(1, 2, Prompt((2, 250), (AUDIO, 9)), (5, 106)), Example(0, 1, EXAMPLES[1].prompt, (106,))], 265, 0
    )
    assert batch.ids.tolist() == [[2, 250, 265, 265, AUDIO, 9, 5, 106], [2, 105, 250, 265, AUDIO, 14, 106, 0]]
    assert batch.labels.tolist() == [[IGNORED] * 6 + [5, 106], [IGNORED] * 6 + [106, IGNORED]]
    encoded = torch.arange(2.0)[:, None, None] * 10 + torch.arange(4.0)[None, :, None]
    assert batch.soft_tokens(encoded)[:, 0].tolist() == [10.0, 11.0, 0.0]


def test_padding_changes_no_gradient() -> None:
    ours, _ = build_pair(small_config())
    alone = collate(TEXTS[1:], AUDIO + 1, 0)
    padded = Batch(
        torch.nn.functional.pad(alone.ids, (0, 30), value=77),
        torch.nn.functional.pad(alone.labels, (0, 30), value=IGNORED),
        alone.clips,
        alone.places,
        alone.attention_targets,
    )
    gradients = []
    for batch in (alone, padded):
        ours.zero_grad()
        answer_loss(ours, batch).backward()
        gradients.append(
            [value.grad.clone() for value in ours.language_model.layers.parameters() if value.grad is not None]
        )
    assert all(difference(one, other) < TOLERANCE for one, other in zip(*gradients, strict=True))


def test_the_row_that_positions_of_audio_read_learns() -> None:
    ours, _ = build_pair(small_config())
    mel, mask = _mel()
    answer_loss(ours, collate(EXAMPLES, AUDIO + 1, 0), ours.encode(mel, mask, pad_to=SOFT_TOKENS)).backward()
    gradient = ours.language_model.embed_tokens_per_layer.weight.grad
    assert gradient is not None
    assert gradient[0].any()


def test_steps_learn_and_keep_coefficients_within_bounds() -> None:
    ours, _ = build_pair(small_config(altup_coef_clip=0.04))
    mel, mask = _mel()
    batch = collate([replace(example, soft_tokens=11) for example in EXAMPLES], AUDIO + 1, 0)
    optimizer = torch.optim.AdamW(ours.parameters(), 1e-2)
    losses = []
    for _ in range(20):
        loss = answer_loss(ours, batch, ours.encode(mel, mask))
        losses.append(loss.item())
        update_weights(loss, optimizer, 1e-2, ours)
    assert losses[-1] < losses[0] / 10
    coefficients = [
        linear.weight.abs().max()
        for module in ours.modules()
        if isinstance(module, AltUp)
        for linear in (module.prediction_coefs, module.correction_coefs)
    ]
    assert max(coefficients).item() == pytest.approx(0.04)


def _mel() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    mel = torch.randn(len(FRAMES), max(FRAMES), 128, generator=generator) - 4
    mask = torch.arange(max(FRAMES)) < torch.tensor(FRAMES)[:, None]
    return torch.where(mask[..., None], mel, LogMel().silence), mask


def _compare_gradients(ours: Gemma3n, reference: Any) -> list[str]:
    """Hold every gradient that the reference has to ours; gives their names."""
    gradients = {name: value.grad for name, value in ours.named_parameters() if value.grad is not None}
    # torch keeps gradients from the row of the padding id where a module is told of it. Positions of audio read this
    # row, and so ours learns it.
    gradients["language_model.embed_tokens_per_layer.weight"][0] = 0
    expected = {
        name: value.grad
        for name, value in reference.model.named_parameters()
        if value.grad is not None and bool(value.grad.any())
    }
    assert not set(expected) - set(gradients)
    wrong = {
        name: difference(gradients[name], gradient)
        for name, gradient in expected.items()
        if difference(gradients[name], gradient) > TOLERANCE
    }
    assert not wrong
    return list(expected)
