"""What a report holds, as typed data: what `report.json` is, and what the Markdown and the HTML page are made of.

Everything here is plain: numbers, texts, lists. What could not be computed is None (null in JSON): an interval of one
clip, a delay of a run without a clock, a BLEU without references.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from speech3n.errors import StorageError
from speech3n.eval.measures.latency import Distribution
from speech3n.eval.measures.significance import PairedTest
from speech3n.eval.measures.wer import AlignedRun
from speech3n.eval.systems.system import Mode
from speech3n.runtime.untrusted import Unreadable, parse, read_bytes, shown

SCHEMA = "speech3n.eval/1"
REPORT_JSON = "report.json"
_LARGEST_FILE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Score:
    """A corpus score with its 95 % interval. Error rates are shares (0.21 is 21 %), BLEU and chrF go from 0 to 100."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Word edits of a group under the language's Whisper normaliser; the rate is their sum over `reference_words`."""

    reference_words: int
    substitutions: int
    deletions: int
    insertions: int


@dataclass(frozen=True, slots=True)
class DelayPair:
    """A delay in seconds: audio that came (computation-unaware), and time gone by; None where no word came."""

    unaware: Distribution | None
    aware: Distribution | None


@dataclass(frozen=True, slots=True)
class LagPair:
    """A mean lag in seconds by both clocks."""

    unaware: float | None
    aware: float | None


@dataclass(frozen=True, slots=True)
class TextDelays:
    """How late and how steady the source text, or the translation, was.

    Delays of words count from their ends, `first_word` from the beginning of each segment. LAAL and LongYAAL are
    means over clips. `normalised_erasure` is words taken back per final word, `changed_commits` must be 0.
    """

    shown: DelayPair
    committed: DelayPair
    first_word: DelayPair
    laal: LagPair
    long_yaal: LagPair
    normalised_erasure: float | None
    changed_commits: int


@dataclass(frozen=True, slots=True)
class GroupDelays:
    """The delays of a group of clips while streaming, in seconds.

    `update` is what one update took to compute. `after_sound` runs from the end of a clip's sound in a joined recording
    to the commit of its last word: no recogniser's word times are in it. None where clips were not joined.
    """

    source: TextDelays
    translation: TextDelays | None
    update: Distribution | None
    after_sound: Distribution | None = None


@dataclass(frozen=True, slots=True)
class GroupScores:
    """The clips that have `value` in `field` of the manifest, together: micro-averages.

    `rtf` is computing time over audio time, None for given hypotheses; `delays` is None but for streaming.
    """

    field: str
    value: str
    clips: int
    audio_s: float
    errors: WordErrors
    wer: Score
    wer_plain: Score
    cer: Score
    bleu: Score | None
    chrf: Score | None
    rtf: float | None
    delays: GroupDelays | None


@dataclass(frozen=True, slots=True)
class SystemReport:
    """One system under one condition: what was run, how far it came, and its scores by group.

    `id` is unique in the report and stable between reports: name, mode and condition. `error` says what stopped it, or
    is None. `compute_s` and `peak_memory_mib` are those of the runs that the texts are from, `from_cache` how many of
    the clips were recognised in an earlier run.
    """

    id: str
    name: str
    mode: Mode
    condition: str
    settings: Mapping[str, str | int | float | bool | None]
    clips_done: int
    clips_asked: int
    from_cache: int
    error: str | None
    audio_s: float
    compute_s: float | None
    peak_memory_mib: float | None
    groups: tuple[GroupScores, ...]

    def group(self, field: str, value: str) -> GroupScores | None:
        """The scores of one group; None where it has no clips."""
        return next((group for group in self.groups if (group.field, group.value) == (field, value)), None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired test of one group; `baseline` and `candidate` are ids of systems, rates are shares as in Score."""

    field: str
    value: str
    metric: Literal["wer", "wer_plain", "bleu"]
    baseline: str
    candidate: str
    test: PairedTest


@dataclass(frozen=True, slots=True)
class ClipOutput:
    """What one system made of a clip; `runs` aligns the normalised words, `commit_delays_s` is by the aware clock."""

    text: str
    translation: str | None
    edits: int
    edits_plain: int
    runs: tuple[AlignedRun, ...]
    commit_delays_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ClipReport:
    """A clip with what was to be recognised, and by system id what was; `failures` says why a system has no output."""

    id: str
    audio: str
    language: str
    text: str
    translation_en: str | None
    duration_s: float
    reference_words: int
    source: str
    speaker: str
    license: str
    outputs: Mapping[str, ClipOutput]
    failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FalseTextReport:
    """Words that a system made of a sound without speech: final ones, and those ever shown."""

    system: str
    sound: str
    seconds: float
    words_final: int
    words_shown: int


@dataclass(frozen=True, slots=True)
class SetFacts:
    """The clips of the run; `gap_s` is the silence after each where they were joined into long recordings."""

    name: str
    clips: int
    audio_s: float
    languages: tuple[str, ...]
    gap_s: float | None


@dataclass(frozen=True, slots=True)
class Scoring:
    """How scores were computed: normalisers by language, sacrebleu signatures, and how intervals were drawn."""

    normalisers: Mapping[str, str]
    bleu_signature: str | None
    chrf_signature: str | None
    intervals: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What the run was made on."""

    cpu: str
    cores: int
    python: str
    versions: Mapping[str, str]
    commit: str | None
    jobs: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier report beside this one: `moved` tests the same system then (baseline) and now (candidate)."""

    path: str
    created: str
    moved: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation from beginning to end; `created` is UTC in ISO 8601."""

    created: str
    set: SetFacts
    machine: Machine
    scoring: Scoring
    systems: tuple[SystemReport, ...]
    comparisons: tuple[Comparison, ...]
    clips: tuple[ClipReport, ...]
    false_text: tuple[FalseTextReport, ...] = ()
    earlier: Earlier | None = None
    schema: str = SCHEMA

    def system(self, system_id: str) -> SystemReport:
        """A system by its id; raises KeyError."""
        return {system.id: system for system in self.systems}[system_id]


def encode_report(report: Report) -> bytes:
    """The report as JSON, indented; NaN and infinities become null."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def load_report(path: Path) -> Report:
    """Read a report from its file or its folder; raises StorageError where it is none."""
    file = path / REPORT_JSON if path.is_dir() else path
    hint = "Give a report.json of `speech3n eval run --report`, or its folder."
    try:
        data = read_bytes(file, _LARGEST_FILE)
    except FileNotFoundError as error:
        raise StorageError(f"Cannot read {file}: {error.strerror}.", hint) from error
    except Unreadable as error:
        raise StorageError(f"Cannot read {file}: {error}.", hint) from error
    try:
        report = parse(data, Report)
    except Unreadable as error:
        raise StorageError(f"{file} is not a report: {error}.", hint) from error
    if report.schema != SCHEMA:
        raise StorageError(f"{file} has the format {shown(report.schema)}; this is {SCHEMA}.", "Make it anew.")
    return report
