from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speech3n.eval.conditions.condition import parse_condition
from speech3n.eval.run.cache import ResultCache
from speech3n.eval.run.evaluation import Evaluation, Outcome
from speech3n.eval.run.plan import Plan, system_ids
from speech3n.eval.sets.audio_files import read_audio, write_wav
from speech3n.eval.sets.clip import Clip
from speech3n.eval.sets.recordings import joined_recordings, single_recordings, sound_recordings
from speech3n.eval.sets.sounds import SOUNDS
from speech3n.types import SAMPLE_RATE
from tests.eval.scripted_systems import ScriptedSystem


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    random = np.random.default_rng(0)
    found = []
    for index, text in enumerate(("uno dos", "tres cuatro cinco", "seis")):
        path = tmp_path / f"clip{index}.wav"
        write_wav(path, (0.1 * random.standard_normal(SAMPLE_RATE // 2)).astype(np.float32))
        found.append(Clip(path, "es", text, 0.5, "one two" if index < 2 else "six"))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.mkdir()
    return path


def evaluation(
    clips: Sequence[Clip],
    *systems: ScriptedSystem,
    conditions: Sequence[str] = ("clean",),
    jobs: int = 1,
    cache: Path | None = None,
    gap_s: float | None = None,
) -> Evaluation:
    folder = cache or clips[0].audio.parent / "cache"
    recordings = single_recordings(clips) if gap_s is None else joined_recordings(clips, gap_s, folder / "joined")
    plan = Plan(
        clips,
        recordings,
        [parse_condition(name) for name in conditions],
        {system: system.settings() for system in systems},
        translate=True,
        jobs=jobs,
    )
    return Evaluation(plan, ResultCache(folder))


def run(evaluation: Evaluation) -> list[Outcome]:
    reported: list[Outcome] = []
    evaluation.run(reported.append)
    assert reported == evaluation.outcomes
    return reported


def texts(outcomes: Sequence[Outcome]) -> list[str | None]:
    return [outcome.recognition.text if outcome.recognition else None for outcome in outcomes]


def test_every_system_hears_every_recording_and_all_of_them_in_turn(clips: list[Clip], folder: Path) -> None:
    outcomes = run(evaluation(clips, ScriptedSystem(folder), ScriptedSystem(folder, "other", text="nada")))
    assert [(o.task.system.name, o.rendered.audio.stem) for o in outcomes] == [
        (name, clip.audio.stem) for clip in clips for name in ("scripted", "other")
    ]
    assert texts(outcomes)[::2] == [clip.text for clip in clips]
    assert texts(outcomes)[1::2] == ["nada"] * 3
    assert all(o.recognition and o.recognition.peak_memory_mib and o.recognition.translation for o in outcomes)


def test_what_was_recognised_before_is_not_recognised_again(clips: list[Clip], folder: Path) -> None:
    first = run(evaluation(clips, ScriptedSystem(folder)))
    again = run(evaluation(clips, ScriptedSystem(folder, how="no model")))
    assert [replace(o, task=first[0].task, from_cache=False) for o in again] == [
        replace(o, task=first[0].task) for o in first
    ]
    assert all(o.from_cache for o in again)
    assert len(list(folder.iterdir())) == 3


def test_other_sound_settings_or_mode_are_recognised_anew(clips: list[Clip], folder: Path) -> None:
    run(evaluation(clips[:1], ScriptedSystem(folder)))
    assert not run(evaluation(clips[:1], ScriptedSystem(folder, version=2)))[0].from_cache
    assert not run(evaluation(clips[:1], ScriptedSystem(folder, mode="streaming")))[0].from_cache
    assert not run(evaluation(clips[:1], ScriptedSystem(folder), conditions=["gain:-6"]))[0].from_cache
    write_wav(clips[0].audio, read_audio(clips[0].audio) * 0.5)
    assert not run(evaluation(clips[:1], ScriptedSystem(folder)))[0].from_cache


def test_a_damaged_result_is_recognised_anew(clips: list[Clip], folder: Path, tmp_path: Path) -> None:
    run(evaluation(clips[:1], ScriptedSystem(folder), cache=tmp_path / "kept"))
    (kept,) = (tmp_path / "kept").rglob("*.json")
    kept.write_bytes(kept.read_bytes()[:20])
    assert not run(evaluation(clips[:1], ScriptedSystem(folder), cache=tmp_path / "kept"))[0].from_cache


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("audio", r"clip1\.wav is broken"),
        ("engine", "The engine broke"),
        ("bug", "scripted failed on .*clip1.wav: ZeroDivisionError"),
        ("dies", r"process of scripted was killed by signal 9.*memory"),
    ],
)
def test_a_failure_costs_one_recording(clips: list[Clip], folder: Path, how: str, message: str) -> None:
    outcomes = run(
        evaluation(clips, ScriptedSystem(folder, fails_on="clip1", how=how), ScriptedSystem(folder, "other"))
    )
    ours = [o for o in outcomes if o.task.system.name == "scripted"]
    assert texts(ours) == [clips[0].text, None, clips[2].text]
    assert all(o.recognition for o in outcomes if o.task.system.name == "other")
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(ours[1].error)


@pytest.mark.parametrize("how", ["engine", "dies"])
def test_a_system_that_always_fails_is_not_asked_for_ever(clips: list[Clip], folder: Path, how: str) -> None:
    failing = ScriptedSystem(folder, fails_on="clip", how=how)
    work = evaluation(
        [*clips, *(replace(clip, text="other") for clip in clips)], failing, ScriptedSystem(folder, "other")
    )
    outcomes = run(work)
    assert texts([o for o in outcomes if o.task.system is failing]) == [None] * 6
    assert len(list(folder.glob("scripted-*"))) == 3
    assert work.stopped_by(failing)
    assert all(o.recognition for o in outcomes if o.task.system is not failing)


def test_a_system_without_a_model_is_asked_once(clips: list[Clip], folder: Path) -> None:
    system = ScriptedSystem(folder, how="no model")
    work = evaluation(clips, system)
    assert [o.error for o in run(work)] == ["There is no such model. Fetch it."] * 3
    assert work.stopped_by(system) == "There is no such model. Fetch it."


def test_progress_within_a_recording_is_told(clips: list[Clip], folder: Path) -> None:
    """The scripted system says that it has come through a quarter of a second."""
    told: list[float] = []
    evaluation(clips[:1], ScriptedSystem(folder)).run(lambda _: None, told.append)
    assert told == [0.25, 0.0]


def test_jobs_run_at_the_same_time(clips: list[Clip], folder: Path) -> None:
    outcomes = run(evaluation(clips[:2], ScriptedSystem(folder, fails_on="clip", how="meets"), jobs=2))
    assert sorted(str(text) for text in texts(outcomes)) == sorted(clip.text for clip in clips[:2])


def test_an_interruption_keeps_what_is_done_and_the_next_run_goes_on(clips: list[Clip], folder: Path) -> None:
    work = evaluation(clips, ScriptedSystem(folder))

    def interrupt(outcome: Outcome) -> None:
        if len(work.outcomes) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.run(interrupt)
    assert [o.from_cache for o in run(evaluation(clips, ScriptedSystem(folder)))] == [True, True, False]


def test_the_system_hears_the_condition_and_the_clip_stays(clips: list[Clip], folder: Path) -> None:
    work = evaluation(
        clips[:1], ScriptedSystem(folder, text="peak"), conditions=["clean", "gain:-20", "leading-silence:2"]
    )
    clean, soft, late = run(work)
    assert float(texts([soft])[0] or 0) == pytest.approx(float(texts([clean])[0] or 0) / 10, abs=1e-3)
    assert late.rendered.duration_s == pytest.approx(2.5)
    assert late.rendered.clips[0].start == pytest.approx(2.0)
    assert late.task.recording.clips[0].start == 0.0
    assert clips[0].audio.exists()
    assert not soft.rendered.audio.exists()
    assert [condition.name for _, condition, _ in work.by_system()] == ["clean", "gain:-20", "leading-silence:2"]


def test_clips_are_joined_by_language_and_by_whether_they_are_translated(clips: list[Clip], tmp_path: Path) -> None:
    english = replace(clips[0], language="en", translation_en=None)
    recordings = joined_recordings([*clips, english], 0.25, tmp_path / "joined")
    assert [(r.language, len(r.clips), r.translated) for r in recordings] == [("en", 1, False), ("es", 3, True)]
    assert recordings[1].duration_s == pytest.approx(3 * 0.75)
    assert len(read_audio(recordings[1].audio)) == 3 * 3 * SAMPLE_RATE // 4
    assert joined_recordings([*clips, english], 0.25, tmp_path / "joined") == recordings


def test_sounds_without_speech_are_heard_once_whatever_the_conditions(clips: list[Clip], folder: Path) -> None:
    work = evaluation(clips[:1], ScriptedSystem(folder, text="nada"), conditions=["clean", "telephone"])
    sounds = sound_recordings(0.01, clips[0].audio.parent / "sounds")
    plan = replace(work.plan, recordings=[*work.plan.recordings, *sounds])
    outcomes = run(Evaluation(plan, work.cache))
    assert len(outcomes) == plan.size == 2 + len(SOUNDS)
    assert [o.rendered.names for o in outcomes[2:]] == [(sound,) for sound in SOUNDS]


def test_systems_of_one_name_are_told_apart(clips: list[Clip], folder: Path) -> None:
    ids = system_ids(evaluation(clips, ScriptedSystem(folder), ScriptedSystem(folder, version=2)).plan)
    assert list(ids.values()) == ["scripted #1/offline/clean", "scripted #2/offline/clean"]
