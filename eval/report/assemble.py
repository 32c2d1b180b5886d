"""From the outcomes of an evaluation to its report."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from speech3n.eval.measures.bleu import translation_score
from speech3n.eval.measures.false_text import count_false_text
from speech3n.eval.measures.history import split_words
from speech3n.eval.measures.normalise import whisper_normaliser
from speech3n.eval.measures.significance import RESAMPLES, SEED
from speech3n.eval.report.document import (
    ClipReport,
    Comparison,
    Earlier,
    FalseTextReport,
    Machine,
    Report,
    Scoring,
    SetFacts,
    SystemReport,
    load_report,
)
from speech3n.eval.report.group_scores import compare, group_scores
from speech3n.eval.report.scored_clips import ScoredClip, Session, open_session, score_clip, scored_clips
from speech3n.eval.run.environment import environment
from speech3n.eval.run.evaluation import Evaluation, Outcome
from speech3n.eval.run.plan import system_ids
from speech3n.eval.sets.clip import Clip, languages
from speech3n.eval.sets.grouping import WHOLE_SET
from speech3n.eval.systems.system import System


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What the report is to hold: its set, the fields to group by besides the language, an earlier report."""

    set_path: Path
    fields: Sequence[str] = ()
    compare_with: Path | None = None

    @property
    def all_fields(self) -> list[str]:
        """The language, what else was asked for, and the set as a whole."""
        return list(dict.fromkeys(["language", *self.fields, WHOLE_SET]))


@dataclass(frozen=True, slots=True)
class _Scored:
    """A system under a condition with everything that was computed from its outcomes."""

    id: str
    system: System
    condition: str
    outcomes: Sequence[Outcome]
    clips: Sequence[ScoredClip]
    sessions: Sequence[Session]


def assemble(evaluation: Evaluation, options: ReportOptions) -> Report:
    """Score everything that an evaluation has come to; raises StorageError for an earlier report that can't be read."""
    plan = evaluation.plan
    earlier = load_report(options.compare_with) if options.compare_with is not None else None
    scored = list(_scored_systems(evaluation))
    gaps = {recording.gap_s for recording in plan.recordings if recording.clips}
    return Report(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        set=SetFacts(
            "/".join(options.set_path.resolve().parts[-2:]),
            len(plan.clips),
            sum(clip.duration_s for clip in plan.clips),
            tuple(languages(plan.clips)),
            gaps.pop() if len(gaps) == 1 else None,
        ),
        machine=_machine(plan.jobs),
        scoring=_scoring(plan.clips),
        systems=tuple(_system_report(one, evaluation, options) for one in scored),
        comparisons=tuple(_comparisons(scored)),
        clips=tuple(_clip_reports(plan.clips, scored, options.set_path)),
        false_text=tuple(_false_texts(evaluation)),
        earlier=None
        if earlier is None
        else Earlier(str(options.compare_with), earlier.created, tuple(_moved(earlier, scored, options.set_path))),
    )


def clip_id(clip: Clip, set_path: Path) -> str:
    """A clip's name within its set, on any machine: its path from the set's folder."""
    folder = set_path if set_path.is_dir() else set_path.parent
    return Path(os.path.relpath(clip.audio, folder)).as_posix()


def _scored_systems(evaluation: Evaluation) -> Iterator[_Scored]:
    ids = system_ids(evaluation.plan)
    for system, condition, outcomes in evaluation.by_system():
        speech = [outcome for outcome in outcomes if outcome.task.recording.clips]
        sessions = {id(outcome): open_session(outcome) for outcome in speech}
        clips = [clip for outcome in speech for clip in scored_clips(outcome, sessions[id(outcome)])]
        found = [session for session in sessions.values() if session is not None]
        yield _Scored(ids[system, condition.name], system, condition.name, speech, clips, found)


