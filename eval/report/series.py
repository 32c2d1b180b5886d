"""Systems as readers see them: one colour and one mark for a model and a mode, under whatever condition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from speech3n.eval.measures.latency import Distribution, distribution
from speech3n.eval.report.document import GroupScores, Report, Score, SystemReport, WordErrors
from speech3n.eval.sets.grouping import WHOLE_SET
from speech3n.eval.systems.system import Mode

CLEAN = "clean"
LANGUAGE = "language"

_NO_SCORE = Score(None, None, None)


@dataclass(frozen=True, slots=True)
class Series:
    """A model in a mode, and its results by condition; `index` gives its colour and its mark."""

    name: str
    mode: Mode
    index: int
    systems: Mapping[str, SystemReport]

    @property
    def label(self) -> str:
        """Name and mode, as in text."""
        return f"{self.name}, {self.mode}"


def series_of(report: Report) -> tuple[Series, ...]:
    """All series, in the order of the systems."""
    found: dict[tuple[str, Mode], dict[str, SystemReport]] = {}
    for system in report.systems:
        found.setdefault((system.name, system.mode), {})[system.condition] = system
    return tuple(Series(*key, index, systems) for index, (key, systems) in enumerate(found.items()))


def conditions_of(report: Report) -> tuple[str, ...]:
    """The conditions in the order of the systems, clean first."""
    names = dict.fromkeys(system.condition for system in report.systems)
    return tuple(sorted(names, key=lambda name: name != CLEAN))


def main_systems(report: Report) -> list[tuple[Series, SystemReport]]:
    """The systems of the main tables and charts: clean sound, or else the first condition."""
    names = conditions_of(report)
    return [(one, one.systems[names[0]]) for one in series_of(report) if names and names[0] in one.systems]


def languages_of(report: Report) -> tuple[str, ...]:
    """The languages of the set, and any others that systems have scores of."""
    scored = [group.value for system in report.systems for group in system.groups if group.field == LANGUAGE]
    return tuple(dict.fromkeys([*report.set.languages, *scored]))


def whole_set(system: SystemReport) -> GroupScores | None:
    """The scores of all clips of a system.

    That is the group of the field `all`, or the only language, or what can be summed of several: then without
    intervals, plain WER and translation scores. None where nothing was scored.
    """
    groups = [group for group in system.groups if group.field == LANGUAGE]
    given = system.group(WHOLE_SET, "")
    if given is not None or not groups:
        return given
    if len(groups) == 1:
        return groups[0]
    errors = WordErrors(
        sum(group.errors.reference_words for group in groups),
        sum(group.errors.substitutions for group in groups),
        sum(group.errors.deletions for group in groups),
        sum(group.errors.insertions for group in groups),
    )
    edits = errors.substitutions + errors.deletions + errors.insertions
    wer = Score(edits / errors.reference_words, None, None) if errors.reference_words else _NO_SCORE
    audio_s = sum(group.audio_s for group in groups)
    rtf = system.compute_s / audio_s if system.compute_s is not None and audio_s else None
    clips = sum(group.clips for group in groups)
    return GroupScores(WHOLE_SET, "", clips, audio_s, errors, wer, _NO_SCORE, _NO_SCORE, None, None, rtf, None)


def incomplete(system: SystemReport) -> str:
    """Why the scores of a system are not those of the whole set; empty where they are."""
    if system.error is None and system.clips_done >= system.clips_asked:
        return ""
    reason = f": {system.error}" if system.error else ""
    return f"{system.clips_done} of {system.clips_asked} clips{reason}"


def commit_delays(report: Report, system: SystemReport) -> list[float]:
    """The commit delays of all words of a system, in seconds, by the clock that counts computing."""
    outputs = (clip.outputs.get(system.id) for clip in report.clips)
    return [
        delay for output in outputs if output is not None for delay in output.commit_delays_s if math.isfinite(delay)
    ]


def committed(report: Report, system: SystemReport, group: GroupScores | None) -> Distribution | None:
    """The commit delays of a group by the clock that counts computing; of the whole set from its words if need be."""
    if group is not None and group.delays is not None:
        return group.delays.source.committed.aware
    if group is not None and group.field != WHOLE_SET:
        return None
    delays = commit_delays(report, system)
    return distribution(delays) if delays else None
