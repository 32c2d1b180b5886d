"""Recordings as files: `speech3n transcribe` beside faster-whisper called directly, same files, same settings."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from eval import peer
from eval.bench.measure import BenchError, ProcessCost, run_process, speech3n_command
from eval.bench.store import Record, ResultStore
from eval.bleu import translation_score
from eval.datasets import Clip, languages
from eval.normalise import plain_normaliser, whisper_normaliser
from eval.wer import word_errors
from speech3n.threads import compute_threads


@dataclass(frozen=True, slots=True)
class _Output:
    """One text a clip, and what it took to get them."""

    texts: list[str]
    cost: ProcessCost


def run_offline(store: ResultStore, clips: Sequence[Clip], model: str, rounds: int) -> None:
    """Measure quality, time and memory of both systems on the files of each language."""
    folder = model_folder(model)
    for index, language in enumerate(languages(clips)):
        chosen = [clip for clip in clips if clip.language == language]
        settings = {
            "model": model,
            "clips": len(chosen),
            "rounds": rounds,
            "threads": compute_threads(),
            "peer": peer.SETTINGS,
        }
        store.part(
            f"offline-{language}",
            settings,
            partial(_compare, chosen, model, folder, (rounds, index)),
        )


def run_translations(store: ResultStore, clips: Sequence[Clip], model: str) -> None:
    """Measure the English translations of both systems for each language that has references."""
    folder = model_folder(model)
    for language in languages(clips):
        translated = [clip for clip in clips if clip.language == language and clip.translation_en]
        if translated:
            store.part(
                f"translate-{language}",
                {"model": model, "clips": len(translated), "peer": peer.SETTINGS},
                partial(_compare_translations, translated, model, folder),
            )


def score_words(language: str, references: Sequence[str], hypotheses: Sequence[str]) -> Record:
    """Word errors under the Whisper normaliser of the language and under the plain one."""
    scores = {}
    for kind, normaliser in (("whisper", whisper_normaliser(language)), ("plain", plain_normaliser(language))):
        errors = word_errors(references, hypotheses, normaliser)
        scores[kind] = {"wer": errors.rate, "errors": errors}
    return scores


def model_folder(model: str) -> str:
    """The folder of a model given by name or by folder."""
    if Path(model).is_dir():
        return model
    command = [*speech3n_command(), "models", "path", model]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise BenchError(found.stderr.strip(), f"`speech3n models pull {model}` fetches it.")
    return found.stdout.strip()


def _compare(clips: list[Clip], model: str, folder: str, order: tuple[int, int]) -> Record:
    """Both systems on the same files; `order` is the number of rounds, and which of two orders comes first."""
    rounds, offset = order
    systems: list[tuple[str, Callable[[], _Output]]] = [
        ("speech3n", lambda: _run_ours(clips, model, translate=False)),
        ("faster-whisper", lambda: _run_peer(clips, folder, "transcribe")),
    ]
    outputs: dict[str, list[_Output]] = {name: [] for name, _ in systems}
    for number in range(rounds):
        # The first to run finds the files cold: take turns, within a language and between languages.
        for name, run in systems if (number + offset) % 2 else reversed(systems):
            outputs[name].append(run())
    audio_s = sum(clip.duration_s for clip in clips)
    return {
        "audio_s": audio_s,
        "audio": [clip.audio.name for clip in clips],
        "systems": {name: _summary(clips, runs, audio_s) for name, runs in outputs.items()},
    }


def _summary(clips: list[Clip], runs: list[_Output], audio_s: float) -> Record:
    texts = runs[0].texts
    references = [clip.text for clip in clips]
    language = clips[0].language
    wall_s = sum(run.cost.wall_s for run in runs) / len(runs)
    return {
        "scores": score_words(language, references, texts),
        "scores_joined": score_words(language, [" ".join(references)], [" ".join(texts)]),
        "costs": [run.cost for run in runs],
        "wall_s": wall_s,
        "rtf": wall_s / audio_s,
        "peak_rss_mib": max(run.cost.peak_rss_mib for run in runs),
        "same_text_every_round": all(run.texts == texts for run in runs),
        "hypotheses": texts,
    }


def _compare_translations(clips: list[Clip], model: str, folder: str) -> Record:
    references = [clip.translation_en or "" for clip in clips]
    outputs = {
        "speech3n": _run_ours(clips, model, translate=True),
        "faster-whisper": _run_peer(clips, folder, "translate"),
    }
    return {
        "systems": {
            name: {
                "score": translation_score(references, output.texts),
                "cost": output.cost,
                "hypotheses": output.texts,
            }
            for name, output in outputs.items()
        }
    }


def _run_ours(clips: list[Clip], model: str, *, translate: bool) -> _Output:
    with tempfile.TemporaryDirectory() as folder:
        command = [*speech3n_command(), "transcribe", *(str(clip.audio) for clip in clips)]
        command += ["--model", model, "--language", clips[0].language, "--format", "json"]
        command += ["--output-dir", folder, *(["--translate"] if translate else [])]
        cost = run_process(command)
        texts = [_our_text(Path(folder) / f"{clip.audio.stem}.json", translate=translate) for clip in clips]
    return _Output(texts, cost)


def _our_text(path: Path, *, translate: bool) -> str:
    segments = json.loads(path.read_text("utf-8"))["segments"]
    return " ".join((segment["translation"] if translate else segment["text"]) or "" for segment in segments)


def _run_peer(clips: list[Clip], folder: str, task: str) -> _Output:
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "texts.json"
        command = [sys.executable, "-m", "eval.peer", *(str(clip.audio) for clip in clips)]
        command += ["--model", folder, "--language", clips[0].language, "--task", task]
        command += ["--threads", str(compute_threads()), "--output", str(output)]
        cost = run_process(command)
        texts = json.loads(output.read_text("utf-8"))
    return _Output([texts[str(clip.audio)] for clip in clips], cost)
