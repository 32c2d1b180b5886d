"""How long nano takes beside Whisper base, and how soon the first word of a clip is on screen.

Nothing comes from the cache, and the systems take turns clip by clip, so that they share good and bad times. Where the
first word ends is told by Whisper's alignment of it (cross-attention), since nano's own word times are estimates; clips
in which either did not recognise it are left out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from speech3n.engines.registry import resolve_model
from speech3n.errors import EngineError
from speech3n.eval.bench.nano.quality import BASELINE, SIZES
from speech3n.eval.bench.store import Record
from speech3n.eval.commands.evaluate import WHOLE
from speech3n.eval.conditions.condition import Clean
from speech3n.eval.measures.events import final_segments
from speech3n.eval.measures.latency import distribution
from speech3n.eval.measures.normalise import plain_normaliser
from speech3n.eval.report.scored_clips import Session, open_session
from speech3n.eval.run.cache import ResultCache
from speech3n.eval.run.evaluation import Evaluation, Outcome
from speech3n.eval.run.plan import Plan, system_ids
from speech3n.eval.run.progress import watching
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.recordings import single_recordings
from speech3n.eval.systems.engine import EngineSystem
from speech3n.eval.systems.system import System

SOON_S = 0.5
"""The first word of a clip is to be shown so soon after its end."""


def speed_systems(model: str) -> list[System]:
    """Nano whole and half, and Whisper base, each for files and live."""
    sizes = [None if size == WHOLE else size for size in SIZES]
    models = [*(resolve_model(model, size) for size in sizes), resolve_model(BASELINE)]
    return [EngineSystem(model, mode) for model in models for mode in ("offline", "streaming")]


def measure_speed(clips: Sequence[Clip], systems: Sequence[System]) -> Record:
    """By system: RTF with translation, and delays of first words; the last system streams and aligns words.

    Raises EngineError where a clip failed.
    """
    settings = {system: system.settings() for system in systems}
    plan = Plan(clips, single_recordings(clips), [Clean()], settings, translate=True, jobs=1)
    with tempfile.TemporaryDirectory() as scratch:
        evaluation = Evaluation(plan, ResultCache(Path(scratch)))
        with watching(plan) as watcher:
            evaluation.run(watcher.outcome, watcher.progress)
    failed = [outcome.error for outcome in evaluation.outcomes if outcome.error is not None]
    if failed:
        raise EngineError(f"{len(failed)} clips failed; the last because: {failed[-1]}", "Run it again.")
    ids = system_ids(plan)
    by_system = {ids[system, condition.name]: outcomes for system, condition, outcomes in evaluation.by_system()}
    ends = _first_word_ends(by_system[ids[systems[-1], "clean"]])
    return {name: _numbers(outcomes, ends) for name, outcomes in by_system.items()}


def _numbers(outcomes: Sequence[Outcome], ends: dict[Path, float]) -> Record:
    translated = [outcome for outcome in outcomes if outcome.task.recording.translated]
    delays = list(_first_word_delays(_sessions(outcomes), ends))
    return {
        "mode": outcomes[0].task.system.mode,
        "rtf": _compute_s(translated) / sum(outcome.rendered.duration_s for outcome in translated),
        "first_word_s": distribution(delays),
        "soon": sum(delay <= SOON_S for delay in delays),
        "clips": len(outcomes),
    }


def _compute_s(outcomes: Iterable[Outcome]) -> float:
    return sum(outcome.recognition.compute_s or 0.0 for outcome in outcomes if outcome.recognition is not None)


def _sessions(outcomes: Iterable[Outcome]) -> list[Session]:
    return [session for outcome in outcomes if (session := open_session(outcome)) is not None]


def _first_word_ends(outcomes: Sequence[Outcome]) -> dict[Path, float]:
    """Seconds to the end of the first word of each clip in which it was recognised."""
    ends = {}
    for session in _sessions(outcomes):
        words = [word for segment in final_segments(session.events) for word in segment.words]
        if words and _begins(session, words[0].text):
            ends[session.outcome.rendered.audio] = words[0].end
    return ends


def _first_word_delays(sessions: Iterable[Session], ends: dict[Path, float]) -> Iterable[float]:
    for session in sessions:
        end = ends.get(session.outcome.rendered.audio)
        if end is not None and session.delays and _begins(session, session.delays[0].text):
            yield session.delays[0].shown_at - end


def _begins(session: Session, word: str) -> bool:
    """Whether the clip of a session begins with a word."""
    clip = session.outcome.rendered.clips[0].clip
    normalise = plain_normaliser(clip.language)
    said = normalise(word).split()
    return bool(said) and normalise(clip.text).split()[: len(said)] == said
