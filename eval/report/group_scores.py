"""Scores of groups of clips, with intervals, and paired tests between systems."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from speech3n.eval.measures.clip_statistics import ClipStatistics
from speech3n.eval.measures.significance import bootstrap_interval, paired_bootstrap
from speech3n.eval.report.document import Comparison, GroupScores, Score, WordErrors
from speech3n.eval.report.group_delays import group_delays
from speech3n.eval.report.scored_clips import (
    ScoredClip,
    Session,
    bleu_of,
    cer_statistics,
    chrf_of,
    plain_statistics,
    translated,
    wer_statistics,
)
from speech3n.eval.run.evaluation import Outcome
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.grouping import field_value, group_clips

Metric = Literal["wer", "wer_plain", "bleu"]


def group_scores(
    field: str,
    outcomes: Sequence[Outcome],
    clips: Sequence[ScoredClip],
    sessions: Sequence[Session],
) -> Iterator[GroupScores]:
    """Micro-averages of one system by a field of its clips.

    Times of a joined recording count for the group that all of its clips are in, or for none.
    """
    done = [outcome for outcome in outcomes if outcome.recognition is not None]
    outcome_groups = group_clips(((clip, outcome) for clip, outcome in _owned(done, field)), field)
    session_of = {id(session.outcome): session for session in sessions}
    for value, group in group_clips(((clip.clip, clip) for clip in clips), field).items():
        recordings = outcome_groups.get(value, [])
        streamed = [session_of[id(outcome)] for outcome in recordings if id(outcome) in session_of]
        yield _scores((field, value), group, recordings, streamed)


def compare(
    field: str, baseline: tuple[str, Sequence[ScoredClip]], candidate: tuple[str, Sequence[ScoredClip]]
) -> Iterator[Comparison]:
    """Paired tests of two systems, given by id and clips, on the clips that both have, group by group."""
    others = {_identity(clip): clip for clip in candidate[1]}
    both = [(clip, others[_identity(clip)]) for clip in baseline[1] if _identity(clip) in others]
    for value, pairs in group_clips(((ours.clip, (ours, theirs)) for ours, theirs in both), field).items():
        before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        tests: list[tuple[Metric, Callable[[Sequence[ScoredClip]], ClipStatistics]]] = [
            ("wer", wer_statistics),
            ("wer_plain", plain_statistics),
        ]
        for metric, statistics in tests:
            test = paired_bootstrap(statistics(before), statistics(after))
            if test is not None:
                yield Comparison(field, value, metric, baseline[0], candidate[0], test)
        with_translations = [pair for pair in pairs if all(clip.translation is not None for clip in pair)]
        if with_translations:
            test = paired_bootstrap(*(bleu_of(side) for side in zip(*with_translations, strict=True)))
            if test is not None:
                yield Comparison(field, value, "bleu", baseline[0], candidate[0], test)


def _scores(
    group: tuple[str, str],
    clips: Sequence[ScoredClip],
    outcomes: Sequence[Outcome],
    sessions: Sequence[Session],
) -> GroupScores:
    errors = [clip.words.errors for clip in clips]
    with_translations = translated(clips)
    return GroupScores(
        *group,
        clips=len(clips),
        audio_s=sum(clip.clip.duration_s for clip in clips),
        errors=WordErrors(
            sum(count.reference_length for count in errors),
            sum(count.substitutions for count in errors),
            sum(count.deletions for count in errors),
            sum(count.insertions for count in errors),
        ),
        wer=_score(wer_statistics(clips)),
        wer_plain=_score(plain_statistics(clips)),
        cer=_score(cer_statistics(clips)),
        bleu=_score(bleu_of(with_translations)) if with_translations else None,
        chrf=_score(chrf_of(with_translations)) if with_translations else None,
        rtf=_real_time_factor(outcomes),
        delays=group_delays(sessions),
    )


def _score(statistics: ClipStatistics) -> Score:
    value = statistics.score
    interval = bootstrap_interval(statistics)
    known = None if math.isnan(value) else value
    return Score(known, interval.low, interval.high) if interval is not None else Score(known, None, None)


def _real_time_factor(outcomes: Sequence[Outcome]) -> float | None:
    timed = [
        (outcome.recognition.compute_s, outcome.rendered.duration_s)
        for outcome in outcomes
        if outcome.recognition is not None and outcome.recognition.compute_s is not None
    ]
    audio_s = sum(duration for _, duration in timed)
    return sum(compute for compute, _ in timed) / audio_s if audio_s else None


def _owned(outcomes: Sequence[Outcome], field: str) -> Iterator[tuple[Clip, Outcome]]:
    """Each outcome under a clip that stands for all of its recording; none where the clips differ in the field."""
    for outcome in outcomes:
        clips = [joined.clip for joined in outcome.task.recording.clips]
        if len({field_value(clip, field) for clip in clips}) == 1:
            yield clips[0], outcome


def _identity(clip: ScoredClip) -> tuple[str, str, str]:
    return str(clip.clip.audio), clip.clip.text, clip.clip.language
