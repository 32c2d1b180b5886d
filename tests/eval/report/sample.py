"""A small report that has something of everything: three systems, two languages, two conditions, an earlier report."""

from __future__ import annotations

from dataclasses import replace

from speech3n.eval.measures.latency import Distribution
from speech3n.eval.measures.normalise import whisper_normaliser
from speech3n.eval.measures.significance import PairedTest
from speech3n.eval.measures.wer import align_words
from speech3n.eval.report.document import (
    ClipOutput,
    ClipReport,
    Comparison,
    DelayPair,
    Earlier,
    FalseTextReport,
    GroupDelays,
    GroupScores,
    LagPair,
    Machine,
    Report,
    Score,
    Scoring,
    SetFacts,
    SystemReport,
    TextDelays,
    WordErrors,
)
from speech3n.eval.systems.system import Mode

OFFLINE, STREAMING, BASELINE, NOISY = (
    "base|offline|clean",
    "base|streaming|clean",
    "peer|offline|clean",
    "base|offline|noise",
)
INTERVALS = "95 % bootstrap over clips, 1000 resamples, seed 12345."
ENGLISH = "Please enter your agent number followed by the pound key."
SPANISH = "Por favor marque uno para español"


def output(reference: str, text: str, language: str, translation: str | None = None) -> ClipOutput:
    """What a system made of a text, aligned as in real runs."""
    (clip,) = align_words([reference], [text], whisper_normaliser(language))
    return ClipOutput(text, translation, clip.errors.edits, clip.errors.edits, clip.runs)


def group(value: str, wer: Score, delays: GroupDelays | None = None, *, field: str = "language") -> GroupScores:
    """Scores of 50 clips in 300 s."""
    score = None if value == "en" else Score(20.04, 18.0, 22.0)
    errors = WordErrors(400, 10, 6, 4)
    return GroupScores(field, value, 50, 300.0, errors, wer, Score(0.11, 0.1, 0.12), wer, score, score, 0.25, delays)


def delays() -> GroupDelays:
    """Captions committed after 1.25 s, with the first word after 0.75 s."""
    committed, first = Distribution(400, 1.25, 2.5, 7.125), Distribution(50, 0.75, 1.0, 1.5)
    pair, none = DelayPair(committed, committed), DelayPair(None, None)
    text = TextDelays(none, pair, DelayPair(first, first), LagPair(1.0, 1.5), LagPair(None, None), 0.375, 0)
    return GroupDelays(text, None, None, Distribution(50, 0.625, 0.75, 0.9))


def system(
    id: str,
    name: str,
    mode: Mode,
    groups: tuple[GroupScores, ...],
    *,
    condition: str = "clean",
    error: str | None = None,
) -> SystemReport:
    """A system that came through all 100 clips, or broke after 30."""
    done = 100 if error is None else 30
    return SystemReport(
        id, name, mode, condition, {"beam_size": 5, "vad": False}, done, 100, 0, error, 600.0, 150.0, 640.4, groups
    )


def paired(difference: float, p_value: float, *, higher_is_better: bool = False) -> PairedTest:
    """A paired bootstrap over 50 clips."""
    low, high = sorted((difference * 0.5, difference * 1.5))
    return PairedTest(
        "wer",
        "paired bootstrap",
        difference,
        low,
        high,
        p_value,
        higher_is_better,
        drawn_from=50,
        resamples=1000,
        seed=1,
    )


def clips() -> tuple[ClipReport, ...]:
    """An English clip that two systems get wrong, and a Spanish one with a translation that one system failed on."""
    wrong = "please enter the agent number by the pound key now"
    english = ClipReport(
        "en-1", "en/1.flac", "en", ENGLISH, None, 5.0, 10, "prompts", "Allison", "CC0",
        {
            OFFLINE: output(ENGLISH, wrong, "en"),
            STREAMING: replace(output(ENGLISH, ENGLISH, "en"), commit_delays_s=(0.5, 1.0, 1.0, 2.0, 4.0)),
            BASELINE: output(ENGLISH, "", "en"),
        },
    )  # fmt: skip
    spanish = ClipReport(
        "es-1", "es/1.flac", "es", SPANISH, "Press one for Spanish", 3.0, 6, "prompts", "Maria", "CC0",
        {OFFLINE: output(SPANISH, "por favor marque dos para español", "es", "Press two for Spanish")},
        {BASELINE: "The engine broke."},
    )  # fmt: skip
    return english, spanish


def sample_report() -> Report:
    """The report."""
    english, spanish = Score(0.05, 0.03, 0.08), Score(0.25, 0.2, 0.304)
    systems = (
        system(OFFLINE, "base", "offline", (group("en", english), group("es", spanish))),
        system(STREAMING, "base", "streaming", (group("en", english, delays()), group("es", spanish, delays()))),
        system(BASELINE, "peer", "offline", (group("en", Score(0.07, 0.05, 0.09)),), error="out of memory"),
        system(NOISY, "base", "offline", (group("en", Score(0.4, None, None)),), condition="noise:white:10"),
    )
    comparisons = (
        Comparison("language", "en", "wer", OFFLINE, BASELINE, paired(0.02, 0.012)),
        Comparison("language", "es", "wer", OFFLINE, STREAMING, paired(0.004, 0.4)),
        Comparison("language", "es", "bleu", OFFLINE, STREAMING, paired(1.5, 0.0005, higher_is_better=True)),
    )
    moved = (Comparison("language", "en", "wer", OFFLINE, OFFLINE, paired(-0.013, 0.001)),)
    return Report(
        "2026-11-21T11:06:12+00:00",
        SetFacts("dev set", 100, 600.0, ("en", "es"), 1.0),
        Machine("A processor", 2, "3.11.7", {"torch": "2.11.0"}, "0123456789abcdef", 1),
        Scoring({"en": "whisper-english", "es": "whisper-basic"}, "nrefs:1|tok:13a", "nrefs:1|nc:6", INTERVALS),
        systems,
        comparisons,
        clips(),
        (FalseTextReport(OFFLINE, "pink noise", 120.0, 3, 5),),
        Earlier("before", "2026-11-14T09:00:00+00:00", moved),
    )


def bare_report() -> Report:
    """A report of which nothing could be computed."""
    nothing = Score(None, None, None)
    empty = GroupScores("language", "xx", 0, 0.0, WordErrors(0, 0, 0, 0), *[nothing] * 3, None, None, None, None)
    none = DelayPair(None, None)
    lags = LagPair(None, None)
    silent = GroupDelays(TextDelays(none, none, none, lags, lags, None, 0), None, None)
    systems = (
        replace(system("a", "a", "offline", (empty,)), compute_s=None, peak_memory_mib=None, settings={}),
        replace(system("b", "b", "streaming", (replace(empty, delays=silent),)), clips_asked=0, clips_done=0),
        system("c", "c", "given", (), error="it broke before the first clip"),
    )
    clip = ClipReport("x", "x", "xx", "", None, 0.0, 0, "", "", "", {"b": ClipOutput("", None, 0, 0, ())})
    return Report(
        "some day", SetFacts("", 0, 0.0, (), None), Machine("", 1, "", {}, None, 1), Scoring({}, None, None, ""),
        systems, (), (clip,), (FalseTextReport("gone", "silence", 0.0, 0, 0),), Earlier("p", "q", ()),
    )  # fmt: skip
