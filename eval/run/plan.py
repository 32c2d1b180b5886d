"""What is to be evaluated: recordings, conditions, systems; and what each result is a result of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from speech3n.eval.conditions.condition import Condition
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.system import Settings, System


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be evaluated; `clips` are those of the recordings, `settings` those of each system."""

    clips: Sequence[Clip]
    recordings: Sequence[Recording]
    conditions: Sequence[Condition]
    settings: Mapping[System, Settings]
    translate: bool
    jobs: int

    @property
    def audio_s(self) -> float:
        """Seconds of audio, for all systems under all conditions together; conditions may add silence."""
        lengths = [recording.duration_s * len(self.conditions_for(recording)) for recording in self.recordings]
        return len(self.settings) * sum(lengths)

    @property
    def size(self) -> int:
        """How many results there will be."""
        return len(self.settings) * sum(len(self.conditions_for(recording)) for recording in self.recordings)

    def conditions_for(self, recording: Recording) -> Sequence[Condition]:
        """All of them for speech; sounds without speech are given once, as they are."""
        return self.conditions if recording.clips else self.conditions[:1]


@dataclass(frozen=True, slots=True)
class Task:
    """A recording under a condition for a system; `recording` is the clean one."""

    system: System
    recording: Recording
    condition: Condition


def system_ids(plan: Plan) -> dict[tuple[System, str], str]:
    """A name for each system under each condition that no other has: name, mode and condition."""
    names = Counter((system.name, system.mode) for system in plan.settings)
    seen: Counter[tuple[str, str]] = Counter()
    ids = {}
    for system in plan.settings:
        seen[system.name, system.mode] += 1
        number = seen[system.name, system.mode]
        suffix = f" #{number}" if names[system.name, system.mode] > 1 else ""
        for condition in plan.conditions:
            ids[system, condition.name] = f"{system.name}{suffix}/{system.mode}/{condition.name}"
    return ids
