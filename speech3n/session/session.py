"""The road from sound to captions: voice activity, utterances, recognition, and when text becomes final.

    Feed -> VoiceActivityDetector -> Endpointer -> EngineStream -> Policy -> Update, Segment

Captions and files take the same road; files only ask for no interim results and longer utterances.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from speech3n.audio.endpoint import Endpointer, Utterance
from speech3n.audio.vad import VoiceActivityDetector
from speech3n.engines.base import Engine, StreamOptions
from speech3n.errors import EngineError, Speech3nError
from speech3n.journal.journal import Journal
from speech3n.session.feed import Feed
from speech3n.session.options import SessionOptions
from speech3n.session.rolling_audio import RollingAudio
from speech3n.session.sizing import SizeController
from speech3n.session.utterance import UtteranceRecogniser
from speech3n.types import FRAME_SAMPLES, SAMPLE_RATE, End, Event, ModelSize, Status, Waveform

_STATUS_S = 0.15
_STEP_S = 0.5
"""Audio between two interim hypotheses."""
_FIRST_STEP_S = FRAME_SAMPLES / SAMPLE_RATE
"""The same until a word of an utterance is final, where an engine encodes each sound once."""
_CATCH_UP_STEP_S = 2.0
"""The same while recognition is behind."""
_LARGEST_LOAD = 0.5
"""Where time matters, interim hypotheses get rarer so that recognition takes at most this share of it."""
_KEPT_SAMPLES = SAMPLE_RATE
"""Audio kept while nobody speaks, for the pre-roll of the next utterance."""


class Session:
    """One recording, talk or call, from its first sample to its last word."""

    def __init__(self, engine: Engine, options: SessionOptions, journal: Journal | None = None) -> None:
        longest_s = min(options.endpoint.max_utterance_s, engine.info.max_utterance_s)
        self.options = replace(options, endpoint=replace(options.endpoint, max_utterance_s=longest_s))
        self._engine = engine
        self._journal = journal
        self._requested: SessionOptions | None = None
        self._lock = threading.Lock()
        self._vad = VoiceActivityDetector()
        self._endpointer = Endpointer(self.options.endpoint)
        self._audio = RollingAudio()
        self._position = 0
        self._utterance: UtteranceRecogniser | None = None
        self._segments = 0
        self._language = options.language
        self._sizing = SizeController(engine.info.sizes) if len(engine.info.sizes) > 1 else None
        self._has_decoded = False
        self._decode_s = 0.0
        self._busy_s = 0.0
        self._status_due_s = 0.0

    def configure(self, language: str | None, *, translate: bool) -> None:
        """Change language and task, ending the utterance that is going on; safe from any thread."""
        with self._lock:
            self._requested = replace(self.options, language=language, translate=translate)

    def run(self, feed: Feed) -> Iterator[Event]:
        """Recognise all that a feed gives; the last event is an End.

        Raises what the source or the engine raises, after the utterance that was going on is finished and
        shown. A journal that fails is a Notice, not an end.
        """
        for event in self._events(feed):
            yield from self._keep(event)

    def _events(self, feed: Feed) -> Iterator[Event]:
        failure: Speech3nError | None = None
        if self._sizing is not None:
            yield ModelSize(self._sizing.size, feed.captured_s, feed.elapsed_s())
        try:
            while not feed.ended:
                yield from self._apply_request(feed)
                yield from self._take_block(feed)
                yield from self._report(feed)
        except EngineError:
            raise
        except Speech3nError as error:
            failure = error
        yield from self._timed(feed, self._finish_audio(feed))
        yield from self._report(feed)
        yield End(feed.captured_s, feed.elapsed_s(), feed.dropped_s)
        if failure is not None:
            raise failure

    def _take_block(self, feed: Feed) -> Iterator[Event]:
        block = feed.read()
        if block is None:
            return
        if block.start > self._audio.end:
            yield from self._timed(feed, self._finish_audio(feed))
            self._jump(block.start)
        self._audio.append(block.pcm)
        yield from self._timed(feed, self._follow(feed))
        yield from self._choose_size(feed)

    def _timed(self, feed: Feed, events: Iterator[Event]) -> Iterator[Event]:
        """Pass events on, counting the time that their computation takes."""
        while True:
            started_s = feed.elapsed_s()
            event = next(events, None)
            self._busy_s += feed.elapsed_s() - started_s
            if event is None:
                return
            yield event

    def _follow(self, feed: Feed) -> Iterator[Event]:
        """Follow voice activity through the whole frames that have come in."""
        while self._audio.end - self._position >= FRAME_SAMPLES:
            yield from self._take_frame(feed, self._audio.slice(self._position, self._position + FRAME_SAMPLES))
        utterance = self._utterance
        if utterance is not None and self._is_interim_due(feed, utterance):
            started_s = feed.elapsed_s()
            changed = utterance.decode()
            self._has_decoded = True
            self._decode_s = feed.elapsed_s() - started_s
            if changed:
                yield utterance.update(self._position / SAMPLE_RATE, feed.elapsed_s())

    def _take_frame(self, feed: Feed, frame: Waveform) -> Iterator[Event]:
        self._position += len(frame)
        endpointer = self._endpointer
        for is_speech in self._vad.push(frame):
            if endpointer.push(bool(is_speech)):
                yield from self._end_utterance(feed)
        if endpointer.utterance is None:
            self._audio.discard(self._position - _KEPT_SAMPLES)
            return
        if self._utterance is None:
            self._utterance = self._begin_utterance(endpointer.utterance.start)
        self._feed_utterance(self._utterance, endpointer.utterance)
        if endpointer.length_s >= self.options.endpoint.max_utterance_s:
            yield from self._cut_utterance(feed, self._utterance)

    def _begin_utterance(self, start: int) -> UtteranceRecogniser:
        options = self.options
        asked = StreamOptions(
            language=options.language,
            likely_language=self._language,
            translate=options.translate,
            target_language=options.target_language,
            interactive=options.interim,
            size=self._sizing.size if self._sizing is not None else None,
        )
        stream = self._engine.open_stream(asked)
        return UtteranceRecogniser(stream, self._engine.info, asked, options.policy(), self._segments, start)

    def _feed_utterance(self, recogniser: UtteranceRecogniser, utterance: Utterance) -> None:
        """Give the engine what belongs to the utterance so far; of the silence after speech only the beginning."""
        post_roll = round(self.options.endpoint.post_roll_s * SAMPLE_RATE)
        end = min(self._position, utterance.speech_end + post_roll)
        if end > recogniser.fed:
            recogniser.accept(self._audio.slice(recogniser.fed, end))

    def _is_interim_due(self, feed: Feed, utterance: UtteranceRecogniser) -> bool:
        if not self.options.interim or utterance.fed <= utterance.decoded:
            return False
        step_s = _STEP_S
        if self._engine.info.streaming == "native" and not utterance.has_committed:
            step_s = min(step_s, _FIRST_STEP_S)
        if feed.is_paced:
            step_s = max(step_s, self._decode_s / _LARGEST_LOAD)
            if feed.captured_s - self._position / SAMPLE_RATE > step_s:
                step_s = max(step_s, _CATCH_UP_STEP_S)
        return utterance.fed - utterance.decoded >= step_s * SAMPLE_RATE

    def _choose_size(self, feed: Feed) -> Iterator[Event]:
        """Change the size of an elastic model between two decodes, where the newest text was late or had time."""
        decoded, self._has_decoded = self._has_decoded, False
        if self._sizing is None or not decoded or not feed.is_paced:
            return
        elapsed_s, heard_s = feed.elapsed_s(), self._position / SAMPLE_RATE
        lag_s = max(0.0, feed.captured_s - heard_s)
        if self._sizing.observe(elapsed_s, lag_s):
            if self._utterance is not None:
                self._utterance.use_size(self._sizing.size)
            yield ModelSize(self._sizing.size, heard_s, elapsed_s, lag_s)

    def _end_utterance(self, feed: Feed) -> Iterator[Event]:
        recogniser, utterance = self._utterance, self._endpointer.utterance
        if utterance is None:
            return
        if recogniser is None:
            # Shorter than a frame: it began and ended within one.
            recogniser = self._begin_utterance(utterance.start)
        self._feed_utterance(recogniser, utterance)
        recogniser.finish()
        yield from self._show(feed, recogniser)
        self._utterance = None
        self._endpointer.close(recogniser.fed)

    def _cut_utterance(self, feed: Feed, recogniser: UtteranceRecogniser) -> Iterator[Event]:
        """Cut speech that goes on and on between two words; what comes after the cut is the next utterance."""
        end = recogniser.cut()
        yield from self._show(feed, recogniser)
        self._utterance = recogniser.rest(self.options.policy(), self._segments, end)
        self._endpointer.cut(end)
        self._audio.discard(end)

    def _finish_audio(self, feed: Feed) -> Iterator[Event]:
        """No more audio follows what is here: take its last part of a frame and end the utterance."""
        if self._audio.end > self._position:
            yield from self._take_frame(feed, self._audio.slice(self._position, self._audio.end))
        yield from self._end_utterance(feed)

    def _jump(self, position: int) -> None:
        self._audio.jump(position)
        self._position = position
        self._endpointer.jump(position)

    def _show(self, feed: Feed, utterance: UtteranceRecogniser) -> Iterator[Event]:
        """The last update of an utterance, and its segment."""
        self._has_decoded = True
        yield utterance.update(self._position / SAMPLE_RATE, feed.elapsed_s())
        segment = utterance.segment()
        if segment is not None:
            self._segments += 1
            self._language = segment.language
            yield segment

    def _apply_request(self, feed: Feed) -> Iterator[Event]:
        with self._lock:
            requested, self._requested = self._requested, None
        if requested is None:
            return
        yield from self._timed(feed, self._end_utterance(feed))
        self.options = requested
        self._language = requested.language or self._language

    def _report(self, feed: Feed) -> Iterator[Event]:
        yield from feed.reports()
        elapsed_s = feed.elapsed_s()
        if elapsed_s < self._status_due_s:
            return
        self._status_due_s = elapsed_s + _STATUS_S
        heard_s = self._position / SAMPLE_RATE
        yield Status(
            audio_s=feed.captured_s,
            lag_s=max(0.0, feed.captured_s - self._audio.end / SAMPLE_RATE),
            elapsed_s=elapsed_s,
            rtf=self._busy_s / heard_s if heard_s else 0.0,
            level_db=feed.level_db,
            is_speech=self._endpointer.utterance is not None and self._endpointer.silence_s < _STATUS_S,
            dropped_s=feed.dropped_s,
            paused=feed.paused,
        )

    def _keep(self, event: Event) -> Iterator[Event]:
        """Write an event to the journal before anyone sees it."""
        notice = self._journal.record(event) if self._journal is not None else None
        if notice is not None:
            yield notice
        yield event
