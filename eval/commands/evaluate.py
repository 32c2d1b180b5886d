"""What `speech3n eval run` does: systems on the recordings of a set, and the report of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import click
from rich.console import Console

from speech3n.engines.registry import install_model, resolve_model
from speech3n.errors import UsageError
from speech3n.eval.conditions.condition import SWEEP, Clean, Condition, parse_condition
from speech3n.eval.report.assemble import ReportOptions, assemble
from speech3n.eval.report.document import load_report
from speech3n.eval.report.terminal import scores_tables
from speech3n.eval.run.cache import ResultCache
from speech3n.eval.run.evaluation import Evaluation
from speech3n.eval.run.plan import Plan
from speech3n.eval.run.progress import watching
from speech3n.eval.sets.audio_files import cache_folder
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.grouping import require_field
from speech3n.eval.sets.load import load_clips
from speech3n.eval.sets.recordings import Recording, joined_recordings, single_recordings, sound_recordings
from speech3n.eval.systems.baseline import BaselineSystem
from speech3n.eval.systems.engine import EngineSystem
from speech3n.eval.systems.precomputed import parse_hypotheses
from speech3n.eval.systems.system import Settings, System
from speech3n.store import DEFAULT_MODEL

WHOLE = "whole"
"""Among sizes, the model as it is."""


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """What to evaluate, on which clips, and where the results go: the command line of `eval run`."""

    manifest: Path
    models: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    hypotheses: tuple[str, ...] = ()
    language: str | None = None
    limit: int | None = None
    gap_s: float | None = None
    conditions: tuple[str, ...] = ()
    sweep: bool = False
    false_text_minutes: float | None = None
    fields: tuple[str, ...] = ()
    translate: bool = True
    jobs: int = 1
    cache: Path | None = None
    fresh: bool = False
    report: Path | None = None
    compare_with: Path | None = None


def evaluate_set(request: EvaluateRequest) -> int:
    """Evaluate; the exit code is 0, or 1 where anything failed. What was recognised is scored and reported in any case.

    Raises UsageError, ManifestError, ModelError, StorageError before anything is recognised.
    """
    clips = load_clips(request.manifest, language=request.language, limit=request.limit)
    for field in request.fields:
        require_field(field, clips)
    if request.compare_with is not None:
        load_report(request.compare_with)
    folder = request.cache or cache_folder()
    plan = Plan(
        clips,
        _recordings(request, clips, folder),
        _conditions(request),
        _systems(request),
        request.translate,
        request.jobs,
    )
    evaluation = Evaluation(plan, ResultCache(folder, request.fresh))
    interrupted = False
    try:
        with watching(plan) as watcher:
            evaluation.run(watcher.outcome, watcher.progress)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        if any(outcome.recognition is not None for outcome in evaluation.outcomes):
            _show(evaluation, request)
    if interrupted:
        done = len(evaluation.outcomes)
        click.echo(f"Stopped after {done} of {plan.size} results. The same command goes on from here.", err=True)
        return 130
    failed = [outcome for outcome in evaluation.outcomes if outcome.error is not None]
    if failed:
        click.echo(f"{len(failed)} of {plan.size} results are missing; the last because: {failed[-1].error}", err=True)
    return 1 if failed else 0


def _show(evaluation: Evaluation, request: EvaluateRequest) -> None:
    report = assemble(evaluation, ReportOptions(request.manifest, request.fields, request.compare_with))
    console = Console()
    for part in scores_tables(report):
        console.print(part, markup=False)
    if request.report is not None:
        from speech3n.eval.report.writing import write_report

        audio = {clip.id: Path(clip.audio) for clip in report.clips}
        page = write_report(report, request.report, audio)
        click.echo(f"Wrote {page}", err=True)


def _systems(request: EvaluateRequest) -> dict[System, Settings]:
    models = request.models or (() if request.baselines or request.hypotheses else (DEFAULT_MODEL,))
    modes = cast("tuple[Literal['offline', 'streaming'], ...]", request.modes or ("offline",))
    if request.modes and not models:
        models = (DEFAULT_MODEL,)
    sizes = [None if size == WHOLE else size for size in request.sizes or (WHOLE,)]
    ours = [resolve_model(model, size) for model in models for size in sizes]
    baselines = [resolve_model(model) for model in request.baselines]
    for model in (*ours, *baselines):
        install_model(model)
    systems: list[System] = [EngineSystem(model, mode) for model in ours for mode in modes]
    systems += [BaselineSystem(model) for model in baselines]
    systems += [parse_hypotheses(argument) for argument in request.hypotheses]
    return {system: system.settings() for system in systems}


def _recordings(request: EvaluateRequest, clips: list[Clip], folder: Path) -> list[Recording]:
    if request.gap_s is not None and request.gap_s < 0:
        raise UsageError(f"--join {request.gap_s} is less than no silence.", "Give seconds, 0 or more.")
    if request.gap_s is None:
        recordings = single_recordings(clips)
    else:
        recordings = joined_recordings(clips, request.gap_s, folder / "joined")
    if request.false_text_minutes is not None:
        recordings += sound_recordings(request.false_text_minutes, folder / "sounds")
    return recordings


def _conditions(request: EvaluateRequest) -> list[Condition]:
    named = [parse_condition(name) for name in request.conditions]
    asked = [*(SWEEP if request.sweep else ()), *named]
    return list({condition.name: condition for condition in asked}.values()) or [Clean()]
