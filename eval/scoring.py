"""Recognising clips one by one, and scoring them by language: what `speech3n eval run` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from eval.bleu import TranslationScore, translation_score
from eval.datasets import Clip, languages
from eval.events import final_segments
from eval.latency import Distribution, WordDelay, distribution, word_delays
from eval.normalise import plain_normaliser, whisper_normaliser
from eval.run import session_events
from eval.wer import ErrorCounts, word_errors
from speech3n.errors import StorageError
from speech3n.types import join_words

if TYPE_CHECKING:
    from rich.table import Table

    from speech3n.engines.base import Engine

Mode: TypeAlias = Literal["offline", "streaming"]


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What was recognised in a clip; delays only while streaming."""

    clip: Clip
    text: str
    translation: str | None
    delays: tuple[WordDelay, ...] = ()


@dataclass(frozen=True, slots=True)
class LanguageScore:
    """The scores of all clips of a language together."""

    language: str
    clips: int
    words: ErrorCounts
    words_plain: ErrorCounts
    translation: TranslationScore | None
    commit_delay_s: Distribution | None


def recognise(engine: Engine, clip: Clip, mode: Mode) -> ClipResult:
    """Recognise a clip as a file, or as live captions by the simulated clock.

    It is translated too where it has an English reference and the engine can. Raises AudioError, EngineError.
    """
    from speech3n.audio.source import FileSource
    from speech3n.session import SessionOptions, file_options

    translate = clip.translation_en is not None and "translate" in engine.info.tasks
    is_offline = mode == "offline"
    if is_offline:
        options = file_options(clip.language, translate=translate)
    else:
        options = SessionOptions(clip.language, translate)
    pace: Literal["max", "simulated"] = "max" if is_offline else "simulated"
    events = list(session_events(engine, FileSource(clip.audio), options, pace))
    segments = final_segments(events)
    translations = [segment.translation or "" for segment in segments]
    return ClipResult(
        clip,
        join_words((segment.text for segment in segments), clip.language),
        " ".join(translations) if translate else None,
        () if is_offline else tuple(word_delays(events)),
    )


def score(results: Sequence[ClipResult]) -> list[LanguageScore]:
    """Score results by language."""
    return [
        _score_language(language, [result for result in results if result.clip.language == language])
        for language in languages(result.clip for result in results)
    ]


def score_table(scores: Sequence[LanguageScore], model: str, mode: Mode) -> Table:
    """The scores as a table for the terminal, with normalisers and signatures below it."""
    from rich.table import Table

    table = Table(title=f"{model}, {mode}", caption=_caption(scores), caption_justify="left")
    for column in ("", "clips", "words", "WER %", "WER %, plain", "BLEU", "chrF", "delay s", "95 % s"):
        table.add_column(column, justify="right")
    for line in scores:
        translation, delay = line.translation, line.commit_delay_s
        table.add_row(
            line.language,
            str(line.clips),
            str(line.words.reference_length),
            f"{100 * line.words.rate:.1f}",
            f"{100 * line.words_plain.rate:.1f}",
            f"{translation.bleu:.1f}" if translation else "-",
            f"{translation.chrf:.1f}" if translation else "-",
            f"{delay.median:.2f}" if delay else "-",
            f"{delay.p95:.2f}" if delay else "-",
        )
    return table


def write_report(
    folder: Path, results: Sequence[ClipResult], scores: Sequence[LanguageScore], settings: dict[str, str]
) -> Path:
    """Write `report.json` with settings, scores and every clip's text; raises StorageError."""
    report = {
        "settings": settings,
        "scores": [{**asdict(line), "wer": line.words.rate, "wer_plain": line.words_plain.rate} for line in scores],
        "clips": [asdict(result) for result in results],
    }
    path = folder / "report.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, default=str, ensure_ascii=False, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise StorageError(f"Cannot write {path}: {error.strerror}.", "Choose another --report folder.") from error
    return path


def _score_language(language: str, results: list[ClipResult]) -> LanguageScore:
    references, texts = [result.clip.text for result in results], [result.text for result in results]
    translated = [
        (result.clip.translation_en, result.translation)
        for result in results
        if result.clip.translation_en is not None and result.translation is not None
    ]
    delays = [delay.commit_delay for result in results for delay in result.delays]
    return LanguageScore(
        language,
        len(results),
        word_errors(references, texts, whisper_normaliser(language)),
        word_errors(references, texts, plain_normaliser(language)),
        translation_score(*zip(*translated, strict=True)) if translated else None,
        distribution(delays) if delays else None,
    )


def _caption(scores: Sequence[LanguageScore]) -> str:
    """What the numbers were computed with."""
    normalisers = ", ".join(f"{line.language} {line.words.normaliser}" for line in scores)
    lines = [f"WER normaliser: {normalisers}; plain: also without accents, digits spelt out."]
    translation = next((line.translation for line in scores if line.translation), None)
    if translation:
        lines += [f"BLEU {translation.bleu_signature}", f"chrF {translation.chrf_signature}"]
    return "\n".join(lines)
