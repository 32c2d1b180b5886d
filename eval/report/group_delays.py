"""The delays of many sessions together: all their words in one distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from statistics import fmean

from speech3n.eval.measures.history import TextKind
from speech3n.eval.measures.lagging import Lag
from speech3n.eval.measures.latency import (
    Distribution,
    WordDelay,
    clip_end_delays,
    distribution,
    first_words,
    stability,
    translation_delays,
    update_times,
)
from speech3n.eval.measures.latency_report import TextLatency, joined_references, latency_report
from speech3n.eval.report.document import DelayPair, GroupDelays, LagPair, TextDelays
from speech3n.eval.report.scored_clips import Session


def group_delays(sessions: Sequence[Session]) -> GroupDelays | None:
    """All that is said of the delays of sessions by the simulated clock; None without sessions."""
    if not sessions:
        return None
    latencies = [
        latency_report(session.events, joined_references(session.outcome.rendered.clips), paced=True)
        for session in sessions
    ]
    translated = [
        (session, latency.translation)
        for session, latency in zip(sessions, latencies, strict=True)
        if latency.translation is not None
    ]
    joined = [session for session in sessions if session.outcome.rendered.gap_s is not None]
    after_sound = [
        delay for session in joined for delay in clip_end_delays(session.delays, session.outcome.rendered.clips)
    ]
    return GroupDelays(
        source=_text(sessions, "source", [latency.source for latency in latencies]),
        translation=_text([session for session, _ in translated], "translation", [text for _, text in translated])
        if translated
        else None,
        update=_distribution(chain.from_iterable(update_times(session.events) for session in sessions)),
        after_sound=_distribution(after_sound),
    )


def _text(sessions: Sequence[Session], kind: TextKind, latencies: Sequence[TextLatency]) -> TextDelays:
    delays = [delay for session in sessions for delay in _word_delays(session, kind)]
    first = [word for session in sessions for word in first_words(session.events, kind)]
    steadiness = [stability(session.events, kind) for session in sessions]
    final_words = sum(one.final_words for one in steadiness)
    erased = sum(one.erased for one in steadiness)
    return TextDelays(
        shown=_pair(delays, lambda delay: delay.shown_delay_unaware, lambda delay: delay.shown_delay),
        committed=_pair(delays, lambda delay: delay.commit_delay_unaware, lambda delay: delay.commit_delay),
        first_word=DelayPair(
            _distribution(word.delay_unaware for word in first), _distribution(word.delay for word in first)
        ),
        laal=_lag(latencies, lambda lag: lag.laal),
        long_yaal=_lag(latencies, lambda lag: lag.long_yaal),
        normalised_erasure=erased / final_words if final_words else None,
        changed_commits=sum(one.changed_commits for one in steadiness),
    )


def _word_delays(session: Session, kind: TextKind) -> Sequence[WordDelay]:
    return session.delays if kind == "source" else translation_delays(session.events)


def _pair(
    delays: Sequence[WordDelay], unaware: Callable[[WordDelay], float], aware: Callable[[WordDelay], float]
) -> DelayPair:
    return DelayPair(_distribution(map(unaware, delays)), _distribution(map(aware, delays)))


def _distribution(values: Iterable[float]) -> Distribution | None:
    sample = list(values)
    return distribution(sample) if sample else None


def _lag(latencies: Sequence[TextLatency], measure: Callable[[Lag], float]) -> LagPair:
    """Means over clips, from those of the sessions, each as heavy as the clips that it has words of."""
    laggings = [latency.lagging for latency in latencies if latency.lagging is not None]
    return LagPair(
        _mean([(measure(one.unaware), one.stretches) for one in laggings]),
        _mean([(measure(one.aware), one.stretches) for one in laggings if one.aware is not None]),
    )


def _mean(weighted: Sequence[tuple[float, int]]) -> float | None:
    kept = [(value, weight) for value, weight in weighted if weight and not math.isnan(value)]
    return fmean([value for value, _ in kept], [weight for _, weight in kept]) if kept else None
