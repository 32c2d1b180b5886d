"""What `speech3n bench` measures: Gemma 3n at its real sizes on random weights, beside transformers in the same run.

Both run on the same tensors, in turns, and each figure is the median of its rounds: these machines are shared, and
only what was measured side by side can be compared.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from speech3n.audio.frontend import LogMel
from speech3n.eval.bench.gemma3n.pair import SHAPES, Pair, build_pair
from speech3n.eval.bench.gemma3n.steady import ForcedDecoder
from speech3n.eval.bench.store import ResultStore
from speech3n.eval.bench.turns import in_turns
from speech3n.models.gemma3n.incremental import IncrementalDecoder, SharedModel
from speech3n.models.gemma3n.prompts import Prompt
from speech3n.types import SAMPLE_RATE

_CLIP_S = 30
_MEL_FRAMES_PER_S = 100
_STEPS_MS = (160, 320, 480, 960)
_PREFILL = 220
_DECODED = 16
_BEFORE_S, _NEW_S = 9, 1
_DRAFT, _ACCEPTED, _FINAL = 30, 26, 34
"""An update of a live stream: of a draft of 30 tokens 26 are accepted, and the second that is new brings four more."""
_PROMPT_TOKENS = (6, 16)
"""Tokens before and after the audio, as many as the real prompt for chain of thought has."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each round, ours and the reference's."""

    ours: list[float]
    reference: list[float]


def compare(ours: Callable[[], object], reference: Callable[[], object], rounds: int) -> Timing:
    """Time both in turns, after one round that does not count."""
    first, second = in_turns([ours, reference], rounds)
    return Timing(first, second)


def measure_encoder(pair: Pair, rounds: int) -> dict[str, Any]:
    """A 30 s clip at once, ours and the reference's, and ours in steps."""
    mel = LogMel()(_noise(_CLIP_S))[0].to(_dtype(pair))
    whole = [lambda: pair.ours.encode(mel), lambda: pair.reference_embed(mel)]
    streamed = [partial(_stream, pair, mel, step_ms) for step_ms in _STEPS_MS]
    ours, reference, *steps = in_turns([*whole, *streamed], rounds)
    return {
        "timing": Timing(ours, reference),
        "steps_s": {step_ms: statistics.median(taken) for step_ms, taken in zip(_STEPS_MS, steps, strict=True)},
        "audio_s": _CLIP_S,
    }


def _stream(pair: Pair, mel: Tensor, step_ms: int) -> None:
    tower = pair.ours.audio_tower
    state = tower.init_state()
    frames = step_ms * _MEL_FRAMES_PER_S // 1000
    for start in range(0, mel.shape[1], frames):
        pair.ours.embed_audio(tower.step(mel[:, start : start + frames], state))
    pair.ours.embed_audio(tower.flush(state))


def measure_prefill(pair: Pair, rounds: int) -> dict[str, Any]:
    """A prompt of 220 positions, up to the logits of the last."""
    ids = _ids(_PREFILL)
    timing = compare(
        lambda: pair.ours(ids, cache=pair.ours.language_model.new_cache(), read=1),
        lambda: _reference_prefill(pair, input_ids=ids),
        rounds,
    )
    return {"timing": timing, "positions": _PREFILL}


def measure_decode(pair: Pair, rounds: int) -> dict[str, Any]:
    """Token after token behind that prompt, one stream, the best token read each time."""
    ids = _ids(_PREFILL)
    cache = pair.ours.language_model.new_cache()
    pair.ours(ids, cache=cache, read=0)
    _, past = _reference_prefill(pair, input_ids=ids)

    def ours() -> None:
        token = _ids(1)
        for _ in range(_DECODED):
            token = pair.ours(token, cache=cache, read=1).argmax(-1)

    def reference() -> None:
        token = _ids(1)
        for _ in range(_DECODED):
            logits = pair.text(input_ids=token, past_key_values=past, use_cache=True, logits_to_keep=1).logits
            token = logits.argmax(-1)

    return {"timing": compare(ours, reference, rounds), "tokens": _DECODED}


