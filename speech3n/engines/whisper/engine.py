"""Whisper through faster-whisper's CTranslate2 model, as a buffered engine made cheap enough for live captions.

faster-whisper pads every window to 30 s; CTranslate2 encodes a shorter one in proportion, so utterances are
padded by a few seconds only. While an utterance grows, the words on which its last two hypotheses
agree are given to the decoder as a prefix (one parallel pass) and only what follows is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from speech3n.decoding.policy import normalize_word
from speech3n.decoding.repetition import cut_repetition, loop_start
from speech3n.engines.base import EngineInfo, StreamOptions
from speech3n.engines.whisper.prefix import AgreedPrefix
from speech3n.engines.whisper.words import align_words
from speech3n.errors import EngineError, ModelError, UsageError
from speech3n.runtime.allocator import set_malloc_thresholds
from speech3n.runtime.threads import compute_threads
from speech3n.runtime.untrusted import Unreadable
from speech3n.types import SAMPLE_RATE, Hypothesis, Waveform, Word, words_text

if TYPE_CHECKING:
    import ctranslate2
    from faster_whisper.tokenizer import Tokenizer

_WINDOW_S = 30.0
"""The longest window that Whisper encodes."""
_PADDING_S = 4.0
"""Silence after an utterance while it grows: with 1 s or less base falls into repetition loops, 30 s takes too long."""
_CAREFUL_PADDING_S = 8.0
"""The same for files: measured at half the cost of 30 s and, without timestamp tokens, no less accurate."""
_BEAM_SIZE = 5
_INTERACTIVE_BEAM_SIZE = 3
"""While people speak: on real clips as good as 5, and four points of WER better than greedy, whose slips stay."""
_MAX_TOKENS = 448
_MAX_TOKENS_PER_S = 20
"""No language that Whisper writes needs more; a decoder in a loop would run on to `_MAX_TOKENS`."""
_NO_SPEECH = 0.6
_SILENCE_LOGPROB = -1.0
"""Whisper's own limits for silence (Radford et al. 2022, section 4.5)."""
_DOUBT_LOGPROB = -0.3
"""Below this mean log probability of its tokens a careful decoding is tried again; one in seven is."""
_PREFIX_HOLDBACK_S = 1.0
"""Words that began less than this before the end of the audio are not given as a prefix: they are decoded again."""
_LANGUAGE_AUDIO_S = 3.0
"""After this much audio the language of an utterance is settled."""
_CLEAR_LANGUAGE = 0.7
_NEVER_DETECTED = frozenset({"la", "nn", "sa", "haw", "jw", "mi", "br", "oc", "gl"})
"""What small models take a few seconds of Spanish, Portuguese or Norwegian for; they have to be asked for by name."""
TARGET_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class _Decoded:
    """Text tokens of one decoding with their words, and Whisper's own doubts about them."""

    tokens: list[int]
    token_starts: tuple[float, ...]
    words: tuple[Word, ...]
    is_loop: bool
    """Whether `words` leave out a repetition loop at the end of `tokens`."""
    average_logprob: float
    no_speech: float

    @property
    def is_doubtful(self) -> bool:
        return self.is_loop or self.average_logprob < _DOUBT_LOGPROB

    @property
    def is_silence(self) -> bool:
        return self.no_speech > _NO_SPEECH and self.average_logprob < _SILENCE_LOGPROB


class WhisperEngine:
    """A CTranslate2 Whisper model in int8 on the CPU, or float16 on a GPU where there is one."""

    def __init__(self, folder: Path, name: str) -> None:
        from faster_whisper import WhisperModel

        for file in ("model.bin", "config.json", "tokenizer.json"):
            if not (folder / file).is_file():
                raise ModelError(
                    f"'{folder}' is not a Whisper model: it has no {file}.",
                    "A model folder needs model.bin, config.json and tokenizer.json in CTranslate2's format.",
                )
        set_malloc_thresholds()
        try:
            # "default" would run the published float16 weights in float32 on a CPU.
            self._whisper = WhisperModel(str(folder), device="auto", compute_type="auto", cpu_threads=compute_threads())
        except Exception as error:  # Of a damaged tokenizer or front end any kind comes out, a bare Exception included.
            raise ModelError(
                f"The model in '{folder}' cannot be loaded: {Unreadable(error)}.", "Copy or download the model again."
            ) from error
        self.model: ctranslate2.models.Whisper = self._whisper.model
        languages = frozenset(self._whisper.supported_languages)
        tasks = {"transcribe", "translate"} if self.model.is_multilingual else {"transcribe"}
        self.info = EngineInfo(name, languages, frozenset(tasks))

    def open_stream(self, options: StreamOptions) -> WhisperStream:
        """Open a stream for one utterance of at most `info.max_utterance_s`."""
        if options.language is not None and options.language not in self.info.languages:
            raise UsageError(f"{self.info.name} does not know the language '{options.language}'.")
        if options.translate:
            self.info.require_translation(options.target_language)
        return WhisperStream(self, options)

    def close(self) -> None:
        """Free the weights; the engine cannot be used afterwards."""
        self.model.unload_model()

    def tokenizer(self, language: str, task: str = "transcribe") -> Tokenizer:
        """Whisper's tokenizer with the start sequence of a language and task."""
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._whisper.hf_tokenizer, self.model.is_multilingual, task=task, language=language)

    def encode(self, pcm: Waveform, padding_s: float) -> ctranslate2.StorageView:
        """Encode audio [T] followed by `padding_s` of silence, at most 30 s in all."""
        import ctranslate2

        samples = min(len(pcm) + round(padding_s * SAMPLE_RATE), round(_WINDOW_S * SAMPLE_RATE))
        window = np.zeros(samples, np.float32)
        window[: len(pcm)] = pcm[:samples]
        extractor = self._whisper.feature_extractor
        mel = extractor(window)[:, : samples // extractor.hop_length]
        return self.model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(mel[None])))


