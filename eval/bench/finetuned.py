"""`python -m speech3n.eval.bench.finetuned`: what fine-tuning on a speaker brings, and what it costs on all others.

Some of the speaker's clips are learned from, drawn by a seed. The model before and after is then asked about the rest
of the speaker's clips and about those of everybody else, by `speech3n eval run`, with paired tests.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from speech3n.errors import UsageError
from speech3n.eval.bench.processes import BenchError, speech3n_command
from speech3n.eval.bench.program import run_program
from speech3n.eval.bench.store import progress
from speech3n.eval.commands.evaluate import EvaluateRequest, evaluate_set
from speech3n.eval.report.document import REPORT_JSON, Comparison, GroupScores, Report, Score, load_report
from speech3n.eval.report.group_scores import compare
from speech3n.eval.report.scored_clips import ScoredClip, score_clip
from speech3n.eval.report.verdicts import verdict
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.manifest import load_manifest

_SPEAKER = "Carlo Flora (it-IT m)"
_FOLDER = click.Path(path_type=Path, file_okay=False)
_HEADER = "| clips of | clips | WER before | WER after | difference | BLEU before | BLEU after | difference |"
_RULE = "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
_NOTE = (
    "WER in percent, less is better; BLEU to English in points. Differences in brackets: bootstrap interval, 95 %; "
    "bold: a paired test says that it is no chance (p ≤ 0.05)."
)


@dataclass(frozen=True, slots=True)
class FinetunedRequest:
    """On whose clips which model learns, what it is measured on, and options of `speech3n finetune` (`more`)."""

    model: str
    speaker: str
    learned: int
    others: int | None
    clips: Path | None
    out: Path
    seed: int
    table: bool
    more: tuple[str, ...]


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--model", default="nano", show_default=True, help="nano, or a folder with a Gemma 3n.")
@click.option("--speaker", default=_SPEAKER, show_default=True, help="Whose clips are learned from.")
@click.option("--learned", default=60, show_default=True, type=click.IntRange(10), help="How many of them.")
@click.option("--others", type=click.IntRange(1), help="So many clips of each other speaker.  [default: all]")
@click.option("--clips", type=click.Path(path_type=Path), help="A manifest that names the speaker of each clip.")
@click.option("--out", type=_FOLDER, default=Path("bench-results/finetuned"), show_default=True, help="Results.")
@click.option("--seed", default=0, show_default=True, help="Which clips are learned from hangs on it.")
@click.option("--table", is_flag=True, help="Run nothing; print the table of the results.")
@click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS OF FINETUNE]")
def main(**values: Any) -> None:
    """Fine-tune a model on a speaker, and print as Markdown what came of it.

    What is done stays in the folder of results: the same command goes on. Options after -- are those of
    `speech3n finetune`: --keep, --method, --steps, --rate ...
    """
    run_program(lambda: run_finetuned(FinetunedRequest(**values)))


def run_finetuned(request: FinetunedRequest) -> int:
    """Fine-tune, evaluate before and after, and print the table; the exit code. Raises UsageError, BenchError."""
    report = request.out / "report"
    if not request.table:
        if request.clips is None:
            raise UsageError("There are no clips to learn from.", "Name a manifest with --clips.")
        learned, rest = parts(load_manifest(request.clips), request)
        write_manifest(request.out / "learned.jsonl", learned)
        write_manifest(request.out / "rest.jsonl", rest)
        tuned = request.out / "tuned"
        _finetune(request, tuned)
        evaluation = EvaluateRequest(
            request.out / "rest.jsonl",
            models=(request.model, str(tuned)),
            fields=("speaker",),
            cache=request.out / "cache",
            report=report,
        )
        if evaluate_set(evaluation) != 0:
            raise BenchError("The evaluation is not complete.", "Run it again: what is done is kept.")
    if not (report / REPORT_JSON).is_file():
        raise BenchError(f"There are no results in '{request.out}'.", "Leave out --table to measure.")
    click.echo(render(load_report(report), request.speaker))
    return 0


def parts(clips: Sequence[Clip], request: FinetunedRequest) -> tuple[list[Clip], list[Clip]]:
    """The clips to learn from, and all to be asked about: the speaker's others and those of other speakers.

    The same words are never in both parts of the speaker. Raises UsageError for a speaker with too few clips.
    """
    from speech3n.training.finetune.dataset import split

    own = [clip for clip in clips if clip.speaker == request.speaker]
    if len(own) < request.learned + 10:
        named = ", ".join(sorted({clip.speaker for clip in clips}))
        raise UsageError(f"'{request.speaker}' speaks {len(own)} clips, too few.", f"There are: {named}.")
    learned, rest = split(own, 1 - request.learned / len(own), request.seed)
    counts: dict[str, int] = {}
    for clip in clips:
        counts[clip.speaker] = counts.get(clip.speaker, 0) + 1
        if clip.speaker != request.speaker and (request.others is None or counts[clip.speaker] <= request.others):
            rest.append(clip)
    return learned, rest


def write_manifest(path: Path, clips: Sequence[Clip]) -> None:
    """Write a manifest of clips, whose audio stays where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("language", "text", "translation_en", "duration_s", "speaker", "source", "license", "reference")
    lines = [
        json.dumps({"audio": str(clip.audio.resolve()), **{name: getattr(clip, name) for name in names}})
        for clip in clips
    ]
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def render(report: Report, speaker: str) -> str:
    """The table: the speaker, all other speakers, and all clips of each language."""
    before, after = report.systems[0], report.systems[1]
    groups = [("speaker", group.value) for group in before.groups if group.field == "speaker"]
    groups.sort(key=lambda group: (group[1] != speaker, group[1]))
    groups += [("language", group.value) for group in before.groups if group.field == "language"]
    tests = {(test.field, test.value, test.metric): test for test in _comparisons(report, before.id, after.id)}
    rows = []
    for field, value in groups:
        then, now = before.group(field, value), after.group(field, value)
        if then is not None and now is not None:
            title = f"all in {value}" if field == "language" else value
            title = f"**{title}**, not learned" if value == speaker else title
            wer, bleu = tests.get((field, value, "wer")), tests.get((field, value, "bleu"))
            rows.append(_row(title, (then, now), (wer, bleu)))
    return "\n".join([_HEADER, _RULE, *rows, "", _NOTE])


