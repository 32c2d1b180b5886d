"""The clips with the most word errors, of every system and language, with their sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from speech3n.eval.report import formats
from speech3n.eval.report.document import ClipOutput, ClipReport, Report
from speech3n.eval.report.series import Series, main_systems
from speech3n.eval.report.sound import sound_uri

PER_SYSTEM = 10
CLIPS = 60
SOUND_BYTES = 3_000_000
"""How much sound a page holds, as text in Base64."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a system made of a clip, or why it made nothing."""

    series: Series
    output: ClipOutput | None
    failure: str


@dataclass(frozen=True, slots=True)
class WorstClip:
    """A clip, what all systems made of it, and its sound as a data URI where there is room."""

    clip: ClipReport
    attempts: tuple[Attempt, ...]
    sound: str | None


@dataclass(frozen=True, slots=True)
class WorstClips:
    """The worst clips of a language, those with the most errors first."""

    language: str
    code: str
    clips: tuple[WorstClip, ...]


def worst_clips(report: Report, clip_audio: Mapping[str, Path]) -> list[WorstClips]:
    """Up to ten clips of each system and language, 60 in all; each is there once, however many systems it is of."""
    systems = main_systems(report)
    chosen = _chosen(report)
    sounds = _sounds(chosen, clip_audio)
    found: dict[str, list[WorstClip]] = {}
    for clip in sorted(chosen, key=_most_edits, reverse=True):
        attempts = tuple(
            Attempt(series, clip.outputs.get(system.id), clip.failures.get(system.id, "not recognised"))
            for series, system in systems
        )
        found.setdefault(clip.language, []).append(WorstClip(clip, attempts, sounds.get(clip.id)))
    order = [*report.set.languages, *found]
    return [
        WorstClips(formats.language(code), code, tuple(found[code])) for code in dict.fromkeys(order) if code in found
    ]


def _chosen(report: Report) -> list[ClipReport]:
    """The worst clip of each system and language, then the second worst of each, and so on."""
    rankings = [
        _ranking((clip for clip in report.clips if clip.language == language), system.id)
        for language in dict.fromkeys(clip.language for clip in report.clips)
        for _, system in main_systems(report)
    ]
    in_turn = (ranking[rank] for rank in range(PER_SYSTEM) for ranking in rankings if rank < len(ranking))
    return list({clip.id: clip for clip in in_turn}.values())[:CLIPS]


def _ranking(clips: Iterable[ClipReport], system: str) -> list[ClipReport]:
    wrong = [clip for clip in clips if system in clip.outputs and clip.outputs[system].edits]
    return sorted(wrong, key=lambda clip: (-clip.outputs[system].edits, clip.reference_words, clip.id))


def _most_edits(clip: ClipReport) -> int:
    return max((output.edits for output in clip.outputs.values()), default=0)


def _sounds(clips: Iterable[ClipReport], clip_audio: Mapping[str, Path]) -> dict[str, str]:
    """The sounds of the shortest clips, as many as the page has room for."""
    sounds: dict[str, str] = {}
    room = SOUND_BYTES
    for clip in sorted(clips, key=lambda clip: clip.duration_s):
        if clip.id not in clip_audio or _expected_bytes(clip) > room:
            continue
        sound = sound_uri(clip_audio[clip.id])
        if sound is not None and len(sound) <= room:
            sounds[clip.id] = sound
            room -= len(sound)
    return sounds


def _expected_bytes(clip: ClipReport) -> float:
    """About what the sound will take, so that long recordings aren't encoded for nothing."""
    return clip.duration_s * 48_000 / 8 * 4 / 3
