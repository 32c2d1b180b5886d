"""How audio reaches a session in time: as fast as it can be read, in step with a clock, or as it is captured."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from speech3n.audio.level import SILENCE_DB, level_db
from speech3n.audio.source import AudioSource
from speech3n.errors import DeviceError
from speech3n.journal.recording import Recording
from speech3n.session.backlog import Backlog, BacklogLimit
from speech3n.types import SAMPLE_RATE, Gap, Notice, Waveform

Pace = Literal["max", "realtime", "simulated"]

_RECONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class Block:
    """Audio [T] and the sample at which it starts; a jump between blocks is audio that was skipped."""

    start: int
    pcm: Waveform


class Feed(Protocol):
    """Timed audio for one session. `stop` and `pause` may be called from any thread."""

    source_name: str
    is_paced: bool
    """Whether time matters: recognition can fall behind."""

    def read(self, timeout_s: float = 0.1) -> Block | None:
        """The next audio, or None where none is there yet or none will come (`ended`); raises as the source."""
        ...

    @property
    def ended(self) -> bool:
        """Whether everything was read."""
        ...

    @property
    def captured_s(self) -> float:
        """Audio that came in so far, recognised or not."""
        ...

    @property
    def dropped_s(self) -> float:
        """Audio that was skipped."""
        ...

    @property
    def level_db(self) -> float:
        """RMS level of the newest frame in dB full scale."""
        ...

    @property
    def paused(self) -> bool:
        """Whether the feed is paused."""
        ...

    def elapsed_s(self) -> float:
        """Time since the feed was opened, by the clock that the feed goes by."""
        ...

    def reports(self) -> list[Gap | Notice]:
        """What happened since the last call that people should know."""
        ...

    def pause(self, paused: bool) -> None:
        """Take no sound, or go on; the stream's time stands still meanwhile."""
        ...

    def stop(self) -> None:
        """Take no more audio; what came in before is still read."""
        ...


def open_feed(
    source: AudioSource,
    *,
    pace: Pace = "max",
    recording: Recording | None = None,
    limit: BacklogLimit | None = None,
) -> Feed:
    """Open the feed that suits a source: microphones and pipes are always captured as they come.

    `simulated` goes by a clock that moves on by the time that computing takes and jumps over all waiting:
    the timing of `realtime` without its duration.
    """
    if pace == "simulated" or not (pace == "realtime" or source.is_live or source.duration_s is None):
        return PulledFeed(source, recording, is_paced=pace == "simulated")
    return CapturedFeed(source, recording, limit or BacklogLimit(), in_step=pace == "realtime")


class PulledFeed:
    """Frames taken straight from a source by the session's own thread."""

    def __init__(self, source: AudioSource, recording: Recording | None = None, *, is_paced: bool) -> None:
        self.source_name = source.name
        self._recording = recording
        self._reports: list[Gap | Notice] = []
        self.is_paced = is_paced
        self.ended = False
        self.dropped_s = 0.0
        self.level_db = SILENCE_DB
        self._source = source
        self._frames = source.frames()
        self._next = next(self._frames, None)
        self._failure: Exception | None = None
        self._position = 0
        self._started = time.perf_counter()
        self._skipped_s = 0.0
        self._stopped = False
        self._resumed = threading.Event()
        self._resumed.set()

    def read(self, timeout_s: float = 0.1) -> Block | None:
        """The next frame; in simulated time the clock jumps to the moment at which it has been spoken."""
        if not self._resumed.wait(timeout_s):
            return None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._next is None or self._stopped:
            self.ended = True
            self._source.close()
            return None
        block = Block(self._position, self._next)
        self._record(block.pcm)
        self._position += len(block.pcm)
        if self.is_paced:
            self._skipped_s += max(0.0, self._position / SAMPLE_RATE - self.elapsed_s())
        try:
            self._next = next(self._frames, None)
        except Exception as error:  # raised once what came before it is recognised
            self._next, self._failure = None, error
        self.level_db = level_db(block.pcm)
        return block

    @property
    def captured_s(self) -> float:
        """What has been spoken by now; without a clock, what was read."""
        read_s = self._position / SAMPLE_RATE
        if not self.is_paced or self._next is None:
            return read_s
        # However late it is, no more is spoken than there is.
        return max(read_s, min(self.elapsed_s(), self._source.duration_s or math.inf))

    @property
    def paused(self) -> bool:
        """Whether the feed is paused."""
        return not self._resumed.is_set()

    def elapsed_s(self) -> float:
        """Time since the feed was opened, with waiting jumped over."""
        return time.perf_counter() - self._started + self._skipped_s

    def reports(self) -> list[Gap | Notice]:
        """A full disk; a feed that is pulled loses nothing else."""
        reports, self._reports = self._reports, []
        return reports

    def pause(self, paused: bool) -> None:
        """Stop reading, or go on."""
        if paused:
            self._resumed.clear()
        else:
            self._resumed.set()

    def stop(self) -> None:
        """Read no further."""
        self._stopped = True
        self._resumed.set()

    def _record(self, pcm: Waveform) -> None:
        notice = self._recording.append(pcm) if self._recording is not None else None
        if notice is not None:
            self._reports.append(notice)


