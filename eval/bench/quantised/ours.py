"""speech3n under measurement, as its engine runs a large checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from speech3n.audio.frontend import LogMel
from speech3n.eval.bench.gemma3n.steady import PROMPT, UTTERANCE_S, ForcedDecoder, utterance
from speech3n.eval.bench.quantised.systems import CLIP_S, DECODED, PREFILL, noise, seconds_of, some_ids
from speech3n.layers.linear import pack_linears
from speech3n.models.gemma3n.checkpoint import load
from speech3n.models.gemma3n.incremental import IncrementalDecoder, SharedModel
from speech3n.runtime.adaptive_threads import adapt_threads, set_threads
from speech3n.runtime.allocator import set_malloc_thresholds
from speech3n.runtime.threads import model_threads
from speech3n.types import SAMPLE_RATE

UTTERANCES = 1
_STEP_FRAMES = 16


class Ours:
    """speech3n, with the checkpoint mapped and the threads that the engine takes."""

    def __init__(self, folder: Path) -> None:
        set_malloc_thresholds()
        set_threads(model_threads(), adaptive=True)
        self._model = load(folder)
        if self._model.embed_audio.embedding.weight.dtype == torch.bfloat16:
            pack_linears(self._model)
        self._cache = self._model.language_model.new_cache()
        self._mel = LogMel()(noise(CLIP_S))[0]

    def prefill(self) -> list[float]:
        """See `System`."""
        self._cache = self._model.language_model.new_cache()
        return [_seconds_of(lambda: self._model(some_ids(PREFILL), cache=self._cache, read=1))]

    def decode(self) -> list[float]:
        """See `System`."""

        def run() -> None:
            token = some_ids(1)
            for _ in range(DECODED):
                adapt_threads()
                token = self._model(token, cache=self._cache, read=1).argmax(-1)

        seconds = _seconds_of(run)
        self._cache.truncate(PREFILL)
        return [seconds]

    def encode(self) -> list[float]:
        """See `System`."""
        return [_seconds_of(lambda: self._model.encode(self._mel))]

    def encode_steps(self) -> list[float]:
        """See `System`."""

        def run() -> None:
            tower = self._model.audio_tower
            state = tower.init_state()
            for start in range(0, self._mel.shape[1], _STEP_FRAMES):
                self._model.embed_audio(tower.step(self._mel[:, start : start + _STEP_FRAMES], state))
            self._model.embed_audio(tower.flush(state))

        return [_seconds_of(run)]

    def live(self) -> list[float]:
        """See `System`."""
        return [seconds for _ in range(UTTERANCES) for seconds in self._utterance()]

    def _utterance(self) -> Iterator[float]:
        pcm = noise(UTTERANCE_S)[0].numpy()
        decoder = IncrementalDecoder(SharedModel(LogMel(), self._model), PROMPT)
        decoder._cached = forced = ForcedDecoder(self._model)
        for update in utterance():
            started = time.perf_counter()
            decoder.append_audio(pcm[(update.second - 1) * SAMPLE_RATE : update.second * SAMPLE_RATE])
            forced.text = update.text
            forced.start = len(PROMPT.prefix) + decoder.soft_tokens + len(PROMPT.suffix)
            said = decoder.generate(update.draft, stop=(), limit=len(update.text), propose_first=update.propose_first)
            yield time.perf_counter() - started
            assert list(said.tokens) == update.text, said.tokens


def _seconds_of(run: Callable[[], object]) -> float:
    """As an engine runs it, which looks for spare cores before each step."""
    adapt_threads()
    return seconds_of(run)
