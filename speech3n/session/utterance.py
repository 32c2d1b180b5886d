"""One utterance on its way to text: an engine's stream, the policy that commits words, and what comes of both.

Inside, times count from the utterance's first sample, as the engine's do; Update and Segment have those of the stream.
"""

from __future__ import annotations

from dataclasses import replace

from speech3n.decoding.policy import Decision, Policy
from speech3n.engines.base import ElasticStream, EngineInfo, EngineStream, StreamOptions
from speech3n.session.cut import words_before_cut
from speech3n.types import SAMPLE_RATE, Hypothesis, Segment, Update, Waveform, Word, join_words, words_text

_SHORTEST_CUT_SAMPLES = SAMPLE_RATE


class UtteranceRecogniser:
    """Recognises audio from sample `start` on, as segment number `segment`."""

    def __init__(
        self, stream: EngineStream, info: EngineInfo, options: StreamOptions, policy: Policy, segment: int, start: int
    ) -> None:
        self.start = start
        self.fed = start
        """The sample up to which audio was given to the engine."""
        self.decoded = start
        """The sample up to which there is a hypothesis."""
        self._stream = stream
        self._info = info
        self._options = options
        self._policy = policy
        self._number = segment
        self._hypothesis = Hypothesis((), options.language)
        self._decision = Decision()

    @property
    def has_committed(self) -> bool:
        """Whether a word of it is final."""
        return bool(self._decision.committed)

    def accept(self, pcm: Waveform) -> None:
        """Append the audio [T] that follows what was accepted before."""
        if len(pcm):
            self._stream.accept_waveform(pcm)
            self.fed += len(pcm)

    def use_size(self, size: str) -> None:
        """Have the engine decode at another of its sizes from now on."""
        if isinstance(self._stream, ElasticStream):
            self._stream.use_size(size)

    def decode(self) -> bool:
        """Recognise what was accepted so far; whether that changes anything."""
        self.decoded = self.fed
        hypothesis = self._stream.decode()
        return hypothesis is not None and self._decide(hypothesis, is_final=False)

    def finish(self) -> None:
        """Recognise for the last time: everything is committed."""
        self._stream.input_finished()
        self._decide(self._stream.decode() or self._hypothesis, is_final=True)

    def cut(self) -> int:
        """End speech that goes on without a pause between two words; returns the sample at which `rest` begins.

        What was accepted is recognised as it is; the words before the cut are committed, and the engine keeps what
        it has of the audio after it.
        """
        self.decode()
        words, accepted = self._hypothesis.words, self.fed - self.start
        kept = words_before_cut(words, self._settled_words(), accepted / SAMPLE_RATE)
        length = accepted
        if words:
            # Without a place between two words the cut is after the last one: what nobody understood yet, the next
            # utterance may.
            after = words[kept].start if kept else words[-1].end
            kept = kept or len(words)
            length = min(max(round((words[kept - 1].end + after) / 2 * SAMPLE_RATE), _SHORTEST_CUT_SAMPLES), accepted)
        self._decide(self._stream.cut(length, kept), is_final=True)
        return self.start + length

    def rest(self, policy: Policy, segment: int, start: int) -> UtteranceRecogniser:
        """What goes on after a cut at sample `start`."""
        rest = UtteranceRecogniser(self._stream, self._info, self._options, policy, segment, start)
        rest.fed = self.fed
        return rest

    def update(self, audio_s: float, elapsed_s: float) -> Update:
        """What there is to show, at a moment when `audio_s` of the stream was looked at and `elapsed_s` had passed."""
        decision = self._decision
        return Update(
            committed=self._in_stream(decision.committed),
            tentative=self._in_stream(decision.tentative),
            translation_committed=decision.translation_committed,
            translation_tentative=decision.translation_tentative,
            segment=self._number,
            language=self._hypothesis.language,
            audio_s=audio_s,
            elapsed_s=elapsed_s,
            target_language=self._options.target_language,
        )

    def segment(self) -> Segment | None:
        """What was committed, after `finish` or `cut`; None where nothing was said."""
        words = self._in_stream(self._decision.committed)
        if not words:
            return None
        translation = target = None
        if self._options.translate:
            target = self._options.target_language
            translation = join_words(self._decision.translation_committed, target)
        language = self._hypothesis.language
        return Segment(
            id=self._number,
            start=words[0].start,
            end=max(word.end for word in words),
            text=words_text(words, language),
            words=words,
            language=language,
            translation=translation,
            target_language=target,
            language_confidence=self._language_confidence,
            times_estimated=not self._info.aligns_words,
        )

    @property
    def _language_confidence(self) -> float | None:
        was_detected = self._options.language is None and self._info.detects_language
        return self._hypothesis.language_confidence if was_detected else None

    def _settled_words(self) -> int:
        """How many words of the newest hypothesis were said by the end of the last committed one.

        Not how many are committed: recognisers insert and drop words in what is committed, too.
        """
        end_s = self._decision.committed[-1].end if self._decision.committed else 0.0
        return sum((word.start + word.end) / 2 <= end_s for word in self._hypothesis.words)

    def _decide(self, hypothesis: Hypothesis, *, is_final: bool) -> bool:
        before = self._decision, self._hypothesis.language
        language = hypothesis.language or self._hypothesis.language
        self._hypothesis = replace(hypothesis, words=_in_order(hypothesis.words), language=language)
        self._decision = self._policy.update(self._hypothesis, is_final)
        return (self._decision, language) != before

    def _in_stream(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        offset = self.start / SAMPLE_RATE
        # Committed words have the times of several hypotheses.
        return tuple(replace(word, start=word.start + offset, end=word.end + offset) for word in _in_order(words))


def _in_order(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Words none of which begins before the one before it, or ends before it begins."""
    ordered: list[Word] = []
    earliest = 0.0
    for word in words:
        earliest = max(earliest, word.start)
        ordered.append(replace(word, start=earliest, end=max(earliest, word.end)))
    return tuple(ordered)
