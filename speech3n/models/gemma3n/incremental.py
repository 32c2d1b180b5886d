"""Incremental decoding of one utterance: audio goes in as it comes, and the answer is generated at any time.

    samples -> log-mel -> conformer -> soft tokens -> keys and values of the decoder, kept
                                                      [prefix][soft tokens ...] | [suffix][answer], cut off again

The prompt's words come after the audio, so they and the answer move with every new soft token. The keys and values of
the audio before stay; only what follows it is run again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from speech3n.audio.frontend import LogMel
from speech3n.decoding.generate import Generated, Logits, generate
from speech3n.models.gemma3n.elastic import shares_cache
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.models.gemma3n.prompts import Prompt
from speech3n.runtime.adaptive_threads import adapt_threads
from speech3n.types import Waveform


@dataclass(frozen=True, slots=True)
class SharedModel:
    """What the decoders of all streams share: the front end and the weights."""

    log_mel: LogMel
    model: Gemma3n


class ReadPositions:
    """The logits [read, V] of positions whose hidden states [read, D] are there, computed for the rows asked for.

    V is without placeholders: ids from the vision vocabulary on stand for images and sounds, and no text has them.
    """

    def __init__(self, model: Gemma3n, hidden: Tensor) -> None:
        self._model = model
        self._hidden = hidden

    def __getitem__(self, rows: slice) -> Tensor:
        logits = self._model.language_model.logits(self._hidden[rows])
        return logits[:, : self._model.config.vision_vocab_offset]


class CachedDecoder:
    """The model with the cache of one stream; audio ids take the soft tokens appended before, in order."""

    def __init__(self, model: Gemma3n) -> None:
        self._model = model
        self._cache = model.language_model.new_cache()
        self._pending: list[Tensor] = []

    @property
    def length(self) -> int:
        """Positions in the cache."""
        return self._cache.length

    def use_submodel(self, submodel: Gemma3n) -> None:
        """Have another submodel of the same weights read what comes; what was read stays (`elastic`)."""
        if not shares_cache(self._model, submodel):
            raise ValueError("That model's keys and values are not those of the cache.")
        self._model = submodel

    def append_soft_tokens(self, soft_tokens: Tensor) -> None:
        """Have soft tokens [1, T, D] ready; the next ids must hold an audio id for each that is pending."""
        self._pending.append(soft_tokens)

    def drop_pending(self) -> None:
        """Forget the soft tokens that wait for their ids."""
        self._pending.clear()

    @property
    def pending_soft_tokens(self) -> int:
        """How many soft tokens wait for their ids."""
        return sum(tokens.shape[1] for tokens in self._pending)

    def extend(self, ids: Sequence[int], read: int) -> Logits:
        """Append ids and return the logits [read, V] of the last `read` of them, which are computed when asked for."""
        adapt_threads()
        soft_tokens = torch.cat(self._pending, 1) if self._pending else None
        id_row = torch.tensor([ids], device=self._model.device)
        hidden = self._model.read(id_row, soft_tokens, self._cache, read)
        self._pending.clear()
        return ReadPositions(self._model, hidden[0])

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on."""
        self._cache.truncate(length)


class IncrementalDecoder:
    """Transcribes one utterance with shared weights."""

    def __init__(self, shared: SharedModel, prompt: Prompt) -> None:
        self._shared = shared
        self._prompt = prompt
        self._log_mel = shared.log_mel.init_state()
        self._encoder = shared.model.audio_tower.init_state()
        self._cached = CachedDecoder(shared.model)
        self._prefilled = 0
        """Positions of the prefix and the audio in the cache, which stay."""
        self._soft_tokens: list[Tensor] = []
        """Those of the utterance [1, T, D], embedded for the decoder."""
        self._is_finished = False

    @property
    def soft_tokens(self) -> int:
        """How many soft tokens the audio so far has."""
        return sum(tokens.shape[1] for tokens in self._soft_tokens)

    def cut(self, soft_tokens: int) -> Tensor:
        """Decode only the first `soft_tokens` from now on; returns the others [1, T, D], for `restart`."""
        every = torch.cat(self._soft_tokens, 1)
        kept, rest = every[:, :soft_tokens], every[:, soft_tokens:]
        prefix = len(self._prompt.prefix)
        read = max(0, self._prefilled - prefix)
        self._prefilled = min(self._prefilled, prefix + soft_tokens)
        self._soft_tokens = [kept]
        self._cached.drop_pending()
        if read < kept.shape[1]:
            self._cached.append_soft_tokens(kept[:, read:])
        return rest

    def restart(self, soft_tokens: Tensor) -> None:
        """Go on as a new utterance that begins with `soft_tokens` [1, T, D]; the encoder's state stays as it is."""
        self._prefilled = 0
        self._soft_tokens = []
        self._cached.drop_pending()
        self._append(soft_tokens)

    def use_submodel(self, submodel: Gemma3n) -> None:
        """Decode with another submodel of the same weights from now on; what was read of the audio stays as it is."""
        self._cached.use_submodel(submodel)

    @torch.inference_mode()
    def append_audio(self, pcm: Waveform) -> None:
        """Encode more audio [T] of any length; a few hundred milliseconds at a time are cheapest."""
        adapt_threads()
        model = self._shared.model
        waveform = torch.from_numpy(pcm)[None].to(self._shared.log_mel.window.device)
        self._embed(model.audio_tower.step(self._shared.log_mel.step(waveform, self._log_mel), self._encoder))

    @torch.inference_mode()
    def finish(self) -> None:
        """Encode the end of the audio; no more can be appended."""
        if self._is_finished:
            return
        self._is_finished = True
        model = self._shared.model
        self._embed(model.audio_tower.step(self._shared.log_mel.flush(self._log_mel), self._encoder))
        self._embed(model.audio_tower.flush(self._encoder))

    @torch.inference_mode()
    def generate(
        self, draft: Sequence[int] = (), *, stop: Collection[int], limit: int, propose_first: int | None = None
    ) -> Generated:
        """The model's answer to all audio so far, exactly what it would be if the audio had come at once.

        `draft` and `propose_first` are those of `generate`.
        """
        self._cached.truncate(self._prefilled)
        audio = [self._shared.model.config.audio_token_id] * self._cached.pending_soft_tokens
        new = [*(() if self._prefilled else self._prompt.prefix), *audio]
        self._prefilled += len(new)
        prompt = [*new, *self._prompt.suffix]
        return generate(self._cached, prompt, draft, stop=stop, limit=limit, propose_first=propose_first)

    def _embed(self, tokens: Tensor) -> None:
        self._append(self._shared.model.embed_audio(tokens))

    def _append(self, soft_tokens: Tensor) -> None:
        if soft_tokens.shape[1]:
            self._soft_tokens.append(soft_tokens)
            self._cached.append_soft_tokens(soft_tokens)
