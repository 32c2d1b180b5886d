"""The evaluation itself: every system on every recording under every condition, each result kept as it comes."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from speech3n.errors import EngineError, ModelError, Speech3nError, StorageError
from speech3n.eval.conditions.condition import Condition
from speech3n.eval.conditions.render import condition_key, under_condition
from speech3n.eval.run.cache import ResultCache
from speech3n.eval.run.plan import Plan, Task
from speech3n.eval.sets.digests import file_digest, key_of
from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.recognition import Recognition
from speech3n.eval.systems.system import Settings, System
from speech3n.eval.systems.workers import Work, WorkerPool

_FAILURES_IN_A_ROW = 3
"""A system that fails so often without a success between is not asked any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: a result, perhaps of an earlier run, or an error.

    `rendered` is the recording under the condition, as the system was given it.
    """

    task: Task
    rendered: Recording
    recognition: Recognition | None
    error: str | None = None
    from_cache: bool = False


@dataclass(slots=True)
class _Failures:
    """How often a system failed since its last success, and the error that stopped it."""

    in_a_row: int = 0
    stopped_by: str | None = None


@dataclass(slots=True)
class Evaluation:
    """One run of a plan, and what came of it so far."""

    plan: Plan
    cache: ResultCache
    outcomes: list[Outcome] = field(default_factory=list)
    _failures: dict[System, _Failures] = field(default_factory=dict)
    _done_with: Counter[Path] = field(default_factory=Counter)
    _report: Callable[[Outcome], None] = lambda _: None
    _progress: Callable[[float], None] = lambda _: None

    def stopped_by(self, system: System) -> str | None:
        """The error that ended a system before its time, or None."""
        return self._failures[system].stopped_by if system in self._failures else None

    def run(self, report: Callable[[Outcome], None], progress: Callable[[float], None] = lambda _: None) -> None:
        """Work through the plan, recording by recording, all systems on each, so that they share good and bad times.

        `report` is given each outcome, `progress` how many seconds of what is going on are done. A recording that
        fails is an outcome; a system without a model, or one that fails three times in a row, is stopped, and the
        others go on. Raises StorageError where results cannot be kept; KeyboardInterrupt passes, with `outcomes`
        complete up to it.
        """
        pool: WorkerPool[tuple[Task, Recording, str]] = WorkerPool(self.plan.jobs)
        self._report, self._progress = report, progress
        try:
            with tempfile.TemporaryDirectory(prefix="speech3n-") as scratch:
                for recording in self.plan.recordings:
                    for condition in self.plan.conditions_for(recording):
                        self._recognise(pool, recording, condition, Path(scratch))
                while pool.is_busy:
                    self._collect(pool)
        finally:
            pool.close()

    def _recognise(
        self,
        pool: WorkerPool[tuple[Task, Recording, str]],
        recording: Recording,
        condition: Condition,
        scratch: Path,
    ) -> None:
        try:
            digest = file_digest(recording.audio)
            rendered = under_condition(recording, condition, self.plan.clips, scratch)
        except StorageError:
            raise
        except Speech3nError as error:
            for system in self.plan.settings:
                self._note(Outcome(Task(system, recording, condition), recording, None, str(error)))
            return
        for system, settings in self.plan.settings.items():
            task = Task(system, recording, condition)
            key = self._key(task, settings, digest)
            kept = self.cache.find(key) if system.mode != "given" else None
            if kept is not None:
                self._note(Outcome(task, rendered, kept, from_cache=True))
                continue
            while not pool.has_room:
                self._collect(pool)
            if (reason := self.stopped_by(system)) is not None:
                self._note(Outcome(task, rendered, None, reason))
            else:
                pool.begin((task, rendered, key), system, Work(rendered, self.plan.translate and recording.translated))

    def _key(self, task: Task, settings: Settings, digest: str) -> str:
        parts: dict[str, object] = {
            "audio": digest,
            "condition": condition_key(task.condition, self.plan.clips),
            "language": task.recording.language,
            "translate": self.plan.translate and task.recording.translated,
            "system": task.system.name,
            "mode": task.system.mode,
            "settings": dict(settings),
        }
        if task.system.mode == "streaming":
            # Neighbours slow the simulated clock down, and what is recognised depends on it.
            parts["jobs"] = self.plan.jobs
        return key_of(parts)

    def _collect(self, pool: WorkerPool[tuple[Task, Recording, str]]) -> None:
        for (task, rendered, key), result in pool.wait():
            failures = self._failures.setdefault(task.system, _Failures())
            if isinstance(result, Recognition):
                failures.in_a_row = 0
                if task.system.mode != "given":
                    self.cache.keep(key, result)
                self._note(Outcome(task, rendered, result))
                continue
            failures.in_a_row += isinstance(result, EngineError)
            if isinstance(result, ModelError | StorageError) or failures.in_a_row >= _FAILURES_IN_A_ROW:
                failures.stopped_by = str(result)
            self._note(Outcome(task, rendered, None, str(result)))
        self._progress(pool.done_s)

    def _note(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        rendered = outcome.rendered.audio
        if rendered != outcome.task.recording.audio:
            self._done_with[rendered] += 1
            if self._done_with[rendered] == len(self.plan.settings):
                # A set under twenty conditions would fill a small disk.
                rendered.unlink(missing_ok=True)
        self._report(outcome)

    def by_system(self) -> Iterator[tuple[System, Condition, list[Outcome]]]:
        """The outcomes of each system under each condition, in the order of the recordings."""
        order = {id(recording): index for index, recording in enumerate(self.plan.recordings)}
        for system in self.plan.settings:
            for condition in self.plan.conditions:
                chosen = [o for o in self.outcomes if o.task.system is system and o.task.condition is condition]
                yield system, condition, sorted(chosen, key=lambda o: order[id(o.task.recording)])