def _comparisons(report: Report, before: str, after: str) -> Iterator[Comparison]:
    """Paired tests by speaker and by language."""
    sides = [(system, _scored(report, system)) for system in (before, after)]
    for field in ("speaker", "language"):
        yield from compare(field, *sides)


def _scored(report: Report, system: str) -> list[ScoredClip]:
    """What a system made of the clips."""
    scored = []
    for clip in report.clips:
        if (output := clip.outputs.get(system)) is not None:
            names = ("language", "text", "duration_s", "translation_en", "source", "speaker", "license")
            spoken = Clip(Path(clip.audio), **{name: getattr(clip, name) for name in names})
            scored.append(score_clip(spoken, output.text, output.translation))
    return scored


def _row(
    title: str, scores: tuple[GroupScores, GroupScores], tests: tuple[Comparison | None, Comparison | None]
) -> str:
    then, now = scores
    cells = [
        title, str(then.clips), _value(then.wer, 100), _value(now.wer, 100), _difference(tests[0]),
        _value(then.bleu, 1), _value(now.bleu, 1), _difference(tests[1]),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _value(score: Score | None, factor: float) -> str:
    return "–" if score is None or score.value is None else f"{factor * score.value:.1f}"


def _difference(test: Comparison | None) -> str:
    if test is None:
        return "–"
    found = verdict(test)
    text = f"{found.difference} ({found.interval})"
    return text if found.outcome == "none" else f"**{text}**"


def _finetune(request: FinetunedRequest, tuned: Path) -> None:
    """Run `speech3n finetune` as a user does; raises BenchError where nothing came of it."""
    if (tuned / "finetuning.json").is_file() and not (tuned / "finetuning").is_dir():
        progress("fine-tuning: done before")
        return
    command = [
        *speech3n_command(), "finetune", str(request.out / "learned.jsonl"), "--model", request.model,
        "--output", str(tuned), "--seed", str(request.seed), *request.more,
    ]  # fmt: skip
    progress("fine-tuning: running")
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        raise BenchError("Fine-tuning brought nothing, or was interrupted.", "What it said stands above.")


if __name__ == "__main__":
    main()