class WhisperStream:
    """The growing utterance of one speaker; every decode encodes it anew and decodes only what is not agreed."""

    def __init__(self, engine: WhisperEngine, options: StreamOptions) -> None:
        self._engine = engine
        self._options = options
        self._pcm: Waveform = np.zeros(0, np.float32)
        self._blocks: list[Waveform] = []
        self._finished = False
        self._fresh = False
        self._likely_language = options.likely_language
        self._language = options.language or (None if engine.model.is_multilingual else "en")
        self._language_confidence = 1.0 if self._language else 0.0
        self._transcribing = AgreedPrefix()
        self._translating = AgreedPrefix()
        self._words: tuple[Word, ...] = ()
        """Those of the newest hypothesis."""
        self._context = ""
        """What was said right before, where speech was cut without a pause."""

    def accept_waveform(self, pcm: Waveform) -> None:
        """Append float32 mono 16 kHz audio of any length."""
        if self._finished:
            raise EngineError("Audio came after input_finished().")
        self._blocks.append(pcm)
        self._fresh = True

    def input_finished(self) -> None:
        """Make the next decode the final one."""
        self._finished = self._fresh = True

    def decode(self) -> Hypothesis | None:
        """Recognise everything accepted so far; None where nothing new was accepted or nothing was said."""
        if not self._fresh:
            return None
        self._fresh = False
        self._pcm = np.concatenate([self._pcm, *self._blocks])
        self._blocks.clear()
        if not len(self._pcm):
            # What a cut leaves may be nothing, of which Whisper would detect a language and might say something.
            return None
        audio_s = len(self._pcm) / SAMPLE_RATE
        encoded = self._engine.encode(self._pcm, self._padding_s)
        language = self._settle_language(encoded, audio_s)
        best = self._transcribe(encoded, language)
        self._words = () if best.is_silence else best.words
        if best.is_silence:
            return Hypothesis((), language, self._language_confidence, audio_s=audio_s)
        translation = self._translate(encoded, language, best.words) if self._options.translate else None
        return Hypothesis(best.words, language, self._language_confidence, translation, audio_s)

    def cut(self, samples: int, words: int) -> Hypothesis:
        """Keep the first `words` words as they are, translate their sound alone, and go on with the rest."""
        before, language = self._words[:words], self._language or ""
        rest, self._pcm = self._pcm[samples:], self._pcm[:samples]
        self._transcribing, self._translating = AgreedPrefix(), AgreedPrefix()
        translation = None
        if self._options.translate:
            needed = before and language != TARGET_LANGUAGE
            encoded = self._engine.encode(self._pcm, self._padding_s) if needed else None
            translation = self._translate(encoded, language, before)
        self._pcm, self._fresh, self._words = rest, len(rest) > 0, ()
        self._translating = AgreedPrefix()
        self._context = words_text(before, language)
        confidence = self._language_confidence
        if self._options.language is None and self._engine.model.is_multilingual:
            # Somebody else may speak next: detected anew, as that of any utterance.
            self._language_confidence = 0.0
            self._likely_language = self._language if before else self._likely_language
        return Hypothesis(before, language, confidence, translation, samples / SAMPLE_RATE)

    @property
    def _is_careful(self) -> bool:
        """Whether nobody watches: whatever is decoded then is decoded once."""
        return not self._options.interactive

    @property
    def _padding_s(self) -> float:
        return _CAREFUL_PADDING_S if self._is_careful else _PADDING_S

    @property
    def _beam_size(self) -> int:
        return _BEAM_SIZE if self._is_careful else _INTERACTIVE_BEAM_SIZE

    def _settle_language(self, encoded: ctranslate2.StorageView, audio_s: float) -> str:
        if self._language is not None and self._language_confidence:
            return self._language
        ranked = [(str(token).strip("<|>"), float(p)) for token, p in self._engine.model.detect_language(encoded)[0]]
        language, confidence = next(choice for choice in ranked if choice[0] not in _NEVER_DETECTED)
        likely = self._likely_language
        if likely is not None and language != likely and confidence < _CLEAR_LANGUAGE:
            language = likely
        if language != self._language:
            self._transcribing, self._translating = AgreedPrefix(), AgreedPrefix()
        self._language = language
        if audio_s >= _LANGUAGE_AUDIO_S or self._finished:
            self._language_confidence = confidence
        return language

    def _transcribe(self, encoded: ctranslate2.StorageView, language: str) -> _Decoded:
        tokenizer = self._engine.tokenizer(language)
        prefix = self._transcribing.tokens
        decoded = self._decode(encoded, tokenizer, prefix, beam_size=self._beam_size)
        if decoded.is_doubtful and self._is_careful and not decoded.is_silence:
            decoded = self._decode_again(tokenizer, prefix, decoded)
        if not decoded.is_loop:
            settled_s = len(self._pcm) / SAMPLE_RATE - _PREFIX_HOLDBACK_S
            settled = sum(start <= settled_s for start in decoded.token_starts)
            self._transcribing.advance(decoded.tokens, settled, tokenizer)
        return decoded

    def _decode_again(self, tokenizer: Tokenizer, prefix: list[int], first: _Decoded) -> _Decoded:
        """A failed decoding gets the full window that Whisper was trained on, then a ban on repetition."""
        encoded = self._engine.encode(self._pcm, _WINDOW_S)
        attempts = [first]
        for settings in ({"beam_size": _BEAM_SIZE}, {"beam_size": _BEAM_SIZE, "no_repeat_ngram_size": 4}):
            attempts.append(self._decode(encoded, tokenizer, prefix, **settings))
            if not attempts[-1].is_doubtful:
                return attempts[-1]
        return max(attempts, key=lambda decoded: (not decoded.is_loop, decoded.average_logprob))

    def _decode(
        self, encoded: ctranslate2.StorageView, tokenizer: Tokenizer, prefix: list[int], **settings: Any
    ) -> _Decoded:
        generated = self._generate(encoded, tokenizer, prefix, self._context_tokens(tokenizer), **settings)
        tokens = [token for token in generated.sequences_ids[0] if token < tokenizer.eot]
        aligned = align_words(self._engine.model, tokenizer, encoded, tokens, len(self._pcm))
        words = cut_repetition(aligned.words)
        return _Decoded(
            tokens,
            aligned.token_starts,
            words,
            words != aligned.words,
            aligned.average_logprob,
            float(generated.no_speech_prob),
        )

    def _generate(
        self,
        encoded: ctranslate2.StorageView,
        tokenizer: Tokenizer,
        prefix: list[int],
        context: Sequence[int] = (),
        **settings: Any,
    ) -> ctranslate2.models.WhisperGenerationResult:
        """Decode after `prefix`, with which the result begins, given the text of what was said before (`context`)."""
        prompt = [*context, *tokenizer.sot_sequence, tokenizer.no_timestamps, *prefix]
        room = _MAX_TOKENS_PER_S * len(self._pcm) // SAMPLE_RATE + _MAX_TOKENS_PER_S
        (result,) = self._engine.model.generate(
            encoded,
            [prompt],
            max_length=min(_MAX_TOKENS, len(prompt) + room),
            return_no_speech_prob=True,
            **settings,
        )
        return result

    def _context_tokens(self, tokenizer: Tokenizer) -> list[int]:
        if not self._context:
            return []
        return [tokenizer.sot_prev, *tokenizer.encode(" " + self._context)[-_MAX_TOKENS // 4 :]]

    def _translate(
        self, encoded: ctranslate2.StorageView | None, language: str, words: Sequence[Word]
    ) -> tuple[str, ...]:
        """The translation of what is encoded; where there is nothing to translate `words` are it already."""
        if encoded is None or language == TARGET_LANGUAGE or not words:
            return tuple(word.text for word in words)
        tokenizer = self._engine.tokenizer(language, "translate")
        prefix = self._translating.tokens
        # Without context: after text in the source language Whisper writes on in that language.
        generated = self._generate(encoded, tokenizer, prefix, beam_size=self._beam_size)
        tokens = [token for token in generated.sequences_ids[0] if token < tokenizer.eot]
        text = tuple(tokenizer.decode(tokens).split())
        if (loop := loop_start([normalize_word(word) for word in text])) is not None:
            return text[:loop]
        self._translating.advance(tokens, len(tokens), tokenizer)
        return text
