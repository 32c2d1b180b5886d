import json
from dataclasses import replace
from pathlib import Path

import pytest

from speech3n.errors import StorageError
from speech3n.eval.measures.events import record_of
from speech3n.eval.report.assemble import ReportOptions, assemble
from speech3n.eval.report.document import REPORT_JSON, encode_report, load_report
from speech3n.eval.report.group_delays import group_delays
from speech3n.eval.report.group_scores import compare, group_scores
from speech3n.eval.report.scored_clips import open_session, score_clip, scored_clips
from speech3n.eval.run.evaluation import Evaluation, Outcome
from speech3n.eval.run.plan import Task
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.joined import JoinedClip
from speech3n.eval.sets.recordings import Recording
from speech3n.eval.systems.recognition import Recognition
from speech3n.types import End, Event, Segment, Status, Update, Word
from tests.eval.run.test_evaluation import clips, evaluation, folder, run
from tests.eval.scripted_systems import ScriptedSystem

__all__ = ["clips", "folder"]

A = Clip(Path("a.flac"), "es", "uno dos tres", 2.0, "one two three", speaker="x")
B = Clip(Path("b.flac"), "es", "cuatro cinco", 1.0, "four five", speaker="y")


def outcome(recording_clips: list[Clip], recognition: Recognition | None, gap_s: float | None = None) -> Outcome:
    joined, at = [], 0.0
    for clip in recording_clips:
        joined.append(JoinedClip(clip, at, at + clip.duration_s, at + clip.duration_s - 0.25))
        at += clip.duration_s + (gap_s or 0.0)
    recording = Recording(Path("r.wav"), "es", at, tuple(joined), ("r.wav",), gap_s)
    task = Task(ScriptedSystem(Path(), mode="streaming"), recording, None)  # type: ignore[arg-type]
    return Outcome(task, recording, recognition, None if recognition else "broken")


def words(*texts: str) -> tuple[Word, ...]:
    """Words of half a second, one after the other from 0."""
    return tuple(Word(text, 0.5 * index, 0.5 * index + 0.5, 1.0) for index, text in enumerate(texts))


EVENTS: list[Event] = [
    Update((), words("uno", "doce"), (), ("one",), audio_s=1.0, elapsed_s=1.25),
    Update(words("uno", "dos"), words("tres"), ("one", "two"), (), audio_s=1.75, elapsed_s=2.0),
    Segment(0, 0.0, 1.5, "uno dos tres", words("uno", "dos", "tres"), "es", "one two three", "en"),
    Status(3.0, 0.0, 3.0, 0.5, -20.0, False),
    End(3.0, 3.0),
]


def streamed(text: str = "uno dos tres") -> Recognition:
    records = [record for event in EVENTS if (record := record_of(event)) is not None]
    return Recognition(text, "one two three", 1.5, 100.0, records)


def test_a_clip_alone_is_scored_under_both_normalisers() -> None:
    (clip,) = scored_clips(outcome([A], Recognition("Uno, dós.", "one two")), None)
    assert (clip.words.errors.deletions, clip.words.errors.substitutions) == (1, 1)
    assert (clip.plain.deletions, clip.plain.substitutions) == (1, 0)
    assert clip.translation == "one two"
    assert scored_clips(outcome([A], None), None) == []


def test_a_joined_recording_gives_each_clip_its_words() -> None:
    first, second = scored_clips(
        outcome([A, B], Recognition("uno dos tres cuatro seis", "one two four five"), 0.5), None
    )
    assert (first.text, second.text) == ("uno dos tres", "cuatro seis")
    assert (first.translation, second.translation) == ("one two", "four five")
    assert (first.words.errors.edits, second.words.errors.edits) == (0, 1)


def test_delays_of_a_session() -> None:
    session = open_session(outcome([A], streamed()))
    assert session is not None
    (clip,) = scored_clips(session.outcome, session)
    assert clip.commit_delays_s == pytest.approx((1.5, 1.0, 1.5))
    delays = group_delays([session, session])
    assert delays is not None
    assert delays.source.committed.aware is not None
    assert (delays.source.committed.aware.count, delays.source.committed.aware.median) == (6, 1.5)
    assert delays.source.committed.unaware is not None
    assert delays.source.committed.unaware.median == pytest.approx(1.25)
    assert delays.source.first_word.aware is not None
    assert delays.source.first_word.aware.median == 1.25
    # "doce" was taken back: one word in three.
    assert delays.source.normalised_erasure == pytest.approx(1 / 3)
    assert delays.source.changed_commits == 0
    # STACL's ideal translator says a word every 0.667 s; ours were committed at 1.25+0.75, 2 and 3 s of 2 s.
    assert delays.source.laal.aware == pytest.approx((2.0 - 0.0) / 1, abs=1e-6)
    assert delays.translation is not None
    assert delays.translation.committed.aware is not None
    assert delays.update is not None
    assert delays.after_sound is None
    assert group_delays([]) is None