def _system_report(scored: _Scored, evaluation: Evaluation, options: ReportOptions) -> SystemReport:
    done = [(outcome, outcome.recognition) for outcome in scored.outcomes if outcome.recognition is not None]
    computed = [recognition.compute_s for _, recognition in done if recognition.compute_s is not None]
    peaks = [recognition.peak_memory_mib for _, recognition in done if recognition.peak_memory_mib is not None]
    measured = scored.system.mode != "given"
    groups = [
        group
        for field in options.all_fields
        for group in group_scores(field, scored.outcomes, scored.clips, scored.sessions)
    ]
    return SystemReport(
        id=scored.id,
        name=scored.id.rsplit("/", 2)[0],
        mode=scored.system.mode,
        condition=scored.condition,
        settings=evaluation.plan.settings[scored.system],
        clips_done=len(scored.clips),
        clips_asked=len(evaluation.plan.clips),
        from_cache=sum(len(outcome.task.recording.clips) for outcome, _ in done if outcome.from_cache),
        error=evaluation.stopped_by(scored.system),
        audio_s=sum(outcome.rendered.duration_s for outcome, _ in done),
        compute_s=sum(computed) if computed else None,
        peak_memory_mib=max(peaks) if peaks and measured else None,
        groups=tuple(groups),
    )


def _comparisons(scored: Sequence[_Scored]) -> Iterator[Comparison]:
    """Every two systems on the first condition; how one system stands under two conditions is not a question."""
    first = [one for one in scored if one.condition == scored[0].condition]
    for baseline, candidate in combinations(first, 2):
        for field in ("language", WHOLE_SET):
            yield from compare(field, (baseline.id, baseline.clips), (candidate.id, candidate.clips))


def _clip_reports(clips: Sequence[Clip], scored: Sequence[_Scored], set_path: Path) -> Iterator[ClipReport]:
    outputs: dict[int, dict[str, ScoredClip]] = {}
    failures: dict[int, dict[str, str]] = {}
    for one in scored:
        for scored_clip in one.clips:
            outputs.setdefault(id(scored_clip.clip), {})[one.id] = scored_clip
        for outcome in one.outcomes:
            if outcome.error is not None:
                for joined in outcome.task.recording.clips:
                    failures.setdefault(id(joined.clip), {})[one.id] = outcome.error
    for clip in clips:
        found = outputs.get(id(clip), {})
        reference = whisper_normaliser(clip.language)(clip.text)
        yield ClipReport(
            id=clip_id(clip, set_path),
            audio=str(clip.audio),
            language=clip.language,
            text=clip.text,
            translation_en=clip.translation_en,
            duration_s=clip.duration_s,
            reference_words=len(reference.split()),
            source=clip.source,
            speaker=clip.speaker,
            license=clip.license,
            outputs={name: output.output() for name, output in found.items()},
            failures=failures.get(id(clip), {}),
        )


def _false_texts(evaluation: Evaluation) -> Iterator[FalseTextReport]:
    ids = system_ids(evaluation.plan)
    for outcome in evaluation.outcomes:
        recording, recognition = outcome.task.recording, outcome.recognition
        if recording.clips or recognition is None:
            continue
        session = open_session(outcome)
        if session is not None:
            counted = count_false_text(session.events)
            final, shown = counted.words_final, counted.words_shown
        else:
            final = shown = len(split_words(recognition.text, None))
        name = ids[outcome.task.system, outcome.task.condition.name]
        yield FalseTextReport(name, recording.names[0], recording.duration_s, final, shown)


def _moved(earlier: Report, scored: Sequence[_Scored], set_path: Path) -> Iterator[Comparison]:
    """What each system made of the same clips then and now; its texts of then are scored as those of now."""
    for one in scored:
        then = {clip.id: (clip.text, clip.outputs[one.id]) for clip in earlier.clips if one.id in clip.outputs}
        before = []
        for scored_clip in one.clips:
            clip = scored_clip.clip
            text, output = then.get(clip_id(clip, set_path), (None, None))
            if output is not None and text == clip.text:
                before.append(score_clip(clip, output.text, output.translation))
        if before:
            for field in ("language", WHOLE_SET):
                yield from compare(field, (one.id, before), (one.id, one.clips))


def _machine(jobs: int) -> Machine:
    facts = environment()
    return Machine(facts["cpu"], facts["usable_cores"], facts["python"], facts["versions"], facts["commit"], jobs)


def _scoring(clips: Sequence[Clip]) -> Scoring:
    signatures = translation_score(["a"], ["a"]) if any(clip.translation_en is not None for clip in clips) else None
    return Scoring(
        normalisers={language: whisper_normaliser(language).name for language in languages(clips)},
        bleu_signature=signatures.bleu_signature if signatures else None,
        chrf_signature=signatures.chrf_signature if signatures else None,
        intervals=f"95 % bootstrap over clips, {RESAMPLES} resamples, seed {SEED}",
    )
