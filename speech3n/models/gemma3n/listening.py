"""One utterance as the model hears it: sound goes in as it comes, and the answer is read out at any time.

    samples -> log-mel -> conformer -> soft tokens -> keys and values of the decoder, kept
                                                      [prefix][soft tokens ...] | [suffix][answer], cut off again

The prompt's words come after the audio, so they and the answer move with every new soft token. The keys of the audio
already heard stay; only what follows it is run again.
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
class Ears:
    """What listeners share: the front end and the model."""

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
    """The model with the cache of one stream; audio ids take the soft tokens given to `offer`, in order."""

    def __init__(self, model: Gemma3n) -> None:
        self._model = model
        self._cache = model.language_model.new_cache()
        self._offered: list[Tensor] = []

    @property
    def length(self) -> int:
        """Positions in the cache."""
        return self._cache.length

    def change_path(self, path: Gemma3n) -> None:
        """Have another path of the same weights read what comes; what was read stays (`elastic`)."""
        if not shares_cache(self._model, path):
            raise ValueError("That model's keys and values are not those of the cache.")
        self._model = path

    def offer(self, soft_tokens: Tensor) -> None:
        """Have soft tokens [1, T, D] ready; the next ids must have a place for each that was offered."""
        self._offered.append(soft_tokens)

    def withdraw(self) -> None:
        """Have none of the soft tokens ready that were offered."""
        self._offered.clear()

    @property
    def offered(self) -> int:
        """Soft tokens that wait for their ids."""
        return sum(tokens.shape[1] for tokens in self._offered)

    def extend(self, ids: Sequence[int], read: int) -> Logits:
        """Append ids and return the logits [read, V] of the last `read` of them, which are computed when asked for."""
        adapt_threads()
        soft_tokens = torch.cat(self._offered, 1) if self._offered else None
        id_row = torch.tensor([ids], device=self._model.device)
        hidden = self._model.read(id_row, soft_tokens, self._cache, read)
        self._offered.clear()
        return ReadPositions(self._model, hidden[0])

    def truncate(self, length: int) -> None:
        """Forget all positions from `length` on."""
        self._cache.truncate(length)


class Listener:
    """Hears one utterance with one set of weights; `pad_to` soft tokens at the end match transformers' padding."""

    def __init__(self, ears: Ears, prompt: Prompt, *, pad_to: int | None = None) -> None:
        self._ears = ears
        self._prompt = prompt
        self._pad_to = pad_to
        self._log_mel = ears.log_mel.init_state()
        self._encoder = ears.model.audio_tower.init_state()
        self._decoder = CachedDecoder(ears.model)
        self._heard = 0
        """Positions of the prefix and the audio in the cache, which stay."""
        self._soft_tokens: list[Tensor] = []
        """Those of the utterance [1, T, D], embedded for the decoder."""
        self._is_finished = False

    @property
    def soft_tokens(self) -> int:
        """How many soft tokens were heard so far, padding not counted."""
        return sum(tokens.shape[1] for tokens in self._soft_tokens)

    def cut(self, soft_tokens: int) -> Tensor:
        """Answer only to the first `soft_tokens` from now on; returns the others [1, T, D], for `restart`."""
        every = torch.cat(self._soft_tokens, 1)
        kept, rest = every[:, :soft_tokens], every[:, soft_tokens:]
        prefix = len(self._prompt.prefix)
        read = max(0, self._heard - prefix)
        self._heard = min(self._heard, prefix + soft_tokens)
        self._soft_tokens = [kept]
        self._decoder.withdraw()
        if read < kept.shape[1]:
            self._decoder.offer(kept[:, read:])
        return rest

    def restart(self, soft_tokens: Tensor) -> None:
        """Go on as a new utterance that begins with `soft_tokens` [1, T, D]; the encoder's state stays as it is."""
        self._heard = 0
        self._soft_tokens = []
        self._decoder.withdraw()
        self._keep(soft_tokens)

    def change_path(self, path: Gemma3n) -> None:
        """Answer with another path of the same weights from now on; what was read of the audio stays as it is."""
        self._decoder.change_path(path)

    @torch.inference_mode()
    def hear(self, pcm: Waveform) -> None:
        """Encode more audio [T] of any length; a few hundred milliseconds at a time are cheapest."""
        adapt_threads()
        model = self._ears.model
        waveform = torch.from_numpy(pcm)[None].to(self._ears.log_mel.window.device)
        self._embed(model.audio_tower.step(self._ears.log_mel.step(waveform, self._log_mel), self._encoder))

    @torch.inference_mode()
    def finish(self) -> None:
        """Encode the end of the audio; nothing can be heard afterwards."""
        if self._is_finished:
            return
        self._is_finished = True
        model = self._ears.model
        self._embed(model.audio_tower.step(self._ears.log_mel.flush(self._log_mel), self._encoder))
        self._embed(model.audio_tower.flush(self._encoder))
        missing = (self._pad_to or 0) - self.soft_tokens
        if missing > 0:
            self._decoder.offer(model.audio_padding.expand(1, missing, -1))

    @torch.inference_mode()
    def answer(
        self, guess: Sequence[int] = (), *, stop: Collection[int], limit: int, first: int | None = None
    ) -> Generated:
        """What the model says to all that was heard so far, exactly as if it heard it for the first time.

        `guess` and `first` are those of `generate`.
        """
        self._decoder.truncate(self._heard)
        audio = [self._ears.model.config.audio_token_id] * self._decoder.offered
        heard = [*(() if self._heard else self._prompt.prefix), *audio]
        self._heard += len(heard)
        return generate(self._decoder, [*heard, *self._prompt.suffix], guess, stop=stop, limit=limit, first=first)

    def _embed(self, tokens: Tensor) -> None:
        self._keep(self._ears.model.embed_audio(tokens))

    def _keep(self, soft_tokens: Tensor) -> None:
        if soft_tokens.shape[1]:
            self._soft_tokens.append(soft_tokens)
            self._decoder.offer(soft_tokens)
