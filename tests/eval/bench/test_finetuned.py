"""The proof of fine-tuning: nothing that was learned is asked about, and the table says who got better."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from speech3n.errors import UsageError
from speech3n.eval.bench.finetuned import FinetunedRequest, parts, render, write_manifest
from speech3n.eval.report.document import Report, Score
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.manifest import load_manifest
from tests.eval.report.sample import ClipReport, group, output, sample_report, system

BEFORE, AFTER = "nano|offline|clean", "tuned|offline|clean"
TEXT = "press one for every other number that you hear"


def options(**changes: object) -> FinetunedRequest:
    return replace(FinetunedRequest("nano", "Ann", 60, None, Path(), Path(), 0, False, ()), **changes)  # type: ignore[arg-type]


def clips(speaker: str, count: int, repeated: int = 1) -> list[Clip]:
    return [
        Clip(Path(f"{speaker}-{number}.wav"), "en", f"Text {number // repeated}", 2.0, speaker=speaker)
        for number in range(count)
    ]


def test_what_is_learned_is_not_asked_about() -> None:
    everybody = [*clips("Ann", 100, repeated=2), *clips("Bob", 30)]
    learned, rest = parts(everybody, options())
    assert len(learned) == 60
    assert {clip.speaker for clip in learned} == {"Ann"}
    assert [clip.speaker for clip in rest] == ["Ann"] * 40 + ["Bob"] * 30
    assert not {clip.text for clip in learned} & {clip.text for clip in rest if clip.speaker == "Ann"}
    assert parts(everybody, options(seed=1))[0] != learned
    assert sum(clip.speaker == "Bob" for clip in parts(everybody, options(others=4))[1]) == 4
    with pytest.raises(UsageError, match="'Bob' speaks 30 clips"):
        parts(everybody, options(speaker="Bob"))


def test_the_manifest_names_the_same_clips(tmp_path: Path) -> None:
    audio = tmp_path / "1.wav"
    audio.write_bytes(b"")
    clip = Clip(audio, "es", "¿Sí?", 1.5, "Yes?", "prompts", "Ann", "CC0", "script")
    path = tmp_path / "new" / "learned.jsonl"
    write_manifest(path, [clip])
    assert load_manifest(path) == [clip]
    assert json.loads(path.read_text("utf-8"))["audio"] == str(audio)


def measured() -> Report:
    """Ann is recognised better after fine-tuning, Bob as before."""
    reports = []
    for number in range(40):
        speaker = "Ann" if number % 2 else "Bob"
        before = output(TEXT, "press one for every", "en")
        after = output(TEXT, TEXT, "en") if speaker == "Ann" else before
        outputs = {BEFORE: before, AFTER: after}
        reports.append(ClipReport(str(number), f"{number}.wav", "en", TEXT, None, 2.0, 9, "", speaker, "", outputs))
    systems = [
        system(
            id, id.split("|")[0], "offline",
            (group("en", everybody), group("Bob", bob, field="speaker"), group("Ann", ann, field="speaker")),
        )
        for id, everybody, bob, ann in (
            (BEFORE, Score(0.5, 0.4, 0.6), Score(0.5, 0.4, 0.6), Score(0.5, 0.4, 0.6)),
            (AFTER, Score(0.25, 0.2, 0.3), Score(0.5, 0.4, 0.6), Score(0.0, 0.0, 0.0)),
        )
    ]  # fmt: skip
    return replace(sample_report(), systems=tuple(systems), clips=tuple(reports), comparisons=(), earlier=None)


def test_the_table_tells_the_speaker_from_the_others() -> None:
    rows = render(measured(), "Ann").splitlines()[2:5]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == ["**Ann**, not learned", "Bob", "all in en"]
    assert cells[0][1:4] == ["50", "50.0", "0.0"]
    assert cells[0][4].startswith("**−")
    assert not cells[1][4].startswith("**")
