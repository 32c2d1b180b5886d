"""The Markdown of nano's measurements, made of their results and nothing else, beside what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from speech3n.eval.bench.nano.quality import SETS, SIZES
from speech3n.eval.bench.nano.speed import SOON_S
from speech3n.eval.bench.tables import machines, table
from speech3n.eval.commands.evaluate import WHOLE
from speech3n.eval.report import formats
from speech3n.eval.report.document import GroupScores, Report, SystemReport
from speech3n.eval.report.series import LANGUAGE, incomplete

Record = Mapping[str, Any]

_NONE = "-"
_QUALITY_NOTE = (
    "95 % intervals in brackets; bold where a paired test says that nano is better than Whisper base (p ≤ 0.05). WER "
    "under Whisper's normalisers. Whisper base is faster-whisper, int8, beam 5; its translation is a second pass over "
    "the sound. The language is given to all. Live: captions by the simulated clock, each clip alone."
)
_MODES = {"offline": "file", "streaming": "live", "given": "given"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured: a report for each set, and the records of the other parts by name."""

    reports: Mapping[str, Report]
    records: Mapping[str, Record]

    @property
    def weights(self) -> set[str]:
        """The digests of the weights that were measured: more than one belong into no table together."""
        ours = [system.settings for report in self.reports.values() for system in report.systems if _is_ours(system)]
        return {settings["weights"] for settings in (*ours, *(record["settings"] for record in self.records.values()))}


def render(measured: Measured) -> str:
    """All tables for which there are results, their notes, and the machine; nothing without results."""
    blocks = [block for name, report in measured.reports.items() for block in _quality(name, report)]
    blocks += [block for block in (_streaming(measured), _speed(measured), machines(measured.records)) if block]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _quality(name: str, report: Report) -> Iterator[str]:
    asked = "≤ 15" if name == "synthetic" else _NONE
    title = f"{SETS[name].title}: {report.set.clips} clips, {formats.minutes(report.set.audio_s)} min"
    yield f"**{title}**"
    yield _by_language(("WER %", "wer"), asked, report, lambda group: formats.score(group.wer, 100))
    asked = "> Whisper base" if name == "synthetic" else _NONE
    if report.scoring.bleu_signature is not None:
        yield _by_language(("BLEU to English", "bleu"), asked, report, lambda group: formats.score(group.bleu))
    yield f"{_QUALITY_NOTE} Measured on {formats.moment(report.created)}, {_commit(report)}."


def _commit(report: Report) -> str:
    return f"commit {report.machine.commit}" if report.machine.commit else "outside a checkout"


def _by_language(measure: tuple[str, str], asked: str, report: Report, cell: Callable[[GroupScores], str]) -> str:
    """One measure, given as its title and its metric, with a row for each system that has it."""
    title, metric = measure
    languages = report.set.languages
    rows = []
    for system in report.systems:
        better = _better_than_peer(report, system, metric)
        groups = [system.group(LANGUAGE, language) for language in languages]
        cells = [formats.MISSING if group is None else cell(group) for group in groups]
        cells = [f"**{text}**" if language in better else text for language, text in zip(languages, cells, strict=True)]
        if any(one != formats.MISSING for one in cells):
            rows.append([_title(system), asked if _is_ours(system) else _NONE, *cells])
    return table([title, "asked", *languages], rows)


def _better_than_peer(report: Report, system: SystemReport, metric: str) -> set[str]:
    """The languages in which a system, compared before the baseline, is better than it."""
    baselines = {other.id for other in report.systems if not _is_ours(other)}
    return {
        comparison.value
        for comparison in report.comparisons
        if (comparison.field, comparison.metric, comparison.baseline) == (LANGUAGE, metric, system.id)
        and comparison.candidate in baselines
        and comparison.test.better == "baseline"
    }


def _title(system: SystemReport) -> str:
    name = "Whisper base" if not _is_ours(system) else _size_title(str(system.settings["size"] or WHOLE))
    missing = f" ({incomplete(system)})" if incomplete(system) else ""
    return f"{name}, {_MODES[system.mode]}{missing}"


