"""Gemma 3n as an engine: native streaming, transcript and translation from one pass (chain of thought)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from langcodes.data_dicts import LANGUAGE_ALPHA3

from speech3n.audio.level import UtteranceLevels
from speech3n.decoding.policy import normalize_word
from speech3n.decoding.repetition import loop_start
from speech3n.engines.base import EngineInfo, StreamOptions
from speech3n.engines.gemma.answer import Answer, parse_answer
from speech3n.engines.gemma.tokenizer import CheckpointTokenizer
from speech3n.engines.gemma.words import TokenText, WordClock, split_words, word_confidences
from speech3n.errors import EngineError, ModelError, UsageError
from speech3n.languages import language_name
from speech3n.models.gemma3n.capabilities import Capabilities
from speech3n.models.gemma3n.prompts import AudioTokens, Prompt, build_prompt, instruction
from speech3n.models.gemma3n.sizes import WHOLE, Size
from speech3n.runtime.adaptive_threads import set_threads
from speech3n.runtime.allocator import set_malloc_thresholds
from speech3n.runtime.threads import compute_threads, model_threads
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, Hypothesis, Waveform

if TYPE_CHECKING:
    import torch

_LANGUAGES = frozenset(code for code in LANGUAGE_ALPHA3 if len(code) == 2)
"""Whatever has an ISO 639-1 code can be named to the model; how well it knows it is another matter."""
_LIKELY = ("en", "es", "fr", "it", "pt", "de", "nl", "ja", "ko", "zh", "hi", "ar", "ru", "pl", "tr", "id", "vi")
_FEW_LANGUAGES = 20
"""So many are listed in a message."""
_LARGE = 100_000_000
"""Parameters from which a model is run in bfloat16 and by all cores: below, neither pays."""
_TOKENS_PER_S = 12
_SPARE_TOKENS = 32
"""Nobody speaks more tokens than this; a model in a loop would."""


class Gemma3nEngine:
    """A Gemma 3n checkpoint on the CPU, or on a GPU where there is one.

    `dtype` is that of the computation; by default bfloat16 for large models and float32 for small ones, whose
    quantised matrices are expanded: where reading them takes no time, kernels for few bits only add steps.
    `sizes` are those at which the model is run: one for good, or several between which streams may change.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        dtype: torch.dtype | None = None,
        sizes: Sequence[Size] = (WHOLE,),
    ) -> None:
        import torch

        from speech3n.audio.frontend import FrontendConfig, LogMel
        from speech3n.layers.linear import pack_linears
        from speech3n.models.gemma3n.checkpoint import load
        from speech3n.models.gemma3n.config import Gemma3nConfig
        from speech3n.models.gemma3n.elastic import Submodels
        from speech3n.models.gemma3n.incremental import SharedModel
        from speech3n.models.gemma3n.quantisation import dequantise

        set_malloc_thresholds()
        self.config = Gemma3nConfig.read(folder)
        capabilities = Capabilities.read(folder)
        self.tokenizer = CheckpointTokenizer(folder)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = load(folder, dtype, device)
        is_large = sum(weights.numel() for weights in model.state_dict().values()) >= _LARGE
        if dtype is None and not is_large:
            dequantise(model)
            model = model.float()
        is_large_on_cpu = is_large and device == "cpu"
        self.submodels = Submodels(model, sizes, pack_linears if is_large_on_cpu else None)
        set_threads(model_threads() if is_large else compute_threads(), adaptive=is_large_on_cpu)
        self.shared = SharedModel(LogMel(FrontendConfig.read(folder)).to(device), self.submodels.largest)
        self.stop = frozenset(_stop_tokens(self.config.eos_token_ids, self.tokenizer))
        self.info = EngineInfo(
            name,
            _LANGUAGES if capabilities.languages is None else capabilities.languages,
            frozenset({"transcribe", "translate"}),
            streaming="native",
            max_utterance_s=capabilities.max_utterance_s,
            target_languages=capabilities.translates_to,
            detects_language=False,
            aligns_words=False,
            sizes=self.submodels.names if len(self.submodels.names) > 1 else (),
        )
        # Says now, and not in the middle of somebody's speech, that the tokenizer is of another model.
        try:
            self.prompt(StreamOptions(translate=True))
        except ModelError as error:
            raise ModelError(f"The tokenizer in '{folder}' cannot be used: {error.message}", error.hint) from error

    def open_stream(self, options: StreamOptions) -> Gemma3nStream:
        """Open a stream for one utterance."""
        if options.translate:
            self.info.require_translation(options.target_language)
        for code in (options.language, options.target_language if options.translate else None):
            if code is not None and code not in self.info.languages:
                known = sorted(self.info.languages) if len(self.info.languages) <= _FEW_LANGUAGES else None
                hint = f"It knows {', '.join(known)}." if known else "Use an ISO 639-1 code such as es."
                raise UsageError(f"{self.info.name} does not know the language '{code}'.", hint)
        return Gemma3nStream(self, options)

    def close(self) -> None:
        """Free the weights; the engine cannot be used afterwards."""
        del self.shared, self.submodels

    def prompt(self, options: StreamOptions) -> Prompt:
        """The ids around the audio."""
        config = self.config
        tokens = AudioTokens(config.boa_token_id, config.eoa_token_id, config.audio_token_id)
        target = options.target_language if _translates(options) else None
        prompt = build_prompt(self.tokenizer, tokens, instruction(options.language, target))
        last = max(prompt.prefix + prompt.suffix)
        if last >= config.text.vocab_size:
            hint = "Take the tokenizer that belongs to the checkpoint."
            raise ModelError(f"It has a token {last}, and the model knows {config.text.vocab_size}.", hint)
        return prompt


