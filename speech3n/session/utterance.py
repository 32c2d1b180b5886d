"""One utterance on its way to text: an engine's stream, the policy that commits words, and the segment that results."""

from __future__ import annotations

from dataclasses import dataclass, replace

from speech3n.decoding.policy import LocalAgreement
from speech3n.engines.base import ElasticStream, Engine, StreamOptions
from speech3n.session.cut import words_before_cut
from speech3n.types import SAMPLE_RATE, Hypothesis, Segment, Update, Waveform, Word, join_words, words_text

_HOLDBACK_S = 0.3
"""A word that ends this close to the newest audio is not committed yet."""
_SHORTEST_CUT_SAMPLES = SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an utterance: its last Update, and its Segment unless nothing was said."""

    update: Update
    segment: Segment | None


class UtteranceRecogniser:
    """Recognises audio from sample `start` on; times in what it returns count from the start of the stream."""

    def __init__(self, engine: Engine, options: StreamOptions, segment: int, start: int) -> None:
        self.start = start
        self.fed = start
        """The sample up to which audio was given to the engine."""
        self.decoded = start
        """The sample up to which there is a hypothesis."""
        self._engine = engine
        self._options = options
        self._segment = segment
        self._stream = engine.open_stream(options)
        self._policy = LocalAgreement(_HOLDBACK_S)
        self._update = Update((), segment=segment, language=options.language, target_language=options.target_language)

    @property
    def has_committed(self) -> bool:
        """Whether a word of it is final."""
        return bool(self._update.committed)

    def accept(self, pcm: Waveform) -> None:
        """Append the audio [T] that follows what was accepted before."""
        if len(pcm):
            self._stream.accept_waveform(pcm)
            self.fed += len(pcm)

    def use_size(self, size: str) -> None:
        """Have the engine decode at another of its sizes from now on."""
        self._options = replace(self._options, size=size)
        if isinstance(self._stream, ElasticStream):
            self._stream.use_size(size)

    def interim(self) -> Update | None:
        """Decode what was accepted so far; None where that changes nothing on screen."""
        self.decoded = self.fed
        hypothesis = self._stream.decode()
        if hypothesis is None:
            return None
        return self._advance(self._shifted(hypothesis), is_final=False)

    def finish(self) -> Finished:
        """Decode for the last time: everything is committed."""
        update = self._advance(self._last_hypothesis(), is_final=True) or self._update
        return Finished(update, self._to_segment(update))

    def border(self) -> int:
        """The sample between two words at which speech without a pause is best cut; the end where there is none."""
        hypothesis = self._last_hypothesis()
        length_s = (self.fed - self.start) / SAMPLE_RATE
        words = [replace(word, end=word.end - self.start / SAMPLE_RATE) for word in hypothesis.words]
        kept = words_before_cut(words, len(self._update.committed), length_s)
        if not kept:
            return self.fed
        before, after = hypothesis.words[kept - 1], hypothesis.words[kept]
        cut = round((before.end + after.start) / 2 * SAMPLE_RATE)
        return min(max(cut, self.start + _SHORTEST_CUT_SAMPLES), self.fed)

    def finish_at(self, end: int, pcm: Waveform) -> Finished:
        """Recognise anew, and for the last time, only `pcm` [T]: the utterance from its start to sample `end`."""
        self._stream = self._engine.open_stream(self._options)
        self._stream.accept_waveform(pcm)
        self.fed = end
        return self.finish()

    def _last_hypothesis(self) -> Hypothesis:
        self._stream.input_finished()
        hypothesis = self._stream.decode()
        return self._shifted(hypothesis) if hypothesis is not None else Hypothesis(self._update.committed)

    def _shifted(self, hypothesis: Hypothesis) -> Hypothesis:
        """The hypothesis with times from the start of the stream, in order."""
        offset = self.start / SAMPLE_RATE
        words: list[Word] = []
        earliest = offset
        for word in hypothesis.words:
            start = max(earliest, word.start + offset)
            end = max(start, word.end + offset)
            words.append(Word(word.text, start, end, word.confidence))
            earliest = start
        return replace(hypothesis, words=tuple(words), audio_s=hypothesis.audio_s + offset)

    def _advance(self, hypothesis: Hypothesis, *, is_final: bool) -> Update | None:
        update = replace(
            self._policy.update(hypothesis, is_final),
            segment=self._segment,
            language=hypothesis.language or self._update.language,
            target_language=self._options.target_language,
        )
        changed = update != self._update
        self._update = update
        return update if changed else None

    def _to_segment(self, update: Update) -> Segment | None:
        words = update.committed
        if not words:
            return None
        translation = target = None
        if self._options.translate:
            target = self._options.target_language
            translation = join_words(update.translation_committed, target)
        return Segment(
            id=self._segment,
            start=words[0].start,
            end=max(word.end for word in words),
            text=words_text(words, update.language),
            words=words,
            language=update.language,
            translation=translation,
            target_language=target,
        )
