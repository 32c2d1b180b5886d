"""What `speech3n eval session` does: a past session, scored.

How late its words were and, where somebody wrote down what was said, how right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from speech3n.errors import StorageError, UsageError
from speech3n.eval.measures.events import final_segments, read_events
from speech3n.eval.measures.latency import Distribution
from speech3n.eval.measures.latency_report import LatencyReport, TextLatency, latency_report
from speech3n.eval.measures.normalise import plain_normaliser, whisper_normaliser
from speech3n.eval.measures.wer import ErrorCounts, word_errors
from speech3n.eval.sets.clip import Clip
from speech3n.runtime.untrusted import Unreadable, read_text
from speech3n.types import Event, join_words

_LARGEST_REFERENCE = 100_000_000


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """Which session to score, and against what: the command line of `eval session`.

    `log` is a session's folder or what `live --jsonl` printed; `reference` a text, or a JSONL manifest whose clips come
    one after the other; `language` that of a text, None where it is the session's.
    """

    log: Path
    reference: Path | None = None
    language: str | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class PastSession:
    """A session's text, delays and, with a reference, its word errors under two normalisers."""

    log: str
    language: str | None
    text: str
    latency: LatencyReport
    words: ErrorCounts | None
    words_plain: ErrorCounts | None


def score_session(request: SessionRequest) -> int:
    """Print the measures of a session; the exit code. Raises as `measure` does."""
    measured = measure(request.log, request.reference, request.language)
    if request.as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(measured), indent=1).decode())
    else:
        click.echo(describe(measured))
    return 0


def measure(log: Path, reference: Path | None = None, language: str | None = None) -> PastSession:
    """Measure a session; `SessionRequest` says what the parameters are.

    Raises StorageError for files that can't be read, ManifestError, and UsageError for a session without any time in
    it.
    """
    events = read_events(log)
    segments = final_segments(events)
    spoken = language or _spoken_language(events)
    text = join_words((segment.text for segment in segments), spoken)
    try:
        latency = latency_report(events)
    except ValueError as error:
        raise StorageError(
            f"{log} breaks off: {error}.", f"`speech3n recover {log}` writes what was recognised; delays need an end."
        ) from error
    if reference is None:
        return PastSession(str(log), spoken, text, latency, None, None)
    if spoken is None:
        raise UsageError(f"{log} does not tell its language.", "Say it with --language.")
    said = _read_reference(reference, spoken)
    return PastSession(
        str(log),
        spoken,
        text,
        latency,
        word_errors([said], [text], whisper_normaliser(spoken)),
        word_errors([said], [text], plain_normaliser(spoken)),
    )


def describe(session: PastSession) -> str:
    """The measures as lines for people."""
    latency = session.latency
    lines = [f"{session.log}: {latency.audio_s:.1f} s of audio, {latency.updates} updates"]
    if session.words is not None and session.words_plain is not None:
        words = session.words
        lines.append(
            f"WER {100 * words.rate:.1f} % ({words.substitutions} substituted, {words.deletions} left out, "
            f"{words.insertions} too many of {words.reference_length}; {words.normaliser}); "
            f"plain {100 * session.words_plain.rate:.1f} %"
        )
    lines += _text_lines("text", latency.source)
    if latency.translation is not None:
        lines += _text_lines("translation", latency.translation)
    lines.append(f"an update took {_spread(latency.update_s)} s")
    if latency.rtf is not None:
        lines.append(f"real-time factor {latency.rtf:.2f}")
    if latency.dropped_s:
        lines.append(f"{latency.dropped_s:.1f} s of audio were skipped")
    if not latency.paced:
        lines.append("The session was not in stream time: delays count the audio that came, not the time gone by.")
    return "\n".join(lines)


def _text_lines(name: str, text: TextLatency) -> Sequence[str]:
    chosen = [delays.aware or delays.unaware for delays in (text.shown, text.committed, text.first_word)]
    shown, committed, first = (_spread(distribution) for distribution in chosen)
    return [
        f"{name}: words shown after {shown} s, committed after {committed} s (median / 95 % / worst)",
        f"{name}: first word {first} s after speech begins; "
        f"{text.stability.normalised_erasure:.2f} words taken back per word",
    ]


def _spread(distribution: Distribution) -> str:
    if not distribution.count:
        return "-"
    return f"{distribution.median:.2f} / {distribution.p95:.2f} / {distribution.maximum:.2f}"


def _spoken_language(events: Sequence[Event]) -> str | None:
    languages = [segment.language for segment in final_segments(events) if segment.language]
    return max(set(languages), key=languages.count) if languages else None


def _read_reference(path: Path, language: str) -> str:
    if path.suffix == ".jsonl":
        from speech3n.eval.sets.manifest import load_manifest

        clips: list[Clip] = load_manifest(path, language=language)
        return join_words((clip.text for clip in clips), language)
    try:
        return read_text(path, _LARGEST_REFERENCE)
    except (FileNotFoundError, Unreadable) as error:
        raise StorageError(f"Cannot read the reference {path}: {error}.", "Give a UTF-8 text or a .jsonl.") from error
