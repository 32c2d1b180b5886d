"""`--to`: the language to translate to, from the command line to the engine and into what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speech3n.cli import main as cli
from speech3n.errors import UsageError
from speech3n.formats.subtitles import SubtitleOptions, lay_out
from speech3n.journal.events import segment_record
from speech3n.journal.journal import Journal, SessionHeader
from speech3n.journal.saved import SavedSession
from speech3n.languages import parse_target_language
from speech3n.session import batch as transcribe
from speech3n.session import live
from speech3n.session.feed import open_feed
from speech3n.session.options import SessionOptions
from speech3n.session.recovery import recover_transcript
from speech3n.session.session import Session
from speech3n.types import Segment, Transcript, Update, Waveform, Word
from tests.conftest import silence
from tests.fakes import FakeEngine, FakeSource, frames, parse_segment

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """An engine that translates to any language, behind `transcribe` and `live`."""
    engine = FakeEngine()
    engine.info = replace(engine.info, target_languages=None)
    for module in (transcribe, live):
        monkeypatch.setattr(module, "open_engine", lambda model: engine)
        monkeypatch.setattr(module, "install_model", lambda model: None)
    return engine


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line; exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(exit_.value.code or 0), captured.out, captured.err

    return run


def targets(engine: FakeEngine) -> set[tuple[bool, str]]:
    return {(options.translate, options.target_language) for options in engine.opened}


@pytest.mark.parametrize("to", ["de", "German", "german", "de-AT"])
def test_transcribe_translates_to_the_language_that_is_named(
    run: Run, engine: FakeEngine, examples: dict[str, Path], tmp_path: Path, to: str
) -> None:
    arguments = ("transcribe", examples["es"], "--language", "es", "--to", to)
    code, _, err = run(*arguments, "--format", "json", "--output-dir", tmp_path)
    assert code == 0, err
    assert targets(engine) == {(True, "de")}
    (written,) = tmp_path.glob("*.json")
    record = json.loads(written.read_text("utf-8"))
    assert record["task"] == "translate"
    assert {segment["target_language"] for segment in record["segments"]} == {"de"}
    assert record["segments"][0]["translation"].startswith("t0 t1")


def test_live_translates_to_it_and_its_session_says_so(
    run: Run, engine: FakeEngine, examples: dict[str, Path], tmp_path: Path
) -> None:
    code, out, err = run("live", examples["es"], "--jsonl", "--language", "es", "--to", "ja", "--save", tmp_path / "s")
    assert code == 0, err
    assert targets(engine) == {(True, "ja")}
    records = [json.loads(line) for line in out.splitlines()]
    (last,) = [record for record in records if record["type"] == "segment"][-1:]
    assert last["target_language"] == "ja"
    # Japanese is written without spaces.
    assert last["translation"].startswith("t0t1")
    shown = [record["translation_committed"] for record in records if record["type"] == "update"]
    assert any(text.startswith("t0t1") for text in shown)
    saved = SavedSession.load(tmp_path / "s")
    assert saved.header.target_language == "ja"
    assert saved.segments[-1].target_language == "ja"


def test_live_in_plain_text_joins_words_as_the_language_writes_them(
    run: Run, engine: FakeEngine, examples: dict[str, Path]
) -> None:
    _, out, _ = run("live", examples["es"], "--plain", "--language", "es", "--to", "zh")
    assert "→ t0t1" in out


def test_without_any_option_nothing_is_translated(run: Run, engine: FakeEngine, examples: dict[str, Path]) -> None:
    run("transcribe", examples["es"], "--language", "es")
    assert targets(engine) == {(False, "en")}


def test_translate_alone_is_to_english(run: Run, engine: FakeEngine, examples: dict[str, Path]) -> None:
    run("transcribe", examples["es"], "--language", "es", "--translate")
    assert targets(engine) == {(True, "en")}


@pytest.mark.parametrize("source", ["environment", "settings"])
@pytest.mark.parametrize("translate", [True, False])
def test_a_usual_target_does_not_mean_that_all_is_translated(
    run: Run,
    engine: FakeEngine,
    examples: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    translate: bool,
) -> None:
    if source == "environment":
        monkeypatch.setenv("SPEECH3N_TO", "fr")
    else:
        (tmp_path / "config.toml").write_text('to = "fr"\n')
        monkeypatch.setenv("SPEECH3N_CONFIG", str(tmp_path / "config.toml"))
    flags = ["--translate"] if translate else []
    run("transcribe", examples["es"], "--language", "es", *flags)
    run("live", examples["es"], "--plain", "--language", "es", *flags)
    assert targets(engine) == {(translate, "fr")}


@pytest.mark.parametrize("command", ["transcribe", "live"])
@pytest.mark.parametrize(
    ("to", "why"),
    [("spannish", "Did you mean spanish"), ("klingon", "Unknown language"), ("auto", "cannot be detected")],
)
def test_an_unknown_target_is_said_before_a_model_is_looked_for(
    run: Run, examples: dict[str, Path], monkeypatch: pytest.MonkeyPatch, command: str, to: str, why: str
) -> None:
    for module in (transcribe, live):
        monkeypatch.setattr(module, "resolve_model", None)
    code, _, err = run(command, examples["es"], "--to", to)
    assert code == 2
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", [["transcribe"], ["live", "--plain"]])
def test_an_engine_that_translates_to_english_only_says_so_before_it_hears(
    run: Run,
    engine: FakeEngine,
    examples: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
) -> None:
    engine.info = replace(engine.info, name="whisper-base", target_languages=frozenset({"en"}))
    monkeypatch.setattr("speech3n.audio.source.FileSource.frames", None)
    code, out, err = run(*command, examples["es"], "--to", "German")
    assert (code, out) == (2, "")
    assert "whisper-base translates to English only, not to German. gemma-3n models translate to others" in err
    assert engine.opened == []


def test_an_engine_that_does_not_translate_says_so_before_it_hears(
    run: Run, engine: FakeEngine, examples: dict[str, Path]
) -> None:
    engine.info = replace(engine.info, tasks=frozenset({"transcribe"}))
    code, _, err = run("transcribe", examples["es"], "--translate")
    assert code == 2
    assert "cannot translate" in err


def test_changing_the_spoken_language_keeps_the_target(engine: FakeEngine, english: Waveform) -> None:
    session = Session(engine, SessionOptions("es", translate=False, target_language="fr"))
    for event in session.run(open_feed(FakeSource(np.concatenate([english, silence(1), english])))):
        if isinstance(event, Update) and event.audio_s > 4 and session.options.language == "es":
            session.configure("en", translate=True)
    assert targets(engine) == {(False, "fr"), (True, "fr")}


def test_what_is_recovered_is_translated_to_the_same_language(
    engine: FakeEngine, english: Waveform, tmp_path: Path
) -> None:
    header = SessionHeader("talk.wav", "gemma-3n-e2b", "es", True, target_language="ja")
    journal = Journal.create(tmp_path / "s", header)
    for frame in frames(english):
        journal.recording.append(frame)
    journal.close()
    with pytest.raises(UsageError, match="English only, not to Japanese"):
        recover_transcript(SavedSession.load(tmp_path / "s"), FakeEngine())
    transcript = recover_transcript(SavedSession.load(tmp_path / "s"), engine)
    assert targets(engine) == {(True, "ja")}
    assert {segment.target_language for segment in transcript.segments} == {"ja"}


def test_a_session_from_before_there_were_targets_is_english(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "s", SessionHeader("talk.wav", "whisper-base", "es", True))
    journal.record(Update((Word("sí", 0.0, 0.4, 0.9),), translation_committed=("yes",)))
    journal.close()
    record = json.loads((tmp_path / "s" / "session.json").read_text())
    del record["target_language"]
    (tmp_path / "s" / "session.json").write_text(json.dumps(record))
    saved = SavedSession.load(tmp_path / "s")
    assert saved.header.target_language == "en"
    assert saved.unfinished is not None
    assert saved.unfinished.target_language == "en"


def test_segments_keep_their_target_in_json() -> None:
    segment = Segment(0, 0.0, 1.0, "sí", (), "es", "ja", target_language="de")
    assert parse_segment(segment_record(segment)) == segment
    old = {key: value for key, value in segment_record(segment).items() if key != "target_language"}
    assert parse_segment(old).target_language is None


def test_subtitles_break_a_translation_that_has_no_spaces() -> None:
    translation = "今日は水について話します。水はどこから来て、誰が使い、なぜ毎年夏になると少なくなるのでしょうか。" * 2
    words = tuple(Word(f"palabra{i}", 0.5 * i, 0.5 * i + 0.4, 0.9) for i in range(24))
    text = " ".join(word.text for word in words)
    segment = Segment(0, 0.0, words[-1].end, text, words, "es", translation, target_language="ja")
    transcript = Transcript((segment,), "talk.wav", 20.0, "es", "model", "translate")
    cues = lay_out(transcript, SubtitleOptions("both"))
    assert "".join(line for cue in cues for line in cue.translation) == translation
    starts = [cue.translation[0][0] for cue in cues if cue.translation]
    assert not {"、", "。"} & set(starts)


def test_target_languages_by_code_and_name() -> None:
    assert [parse_target_language(text) for text in ("en", "English", "pt-BR", "PT_br", "chinese", "ja")] == [
        *("en", "en", "pt", "pt", "zh", "ja")
    ]
    with pytest.raises(UsageError, match="cannot be detected"):
        parse_target_language("")
