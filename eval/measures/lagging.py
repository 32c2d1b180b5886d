"""Average lagging, length-adaptive: how far a translation trails an ideal one that keeps step with the speech.

Delays are seconds from the beginning of the source, one for each word in order: audio that had come
(computation-unaware) or time gone by (computation-aware) when the word was committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from speech3n.eval.measures.resegment import assign_words


@dataclass(frozen=True, slots=True)
class EmittedWord:
    """A committed word, with the audio that had come and the time gone by; seconds from the start of the session."""

    text: str
    audio_s: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class SourceStretch:
    """A stretch of the source, in seconds, with the words that should come out of it; None where nobody knows them."""

    start: float
    end: float
    words: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """Means over stretches, in seconds; NaN where no stretch got a word that counts."""

    laal: float
    long_yaal: float


@dataclass(frozen=True, slots=True)
class Lagging:
    """How far a session's text trailed its source, by both clocks; `aware` is None for sessions without a pace."""

    stretches: int
    against_reference: bool
    """Whether words were counted and assigned by references, or by the session's own segments."""
    unaware: Lag
    aware: Lag | None


def laal(delays: Sequence[float], source_s: float, reference_length: int = 0) -> float:
    """Length-adaptive average lagging (Papi et al. 2022, Over-Generation Cannot Be Rewarded, section 3).

    With delays d_1..d_n, a source of |X| seconds and a reference of |Y*| words,

        LAAL = 1/tau * sum over i = 1..tau of (d_i - (i - 1) * |X| / max(n, |Y*|)),

    tau the first i with d_i >= |X|, n where there is none: it is d_1 where even that lies after the source.
    Without a reference (0) it is the average lagging of a text that is as long as it should be. Raises
    ValueError for no delays and for a source without length.
    """
    _check(delays, source_s)
    tau = next((index for index, delay in enumerate(delays, start=1) if delay >= source_s), len(delays))
    return _mean_lag(delays[:tau], source_s, max(len(delays), reference_length))


def yaal(
    delays: Sequence[float], source_s: float, reference_length: int = 0, *, until_s: float | None = None
) -> float | None:
    """Yet another average lagging (Polák et al. 2025, Better Late Than Never, arXiv:2509.17349).

    As LAAL, but words that come at or after the end of the source, which lag by no policy but because there is
    nothing left to wait for, are left out: tau is the number of words before the first with d_i >= |X|. LongYAAL is
    the same for a stretch of a longer recording, where such words do count: `until_s` is then the end of the
    recording, in seconds from the beginning of the stretch. None where no word counts; raises
    ValueError as `laal`.
    """
    _check(delays, source_s)
    limit = source_s if until_s is None else until_s
    tau = next((index for index, delay in enumerate(delays) if delay >= limit), len(delays))
    return _mean_lag(delays[:tau], source_s, max(len(delays), reference_length)) if tau else None


def lagging(
    emitted: Sequence[Sequence[EmittedWord]], stretches: Sequence[SourceStretch], recording_s: float, *, paced: bool
) -> Lagging:
    """LAAL and LongYAAL of stretches of one recording, each with its words; stretches without words are left out.

    LAAL of the stretches of a long recording is StreamLAAL (Papi et al. 2024, StreamAtt, section 4).
    """
    return Lagging(
        stretches=sum(bool(words) for words in emitted),
        against_reference=any(stretch.words is not None for stretch in stretches),
        unaware=_lag([[word.audio_s for word in words] for words in emitted], stretches, recording_s),
        aware=_lag([[word.elapsed_s for word in words] for words in emitted], stretches, recording_s)
        if paced
        else None,
    )


def resegmented(emitted: Sequence[EmittedWord], stretches: Sequence[SourceStretch]) -> list[list[EmittedWord]]:
    """The words of a long output, each with the stretch whose reference words it aligns to."""
    assigned: list[list[EmittedWord]] = [[] for _ in stretches]
    targets = assign_words([word.text for word in emitted], [stretch.words or () for stretch in stretches])
    for word, target in zip(emitted, targets, strict=True):
        assigned[target].append(word)
    return assigned


def _lag(times: Sequence[Sequence[float]], stretches: Sequence[SourceStretch], recording_s: float) -> Lag:
    laals: list[float] = []
    yaals: list[float] = []
    for stretch, at in zip(stretches, times, strict=True):
        if not at:
            continue
        delays = [second - stretch.start for second in at]
        source_s, length = stretch.end - stretch.start, len(stretch.words or ())
        laals.append(laal(delays, source_s, length))
        lag = yaal(delays, source_s, length, until_s=recording_s - stretch.start)
        if lag is not None:
            yaals.append(lag)
    return Lag(mean(laals) if laals else float("nan"), mean(yaals) if yaals else float("nan"))


def _mean_lag(delays: Sequence[float], source_s: float, length: int) -> float:
    return mean(delay - index * source_s / length for index, delay in enumerate(delays))


def _check(delays: Sequence[float], source_s: float) -> None:
    if not delays:
        raise ValueError("there are no delays to average")
    if not source_s > 0:
        raise ValueError(f"a source of {source_s} s has no pace that words could keep step with")
