"""What has to be said beside the numbers: settings, normalisers, signatures, intervals, machine, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from speech3n.eval.report import formats
from speech3n.eval.report.document import Machine, Report, Scoring
from speech3n.eval.report.series import incomplete, main_systems
from speech3n.eval.report.verdicts import system_name

_DELAY = (
    "from the end of a word to its commit, computing included, median / 95 % / worst; after sound: from the end of a "
    "clip's sound to the commit of its last word; first word: from the beginning of speech to the first text; medians; "
    "flicker: words taken back per final word"
)

_RTF = (
    "computing time over audio time, loading aside; ours makes text and translation in one session, faster-whisper's "
    "second pass, for the translation, is not counted"
)


@dataclass(frozen=True, slots=True)
class Note:
    """What a text is about, and the text; `code` says that it is no prose."""

    about: str
    text: str
    code: bool = False


def notes(report: Report) -> list[Note]:
    """One for each thing that a reader needs in order to trust or repeat the numbers."""
    lacking = [
        Note("Incomplete", f"{system_name(system)}, {incomplete(system)}")
        for system in report.systems
        if incomplete(system)
    ]
    systems = [
        Note(series.label, formats.settings(system.settings))
        for series, system in main_systems(report)
        if system.settings
    ]
    streaming = []
    if any(system.mode == "streaming" for system in report.systems):
        streaming.append(Note("Delay", _DELAY))
    if report.set.gap_s is not None:
        streaming.append(Note("Recordings", f"clips joined, {report.set.gap_s:g} s of silence after each"))
    timed = [Note("RTF", _RTF)] if any(system.compute_s is not None for system in report.systems) else []
    return [*lacking, *systems, *streaming, *timed, *scoring_notes(report.scoring), machine_note(report.machine)]


def scoring_notes(scoring: Scoring) -> list[Note]:
    """How the scores were computed."""
    found = []
    if scoring.normalisers:
        names = _by_name(scoring.normalisers)
        found.append(Note("WER", f"{names}; plain: also without accents, with digits spelt out"))
    signatures = {"BLEU": scoring.bleu_signature, "chrF": scoring.chrf_signature}
    found += [Note(name, signature, code=True) for name, signature in signatures.items() if signature]
    return [*found, Note("Intervals", scoring.intervals)] if scoring.intervals else found


def machine_note(machine: Machine) -> Note:
    """The machine and the versions behind a run."""
    versions = [f"{name} {version}" for name, version in machine.versions.items()]
    commit = [f"commit {machine.commit[:12]}"] if machine.commit else []
    cores = formats.plural(machine.cores, "core")
    parts = [machine.cpu, cores, formats.plural(machine.jobs, "job"), f"Python {machine.python}", *versions, *commit]
    return Note("Machine", ", ".join(part for part in parts if part))


def _by_name(languages: Mapping[str, str]) -> str:
    """Normalisers with the languages that they are for, as `whisper-english (en)`."""
    found: dict[str, list[str]] = {}
    for language, name in languages.items():
        found.setdefault(name, []).append(language)
    if len(found) == 1:
        return next(iter(found))
    return ", ".join(f"{name} ({', '.join(codes)})" for name, codes in found.items())