class CapturedFeed:
    """Frames captured by a thread of their own into a backlog, so that a slow recogniser delays nothing but itself."""

    is_paced = True

    def __init__(self, source: AudioSource, recording: Recording | None, limit: BacklogLimit, *, in_step: bool) -> None:
        """Start capturing; `in_step` keeps a source that could be read faster in step with the clock."""
        self.source_name = source.name
        self.level_db = SILENCE_DB
        self._source = source
        self._overflow_told_s = 0.0
        self._in_step = in_step and not source.is_live
        self._backlog = Backlog(recording, limit)
        self._error: Exception | None = None
        self._stopping = threading.Event()
        self._resumed = threading.Event()
        self._resumed.set()
        self._started = time.perf_counter()
        self._thread = threading.Thread(target=self._capture, name="capture", daemon=True)
        self._thread.start()

    def read(self, timeout_s: float = 0.1) -> Block | None:
        """The next audio that was captured."""
        found = self._backlog.read(timeout_s)
        if found is not None:
            return Block(*found)
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return None

    @property
    def ended(self) -> bool:
        """Whether capture is over and everything was read."""
        return self._backlog.closed and self._backlog.lag == 0 and self._error is None

    @property
    def captured_s(self) -> float:
        """Audio captured so far."""
        return self._backlog.written / SAMPLE_RATE

    @property
    def dropped_s(self) -> float:
        """Audio skipped so far."""
        return self._backlog.dropped / SAMPLE_RATE

    @property
    def paused(self) -> bool:
        """Whether the feed is paused."""
        return not self._resumed.is_set()

    def elapsed_s(self) -> float:
        """Time since capture began."""
        return time.perf_counter() - self._started

    def reports(self) -> list[Gap | Notice]:
        """Skipped audio, a full disk, a device that went or came back."""
        return self._backlog.reports()

    def pause(self, paused: bool) -> None:
        """Drop what a microphone captures, or wait with reading a file, until resumed."""
        if paused:
            self._resumed.clear()
            self.level_db = SILENCE_DB
        else:
            self._resumed.set()

    def stop(self) -> None:
        """Close the source; what was captured is still read."""
        self._stopping.set()
        self._resumed.set()
        self._source.close()
        self._backlog.close()

    def _capture(self) -> None:
        """Keep capturing until the source ends, coming back to a device that was lost."""
        lost = False
        try:
            while not self._stopping.is_set():
                try:
                    for frame in self._frames():
                        if lost:
                            self._notice("The microphone is back.", "", "information")
                            lost = False
                        self._take(frame)
                    return
                except DeviceError as error:
                    if self._stopping.is_set():
                        return  # closing it is what it complains of
                    if not self._backlog.written or not self._source.is_live:
                        raise
                    if not lost:
                        self._notice(
                            error.message,
                            f"{error.hint} Captions go on as soon as it is back.".strip(),
                            "error",
                        )
                    lost = True
                    self._stopping.wait(_RECONNECT_S)
        except Exception as error:  # `read` raises it in the session's thread
            self._error = error
        finally:
            self._backlog.close()

    def _frames(self) -> Iterator[Waveform]:
        """Frames of the source, in step with the clock where that was asked for."""
        due_s = self.elapsed_s()
        for frame in self._source.frames():
            if self._stopping.is_set():
                return
            if not self._resumed.is_set() and not self._source.is_live:
                self._resumed.wait()
                due_s = self.elapsed_s()
            if self._in_step:
                due_s += len(frame) / SAMPLE_RATE
                self._stopping.wait(max(0.0, due_s - self.elapsed_s()))
            yield frame

    def _take(self, frame: Waveform) -> None:
        if self.paused:
            return
        self.level_db = level_db(frame)
        self._tell_overflow()
        self._backlog.write(frame, may_block=not self._source.is_live)

    def _tell_overflow(self) -> None:
        """Say that the device lost sound before we could take it: the first time, and for every second more."""
        lost_s = float(getattr(self._source, "overflow_s", 0.0))
        if lost_s > self._overflow_told_s and (not self._overflow_told_s or lost_s >= self._overflow_told_s + 1):
            self._overflow_told_s = lost_s
            self._notice(
                f"The microphone lost at least {lost_s:.1f} s of sound.",
                "The computer is too busy to keep up.",
                "warning",
            )

    def _notice(self, message: str, hint: str, severity: str) -> None:
        self._backlog.report(Notice(message, hint, severity, self.captured_s))