class Gemma3nStream:
    """The growing utterance of one speaker: every sound is encoded once, the last answer is the next one's draft."""

    def __init__(self, engine: Gemma3nEngine, options: StreamOptions) -> None:
        from speech3n.models.gemma3n.incremental import IncrementalDecoder

        self._engine = engine
        self._options = options
        self._decoder = IncrementalDecoder(engine.shared, engine.prompt(options))
        if options.size is not None:
            self.use_size(options.size)
        self._blocks: list[Waveform] = []
        self._samples = 0
        self._lead = 0
        """Samples before the utterance that its first soft token has as well, where a cut fell within a token."""
        self._levels = UtteranceLevels()
        self._clock = WordClock()
        self._draft: tuple[int, ...] = ()
        self._propose_first: int | None = None
        """Tokens of the draft up to where more speech adds to it first."""
        self._finished = False
        self._fresh = False

    def accept_waveform(self, pcm: Waveform) -> None:
        """Append float32 mono 16 kHz audio of any length; it is encoded when `decode` asks for it."""
        if self._finished:
            raise EngineError("Audio came after input_finished().")
        # A copy: whoever records may use its buffer again before `decode`.
        self._blocks.append(np.array(pcm, np.float32))
        self._samples += len(pcm)
        self._fresh |= len(pcm) > 0

    def use_size(self, size: str) -> None:
        """Decode at another of the engine's sizes from now on; what was read of the utterance stays as it is."""
        self._decoder.use_submodel(self._engine.submodels[size])

    def input_finished(self) -> None:
        """Make the next decode the final one."""
        self._finished = self._fresh = True

    def decode(self) -> Hypothesis | None:
        """Recognise everything accepted so far; None where nothing new was accepted."""
        if not self._fresh:
            return None
        self._fresh = False
        self._encode()
        return self._decode(is_final=self._finished)

    def cut(self, samples: int, words: int) -> Hypothesis:
        """Decode the soft tokens before the cut once more; those after it begin the next utterance as they are."""
        self._encode()
        whole, lead = divmod(self._lead + samples, FRAME_SAMPLES)
        soft_tokens, levels = self._decoder.cut(whole), self._levels.split(whole)
        after, self._samples = self._samples - samples, samples
        hypothesis = self._decode(is_final=True)
        self._decoder.restart(soft_tokens)
        self._samples, self._lead, self._levels, self._clock = after, lead, levels, WordClock()
        self._draft, self._propose_first = (), None
        self._fresh = after > 0
        return hypothesis

    def _decode(self, *, is_final: bool) -> Hypothesis:
        if not self._decoder.soft_tokens or self._levels.is_silent:
            # An instruct model answers silence with something.
            return self._hypothesis(Answer(""), None)
        limit = _SPARE_TOKENS + round(_TOKENS_PER_S * self._samples / SAMPLE_RATE)
        limit *= 2 if _translates(self._options) else 1
        generated = self._decoder.generate(
            self._draft, stop=self._engine.stop, limit=limit, propose_first=self._propose_first
        )
        text = TokenText(*self._engine.tokenizer.decode_with_ends(generated.tokens), generated.logprobs)
        self._draft, self._propose_first = generated.tokens, _first_line(text)
        answer = parse_answer(
            text.text,
            translate=_translates(self._options),
            target=language_name(self._options.target_language),
            languages=_spoken_names(self._options),
            is_final=generated.is_complete or is_final,
        )
        return self._hypothesis(answer, text)

    def _encode(self) -> None:
        pcm = np.concatenate([np.zeros(0, np.float32), *self._blocks])
        self._blocks.clear()
        self._levels.append(pcm)
        if len(pcm):
            self._decoder.append_audio(pcm)
        if self._finished:
            self._decoder.finish()

    def _hypothesis(self, answer: Answer, text: TokenText | None) -> Hypothesis:
        options = self._options
        # Its times are estimates, which say nothing about whether there was time to say a phrase twice.
        words = _without_loop(split_words(answer.transcript, options.language))
        confidences = word_confidences(words, text) if text is not None else []
        lead_s = self._lead / SAMPLE_RATE
        begin, end = self._levels.speech()
        placed = self._clock.place(words, confidences, (max(0.0, begin - lead_s), max(0.0, end - lead_s)))
        translation = None
        if options.translate and _translates(options):
            translation = _without_loop(split_words(answer.translation or "", options.target_language))
        elif options.translate:
            translation = tuple(word.text for word in placed)
        confidence = 1.0 if options.language else 0.0
        return Hypothesis(placed, options.language, confidence, translation, self._samples / SAMPLE_RATE)


def _first_line(text: TokenText) -> int | None:
    """Tokens of the transcript, in an answer that goes on with a translation."""
    end = text.text.find("\n")
    return sum(token_end <= end for token_end in text.ends) if end >= 0 else None


def _translates(options: StreamOptions) -> bool:
    return options.translate and options.language != options.target_language


def _spoken_names(options: StreamOptions) -> list[str]:
    """The names that the model may put before a transcript, `Spanish: ...`."""
    codes = [options.language] if options.language else [c for c in _LIKELY if c != options.target_language]
    return [language_name(code) for code in codes]


def _without_loop(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(words[: loop_start([normalize_word(word) for word in words])])


def _stop_tokens(configured: Sequence[int], tokenizer: CheckpointTokenizer) -> list[int]:
    named = [tokenizer.convert_tokens_to_ids(name) for name in ("<end_of_turn>", "<eos>")]
    return [*configured, *(token for token in named if token is not None)]