def test_after_the_sound_of_joined_clips() -> None:
    session = open_session(outcome([A], streamed(), gap_s=1.0))
    assert session is not None
    delays = group_delays([session])
    assert delays is not None
    assert delays.after_sound is not None
    assert delays.after_sound.median == pytest.approx(3.0 - 1.75)


def test_groups_are_micro_averages_with_intervals() -> None:
    done = [
        outcome([A], Recognition("uno dos", "one", 1.0)),
        outcome([B], Recognition("cuatro cinco", "four five", 0.5)),
    ]
    scored = [clip for one in done for clip in scored_clips(one, None)]
    (group,) = group_scores("language", done, scored, [])
    assert (group.value, group.clips, group.errors.reference_words, group.errors.deletions) == ("es", 2, 5, 1)
    assert group.wer.value == pytest.approx(0.2)
    assert group.wer.low is not None
    assert group.wer.low <= 0.2 <= (group.wer.high or 0)
    assert group.rtf == pytest.approx(0.5)
    assert group.bleu is not None
    speakers = list(group_scores("speaker", done, scored, []))
    assert [(one.value, one.wer.value) for one in speakers] == [("x", pytest.approx(1 / 3)), ("y", 0.0)]
    assert speakers[0].wer.low is None
    (nobody,) = group_scores("accent", done, scored, [])
    assert (nobody.value, nobody.clips) == ("", 2)


def test_systems_are_compared_on_the_clips_that_both_have() -> None:
    many = [replace(A, audio=Path(f"{index}.flac")) for index in range(20)]
    good = [score_clip(clip, clip.text, "one two three") for clip in many]
    bad = [score_clip(clip, "nada", "nothing") for clip in many[:15]]
    tests = {comparison.metric: comparison.test for comparison in compare("language", ("bad", bad), ("good", good))}
    assert set(tests) == {"wer", "wer_plain", "bleu"}
    assert tests["wer"].drawn_from == 15
    assert tests["wer"].better == "candidate"
    assert tests["wer"].difference == pytest.approx(-1.0)


def report_of(work: Evaluation, tmp_path: Path, compare_with: Path | None = None) -> Path:
    report = assemble(work, ReportOptions(tmp_path / "set.jsonl", ["speaker"], compare_with))
    path = tmp_path / f"report{len(list(tmp_path.glob('report*')))}"
    path.mkdir()
    (path / REPORT_JSON).write_bytes(encode_report(report))
    assert load_report(path) == report
    return path


def test_a_report_holds_it_all(clips: list[Clip], folder: Path, tmp_path: Path) -> None:
    work = evaluation(
        clips, ScriptedSystem(folder), ScriptedSystem(folder, "other", text="uno", fails_on="clip1", how="audio")
    )
    run(work)
    report = load_report(report_of(work, tmp_path))
    ours, other = report.systems
    assert (ours.id, ours.clips_done, ours.error) == ("scripted/offline/clean", 3, None)
    assert (other.clips_done, other.clips_asked) == (2, 3)
    assert [(group.field, group.value) for group in ours.groups] == [("language", "es"), ("speaker", ""), ("all", "")]
    assert ours.groups[0].wer.value == 0.0
    assert [clip.id for clip in report.clips] == ["clip0.wav", "clip1.wav", "clip2.wav"]
    assert report.clips[1].outputs.keys() == {ours.id}
    assert "clip1.wav is broken" in report.clips[1].failures[other.id]
    assert report.clips[0].reference_words == 2
    assert {(c.baseline, c.candidate) for c in report.comparisons} == {(ours.id, other.id)}
    assert report.scoring.normalisers == {"es": "whisper-basic"}
    assert report.machine.jobs == 1


def test_an_earlier_report_shows_what_moved(clips: list[Clip], folder: Path, tmp_path: Path) -> None:
    before = evaluation(clips, ScriptedSystem(folder, text="nada"))
    run(before)
    earlier = report_of(before, tmp_path)
    after = evaluation(clips, ScriptedSystem(folder, version=2))
    run(after)
    report = load_report(report_of(after, tmp_path, earlier))
    assert report.earlier is not None
    moved = {comparison.metric: comparison.test for comparison in report.earlier.moved}
    assert moved["wer"].difference == pytest.approx(-1.0)
    changed = [replace(clips[0], text="otra cosa"), *clips[1:]]
    other = evaluation(changed, ScriptedSystem(folder, version=3))
    run(other)
    report = load_report(report_of(other, tmp_path, earlier))
    assert report.earlier is not None
    assert {comparison.test.drawn_from for comparison in report.earlier.moved} == {2}


def test_what_is_no_report_is_named(tmp_path: Path) -> None:
    (tmp_path / REPORT_JSON).write_text(json.dumps({"schema": "speech3n.eval/1"}))
    with pytest.raises(StorageError, match=r"report\.json is not a report.*missing required"):
        load_report(tmp_path)
    with pytest.raises(StorageError, match="Cannot read"):
        load_report(tmp_path / "nowhere")
