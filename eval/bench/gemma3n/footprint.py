"""`python -m speech3n.eval.bench.gemma3n.footprint FOLDER`: what one checkpoint takes, plain or quantised.

Memory is the peak of this process above what it has after `import torch`; pages of the mapped checkpoint count where
they were touched. One process measures one checkpoint: run it again for the next, in turns where machines are shared.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import torch
from torch import Tensor

from speech3n.audio.frontend import LogMel
from speech3n.eval.bench.processes import peak_rss_mb
from speech3n.layers.linear import pack_linears
from speech3n.models.gemma3n.checkpoint import load
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.runtime.allocator import set_malloc_thresholds
from speech3n.types import SAMPLE_RATE

_PREFILL, _DECODED = 220, 16
_CLIP_S, _STEP_FRAMES = 30, 16


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
def main(folder: Path, rounds: int, threads: int) -> None:
    """Measure the checkpoint in FOLDER and print the results as JSON."""
    torch.set_num_threads(threads)
    bare = peak_rss_mb()
    set_malloc_thresholds()
    with torch.inference_mode():
        started = time.perf_counter()
        model = load(folder)
        if model.language_model.norm.weight is not None and model.language_model.norm.weight.dtype == torch.bfloat16:
            pack_linears(model)
        ids = torch.randint(1000, 50_000, (1, _PREFILL), generator=torch.Generator().manual_seed(0))
        loaded = time.perf_counter() - started
        model(ids[:, :16], cache=model.language_model.new_cache(), read=1)
        first = time.perf_counter() - started
        results = {"load_s": loaded, "load_to_first_token_s": first, **_speeds(model, ids, rounds)}
    results["peak_above_import_mb"] = peak_rss_mb() - bare
    click.echo(json.dumps({name: round(value, 4) for name, value in results.items()}, indent=1))


def _speeds(model: Gemma3n, ids: Tensor, rounds: int) -> dict[str, float]:
    cache = model.language_model.new_cache()
    model(ids, cache=cache, read=0)
    mel = LogMel()(torch.randn(1, _CLIP_S * SAMPLE_RATE, generator=torch.Generator().manual_seed(0)) * 0.1)[0]

    def decode() -> None:
        token = ids[:, :1]
        for _ in range(_DECODED):
            token = model(token, cache=cache, read=1).argmax(-1)
        cache.truncate(_PREFILL)

    prefill = _median(lambda: model(ids, cache=model.language_model.new_cache(), read=1), rounds)
    return {
        "prefill_tokens_per_s": _PREFILL / prefill,
        "decode_tokens_per_s": _DECODED / _median(decode, rounds),
        "encoder_rtf": _median(lambda: model.encode(mel), rounds) / _CLIP_S,
        "encoder_160_ms_steps_rtf": _median(lambda: _stream(model, mel), min(rounds, 2)) / _CLIP_S,
    }


def _stream(model: Gemma3n, mel: Tensor) -> None:
    state = model.audio_tower.init_state()
    for start in range(0, mel.shape[1], _STEP_FRAMES):
        model.embed_audio(model.audio_tower.step(mel[:, start : start + _STEP_FRAMES], state))
    model.embed_audio(model.audio_tower.flush(state))


def _median(run: Callable[[], object], rounds: int) -> float:
    """Seconds of a run, after one that does not count."""
    seconds = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


if __name__ == "__main__":
    main()
