"""transformers under measurement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from speech3n.audio.frontend import LogMel
from speech3n.eval.bench.gemma3n.steady import PROMPT, UTTERANCE_S, SteadyUpdate
from speech3n.eval.bench.quantised.systems import CLIP_S, DECODED, PREFILL, noise, seconds_of, some_ids

_UPDATES = (1, UTTERANCE_S)
"""It starts afresh at every update, so that the times of all lie on a line between these two."""


class Reference:
    """transformers in bfloat16, loaded by its own `from_pretrained`, its threads as torch has them by default."""

    def __init__(self, folder: Path) -> None:
        from transformers.models.gemma3n import configuration_gemma3n as configurations
        from transformers.models.gemma3n import modeling_gemma3n as modeling
        from transformers.utils import logging

        quiet: Any = logging
        # It lists the weights that each of its parts leaves to the others.
        quiet.set_verbosity_error()
        config: Any = configurations.Gemma3nConfig.from_pretrained(folder)
        parts: Any = (
            (modeling.Gemma3nForCausalLM, config.text_config, {r"^model\.language_model\.": "model."}),
            (modeling.Gemma3nAudioEncoder, config.audio_config, {r"^model\.audio_tower\.": ""}),
        )
        self._text, self._audio = (
            kind.from_pretrained(folder, config=own, dtype=torch.bfloat16, key_mapping=names)
            for kind, own, names in parts
        )
        self._embedder: Any = modeling.Gemma3nMultimodalEmbedder(config.audio_config, config.text_config).bfloat16()
        self._embedder.load_state_dict(dict(_embedder_weights(folder)), strict=False)
        for module in (self._text, self._audio, self._embedder):
            module.eval()
        self._past: Any = None
        self._mel = LogMel()(noise(CLIP_S))[0].bfloat16()

    def prefill(self) -> list[float]:
        """See `System`."""

        def run() -> None:
            self._past = self._read(input_ids=some_ids(PREFILL))

        return [seconds_of(run)]

    def decode(self) -> list[float]:
        """See `System`."""

        def run() -> None:
            token = some_ids(1)
            for _ in range(DECODED):
                output = self._text(input_ids=token, past_key_values=self._past, use_cache=True, logits_to_keep=1)
                token = output.logits.argmax(-1)

        return [seconds_of(run)]

    def encode(self) -> list[float]:
        """See `System`."""
        return [seconds_of(lambda: self._soft_tokens(self._mel))]

    def encode_steps(self) -> list[float]:
        """It has no steps."""
        return []

    def live(self) -> list[float]:
        """See `System`; the first and the last update of an utterance."""
        return [seconds_of(lambda at=second: self._update(at)) for second in _UPDATES]  # type: ignore[misc]

    def _update(self, second: int) -> None:
        model = self._text.model
        soft_tokens = self._soft_tokens(LogMel()(noise(second))[0].bfloat16())
        before, after = (torch.tensor([ids]) for ids in (PROMPT.prefix, PROMPT.suffix))
        ids = torch.cat([before, torch.zeros(soft_tokens.shape[:2], dtype=torch.long), after], 1)
        embedded = torch.cat([model.embed_tokens(before), soft_tokens, model.embed_tokens(after)], 1)
        past = self._read(inputs_embeds=embedded, per_layer_inputs=model.get_per_layer_inputs(ids))
        for token in SteadyUpdate(second).text:
            step = torch.tensor([[token]])
            output = self._text(input_ids=step, past_key_values=past, use_cache=True, logits_to_keep=1)
            output.logits.argmax(-1)

    def _read(self, **inputs: Tensor) -> Any:
        """Prefill, logits of the last position included; returns the cache."""
        from transformers import DynamicCache

        past = DynamicCache(config=self._text.config)
        output = self._text.model(**inputs, past_key_values=past, use_cache=True)
        self._text.lm_head(output.last_hidden_state[:, -1:]).argmax(-1)
        return past

    def _soft_tokens(self, mel: Tensor) -> Tensor:
        encoded = self._audio(mel, torch.zeros(mel.shape[:2], dtype=torch.bool)).last_hidden_state
        embedded: Tensor = self._embedder(inputs_embeds=encoded)
        return embedded


def _embedder_weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    from safetensors import safe_open

    prefix = "model.embed_audio."
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a mapping
                if name.startswith(prefix):
                    yield name.removeprefix(prefix), file.get_tensor(name)