def measure_update(pair: Pair, rounds: int) -> dict[str, Any]:
    """One second more of a live stream: ours goes on, the reference begins again, both end at the same 34 tokens."""
    waveform = _noise(_BEFORE_S + _NEW_S)
    text = [100 + place for place in range(_FINAL)]
    draft = text[:_ACCEPTED] + [7] * (_DRAFT - _ACCEPTED)
    prompt = Prompt(tuple(_ids(_PROMPT_TOKENS[0])[0].tolist()), tuple(_ids(_PROMPT_TOKENS[1])[0].tolist()))
    pcm = waveform[0].numpy()
    cut = _BEFORE_S * SAMPLE_RATE
    seconds: list[float] = []

    def ours() -> None:
        decoder = IncrementalDecoder(SharedModel(LogMel(), pair.ours), prompt)
        decoder._cached = forced = ForcedDecoder(pair.ours, text)
        decoder.append_audio(pcm[:cut])
        decoder.generate(stop=(), limit=1)
        forced.start = len(prompt.prefix) + len(prompt.suffix) + (_BEFORE_S + _NEW_S) * SAMPLE_RATE // 2560
        started = time.perf_counter()
        decoder.append_audio(pcm[cut:])
        generated = decoder.generate(draft, stop=(), limit=_FINAL)
        seconds.append(time.perf_counter() - started)
        assert list(generated.tokens) == text, generated.tokens

    def reference() -> None:
        soft_tokens = pair.reference_embed(LogMel()(waveform)[0].to(_dtype(pair)))
        model = pair.text.model
        parts = [torch.tensor([prompt.prefix]), torch.tensor([prompt.suffix])]
        before, after = (model.embed_tokens(ids) for ids in parts)
        ids = torch.cat([parts[0], torch.zeros(soft_tokens.shape[:2], dtype=torch.long), parts[1]], 1)
        embedded = torch.cat([before, soft_tokens, after], 1)
        _, past = _reference_prefill(pair, inputs_embeds=embedded, per_layer_inputs=model.get_per_layer_inputs(ids))
        for token in text:
            pair.text(
                input_ids=torch.tensor([[token]]), past_key_values=past, use_cache=True, logits_to_keep=1
            ).logits.argmax(-1)

    timing = compare(ours, reference, rounds)
    # Ours sets up nine seconds of stream first, which is not part of the update.
    return {"timing": Timing(seconds[1:], timing.reference), "new_s": _NEW_S, "before_s": _BEFORE_S}


def _reference_prefill(pair: Pair, **inputs: Tensor) -> tuple[Tensor, Any]:
    from transformers import DynamicCache

    past = DynamicCache(config=pair.text.config)
    if "inputs_embeds" in inputs:
        output = pair.text.model(**inputs, past_key_values=past, use_cache=True)
        return pair.text.lm_head(output.last_hidden_state[:, -1:]), past
    return pair.text(**inputs, past_key_values=past, use_cache=True, logits_to_keep=1).logits, past


def _noise(seconds: float) -> Tensor:
    return torch.randn(1, round(seconds * SAMPLE_RATE), generator=torch.Generator().manual_seed(0)) * 0.1


def _ids(count: int) -> Tensor:
    return torch.randint(1000, 50_000, (1, count), generator=torch.Generator().manual_seed(count))


def _dtype(pair: Pair) -> torch.dtype:
    return pair.ours.language_model.embed_tokens.weight.dtype


def measure_exactness(pair: Pair, rounds: int) -> dict[str, Any]:
    """How far our soft tokens and logits are from the reference's, relative to the largest; no time."""
    mel = LogMel()(_noise(_CLIP_S))[0].to(_dtype(pair))
    ids = _ids(_PREFILL)
    logits = pair.ours(ids, cache=pair.ours.language_model.new_cache(), read=1)
    return {
        "soft_tokens": _difference(pair.ours.encode(mel), pair.reference_embed(mel)),
        "logits": _difference(logits, _reference_prefill(pair, input_ids=ids)[0]),
    }


def _difference(ours: Tensor, reference: Tensor) -> float:
    return float((ours.float() - reference.float()).abs().max() / reference.float().abs().max())


_PARTS: dict[str, Callable[[Pair, int], dict[str, Any]]] = {
    "encoder": measure_encoder,
    "prefill": measure_prefill,
    "decode": measure_decode,
    "update": measure_update,
    "exactness": measure_exactness,
}
_ONCE = ("encoder", "exactness")
"""Parts that are measured for E2B only: the encoder is the same in every size."""
_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure, and at which shapes; none stand for all."""

    shapes: tuple[str, ...]
    dtype: str
    rounds: int
    threads: int | None


def measure_parts(store: ResultStore, parts: Sequence[str], plan: Plan) -> None:
    """Run those of the parts that the store has no results of."""
    if plan.threads:
        torch.set_num_threads(plan.threads)
    settings = {"dtype": plan.dtype, "rounds": plan.rounds, "threads": torch.get_num_threads()}
    for name in plan.shapes or SHAPES:
        _measure_shape(store, name, parts, settings)


def _measure_shape(store: ResultStore, name: str, parts: Sequence[str], settings: dict[str, Any]) -> None:
    pairs: dict[str, Pair] = {}
    for part, run in _PARTS.items():
        if part not in parts or (part in _ONCE and name != "e2b"):
            continue
        # Rounding to bfloat16 would hide a real difference.
        own = settings | ({"dtype": "fp32", "rounds": 1} if part == "exactness" else {})

        def compute(run: Callable[[Pair, int], dict[str, Any]] = run, own: dict[str, Any] = own) -> dict[str, Any]:
            dtype = str(own["dtype"])
            if dtype not in pairs:
                # Two do not fit into memory.
                pairs.clear()
                pairs[dtype] = build_pair(SHAPES[name], _DTYPES[dtype])
            with torch.inference_mode():
                return run(pairs[dtype], own["rounds"])

        store.part(f"{part}-{name}", own, compute)