def _is_ours(system: SystemReport) -> bool:
    """Whether it is the model under measurement: the baseline has no sizes."""
    return "size" in system.settings


def _size_title(size: str) -> str:
    return "nano" if size == WHOLE else f"nano, {size} width"


def _streaming(measured: Measured) -> str:
    exact = {size: measured.records[f"exactness-{size}"]["result"] for size in SIZES if _has(measured, size)}
    rows = [
        [f"captions end as the file's text, {name} speech", "all", *(_same_text(report, size) for size in SIZES)]
        for name, report in measured.reports.items()
    ]
    if exact:
        found = [exact.get(size) for size in SIZES]
        rows += [
            ["frames of 160 ms end as the clip at once", "all", *(_or_none(one, _same) for one in found)],
            ["soft tokens: largest difference", "none", *(_or_none(one, _difference) for one in found)],
            ["soft tokens from 160 ms of sound", "1", *(_or_none(one, _tokens) for one in found)],
        ]
    if not rows:
        return ""
    note = (
        "The same means every word of transcript and translation. Captions are cut into utterances at shorter pauses "
        "than files are, so that the two may take different stretches of sound; frames and clip are the same stretch. "
        "Differences of soft tokens are parts of the largest value, in float32."
    )
    return "\n\n".join(["**Streaming equals offline**", table(_header(), rows), note])


def _has(measured: Measured, size: str) -> bool:
    return f"exactness-{size}" in measured.records


def _header(*more: str) -> list[str]:
    return ["", "asked", *(_size_title(size) for size in SIZES), *more]


def _or_none(result: Record | None, cell: Callable[[Record], str]) -> str:
    return _NONE if result is None else cell(result)


def _same(result: Record) -> str:
    return f"{result['same']} of {result['clips']} clips"


def _difference(result: Record) -> str:
    return f"{result['difference']:.0e}"


def _tokens(result: Record) -> str:
    return " or ".join(str(count) for count in result["tokens_a_frame"])


def _same_text(report: Report, size: str) -> str:
    """In how many clips the last captions say, word for word, what the file says; translations count too."""
    ids = {
        system.mode: system.id
        for system in report.systems
        if _is_ours(system) and (system.settings["size"] or WHOLE) == size
    }
    outputs = [
        [clip.outputs[ids[mode]] for mode in ("offline", "streaming")]
        for clip in report.clips
        if all(ids.get(mode) in clip.outputs for mode in ("offline", "streaming"))
    ]
    same = sum((file.text, file.translation) == (live.text, live.translation) for file, live in outputs)
    return f"{same} of {len(outputs)} clips" if outputs else _NONE


def _speed(measured: Measured) -> str:
    record = measured.records.get("speed")
    if record is None:
        return ""
    systems = list(record["result"].values())
    files, live = ([one for one in systems if one["mode"] == mode] for mode in ("offline", "streaming"))
    rows = [
        ["RTF, file", "≤ 0.1", *(f"{one['rtf']:.3f}" for one in files)],
        ["RTF, live", _NONE, *(f"{one['rtf']:.3f}" for one in live)],
        ["first word shown after its end, median / 95 %, ms", _NONE, *(_milliseconds(one) for one in live)],
        [f"the same within {1000 * SOON_S:.0f} ms", "all", *(_soon(one) for one in live)],
    ]
    settings = record["settings"]
    note = (
        f"{settings['clips']} clips of the synthetic set, recognised and translated, by {settings['threads']} of "
        f"{record['environment']['usable_cores']} cores, none of it from a cache; RTF without English, which has no "
        "translation. The end of the first word is where Whisper's alignment puts it; clips count whose first word "
        "both systems recognised."
    )
    return "\n\n".join(["**Speed**", table(_header("Whisper base"), rows), note])


def _milliseconds(result: Record) -> str:
    delays = result["first_word_s"]
    return f"{1000 * delays['median']:.0f} / {1000 * delays['p95']:.0f}" if delays["count"] else _NONE


def _soon(result: Record) -> str:
    return f"{result['soon']} of {result['first_word_s']['count']} clips"
