"""Training nano: a step learns, a stop changes nothing, the nested model is the sliced one, averages are means."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from training.nano_doubles import SMALL_HALF, TEXTS, feature_store, small_nano

from speech3n.errors import ModelError, StorageError
from speech3n.models.gemma3n.elastic import path
from speech3n.training import state
from speech3n.training.average import average
from speech3n.training.average import main as average_main
from speech3n.training.corpus.feature_changes import NONE
from speech3n.training.corpus.schedule import Position
from speech3n.training.ctc import ctc_loss, encode_frames, spread
from speech3n.training.exam import answered, examiner
from speech3n.training.guidance import NOWHERE, spans
from speech3n.training.journal import Metrics, plot
from speech3n.training.lessons import Course, Lessons, beginning
from speech3n.training.nano import new_nano, open_nano
from speech3n.training.nested import NestedModel
from speech3n.training.phones import SYMBOLS, Sounds, pronounce, read_out, written
from speech3n.training.questions import Desk
from speech3n.training.rest import rest_while
from speech3n.training.run import Examine, Training
from speech3n.training.script import Paced, pace
from speech3n.training.step import IGNORED, answer_loss
from speech3n.training.synthesis.sentences import Sentence
from speech3n.training.trainee import Plan, Stage, Trainee, fit_bridge

SENTENCES = [Sentence("Hola.", "Hello.", "es", "es", "test"), Sentence("Ciao a tutti.", "Hi all.", "it", "it", "test")]
STAGES: tuple[Stage, Stage] = ("hear", "read")
COURSE = Course(batch_frames=400, sentences=2, seed=4)
PLAN = Plan(steps=6, rate=3e-3, warm_up=1, save_every=3, exam_every=6, exam_clips=1, course=COURSE)


def training(folder: Path, features: Path, plan: Plan = PLAN, examine: Examine | None = None) -> Training:
    tokenizer, config = small_nano()
    store = feature_store(features) if plan.stage != "read" else None
    lessons = Lessons(store, SENTENCES, Desk(tokenizer, config), config, plan.course)
    trainee = Trainee(new_nano(config, 0), plan, nested=SMALL_HALF)
    return Training(trainee, lessons, plan, folder, store.digest if store else "", examine=examine)


def test_training_that_stops_and_goes_on_is_training_that_never_stopped(tmp_path: Path) -> None:
    whole = training(tmp_path / "whole", tmp_path / "features")
    whole.run()
    first = training(tmp_path / "parts", tmp_path / "features", replace(PLAN, save_every=1))
    learn = first.trainee.learn

    def learn_and_stop(*given, **named):  # type: ignore[no-untyped-def]
        first.stop()
        return learn(*given, **named)

    first.trainee.learn = learn_and_stop  # type: ignore[method-assign]
    first.run()
    assert first.progress.step == 1
    for expected in (3, 6):
        part = training(tmp_path / "parts", tmp_path / "features", PLAN)
        original = part.trainee.learn

        def learn_until(*given, part=part, original=original, expected=expected, **named):  # type: ignore[no-untyped-def]
            if part.progress.step + 1 == expected:
                part.stop()
            return original(*given, **named)

        part.trainee.learn = learn_until  # type: ignore[method-assign]
        part.run()
        assert part.progress.step == expected
    for name, value in whole.trainee.model.state_dict().items():
        assert torch.equal(value, part.trainee.model.state_dict()[name]), name
    assert whole.progress.position == part.progress.position
    assert whole.progress.heard_s == pytest.approx(part.progress.heard_s)


def test_steps_lower_every_loss(tmp_path: Path) -> None:
    course = replace(COURSE, strength=NONE, batch_frames=2000)
    run = training(tmp_path / "run", tmp_path / "features", replace(PLAN, course=course))
    lesson, _ = run._lessons.at(Position(0, 0))
    losses = [run.trainee.learn(lesson, 3e-3) for _ in range(12)]
    for name in ("ctc", "ctc_tokens", "whole", "nested"):
        assert losses[-1][name] < 0.9 * losses[0][name], name


@pytest.mark.parametrize(
    ("stage", "expected"), [("hear", {"audio_tower"}), ("read", {"language_model", "embed_audio"})]
)
def test_a_part_alone_leaves_the_other_as_it_is(stage: Stage, expected: set[str], tmp_path: Path) -> None:
    run = training(tmp_path / "run", tmp_path / "features", replace(PLAN, stage=stage))
    before = {name: value.clone() for name, value in run.trainee.model.state_dict().items()}
    lesson, _ = run._lessons.at(Position(0, 0))
    run.trainee.learn(lesson, 1e-3)
    moved = {
        name.split(".")[0]
        for name, value in run.trainee.model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == expected


def test_parts_that_were_taught_apart_begin_together(tmp_path: Path) -> None:
    features = tmp_path / "features"
    for stage in STAGES:
        training(tmp_path / stage, features, replace(PLAN, stage=stage, steps=3)).run()
    together = training(tmp_path / "both", features)
    parts = together.trainee.parts
    for stage in STAGES:
        state.begin_with(tmp_path / stage, parts)
    weights = together.trainee.model.state_dict()
    for stage, part in (("hear", "audio_tower."), ("read", "language_model.")):
        taught = training(tmp_path / stage, features, replace(PLAN, stage=stage, steps=3)).trainee.model.state_dict()
        assert all(torch.equal(value, weights[name]) for name, value in taught.items() if name.startswith(part))
    before = mismatch(together)
    fit_bridge(together.trainee, together._lessons)
    assert mismatch(together) < 0.9 * before


def mismatch(run: Training) -> float:
    """How far soft tokens are from the letters that CTC reads from them."""
    trainee = run.trainee
    lesson, _ = run._lessons.at(Position(0, 0))
    with torch.no_grad():
        frames, mask = encode_frames(trainee.model.audio_tower, lesson.mel, lesson.mask)
        mask = mask[:, ::4]
        wanted = trainee.script.expected(trainee.speller.read_tokens(frames).view(*mask.shape, 4, SYMBOLS))
        heard = trainee.model.embed_audio(frames[:, ::4])
    return 1 - float(torch.cosine_similarity(heard, wanted, -1)[mask].mean())


def test_text_is_paced_like_speech_that_ctc_reads() -> None:
    short = said_in("Perché no?", "it")
    for seed in range(20):
        paced = pace(short, 4, np.random.default_rng(seed))
        assert paced.symbols.shape[1] == 4
        assert 5 <= int((paced.symbols != 0).sum()) <= len(short) == 8
        assert paced.places == sorted(paced.places)
        assert len(paced.places) == len(short)
    phones = said_in("Ciao a tutti quanti, belli e brutti.", "it")
    said = [pace(phones, 4, np.random.default_rng(seed)) for seed in range(200)]
    seconds = sum(len(paced.symbols) for paced in said) * 0.16 / len(said)
    assert 2.5 < seconds < 5.5
    # As read_out has it, but that double letters may stand side by side.
    whole = [paced for paced in said if heard_in(paced) == written(phones)]
    assert len(said) // 8 < len(whole) < len(said) // 2, "some can be understood well, and some cannot"
    for place, phone in zip(whole[0].places, phones, strict=True):
        assert phone in whole[0].symbols[place]
    assert not pace((), 4, np.random.default_rng(0)).symbols.any()


def test_sentences_are_as_long_as_what_is_heard_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speech3n.training.lessons._NEIGHBOURS", 1)
    tokenizer, config = small_nano()
    desk, length = Desk(tokenizer, config), len(next(iter(TEXTS.values())))
    sentences = [Sentence("ma " * count, None, "it", "it", "test") for count in (length // 3, 10 * length)]
    store = feature_store(tmp_path)
    beside, alone = ([], [])
    for number in range(8):
        for clips, lengths in ((store, beside), (None, alone)):
            lesson, _ = Lessons(clips, sentences, desk, config, COURSE).at(Position(0, number))
            lengths.append(lesson.symbols.shape[1])
    assert max(beside) < max(alone) / 3
    assert min(alone) < max(alone) / 3


def said_in(text: str, language: str) -> tuple[int, ...]:
    return pronounce(text, language).phones


def heard_in(paced: Paced) -> str:
    return read_out([each for symbol in paced.symbols.flatten().tolist() for each in (symbol, 0)])


def test_a_head_is_guided_to_where_the_next_letters_are(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    desk = Desk(tokenizer, config)
    lesson, _ = Lessons(None, SENTENCES, desk, config, COURSE).at(Position(0, 0))
    first, last, _ = lesson.whole.looks
    rows, places = (first >= 0).nonzero(as_tuple=True)
    assert len(rows) > 3
    assert bool((last >= first).all())
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        assert lesson.whole.labels[row, place + 1] != IGNORED
        assert bool((lesson.whole.ids[row, first[row, place] : last[row, place] + 1] == config.audio_token_id).all())
    run = training(tmp_path / "run", tmp_path / "features", replace(PLAN, stage="read"))
    looks = [run.trainee.learn(lesson, 3e-3)["look"] for _ in range(30)]
    assert looks[-1] < 0.7 * looks[0]


def test_pieces_are_read_where_they_are_said() -> None:
    ca_va = Sounds((1, 2, 3, 4, 5), before=(0, 1, 2, 3, 4, 5, 5))
    offsets = [(0, 2), (2, 5), (5, 6), (6, 9)]
    places = [0, 1, 1, 2, 4]
    assert spans(ca_va, offsets, places) == [(0, 1), (1, 4), NOWHERE, NOWHERE]
    assert spans(ca_va, offsets, []) == [NOWHERE] * 4


def test_more_to_hear_begins_a_new_pass(tmp_path: Path) -> None:
    training(tmp_path / "run", tmp_path / "features").run()
    again = training(tmp_path / "run", tmp_path / "features")
    assert again.progress.step == 6
    epoch = again.progress.position.epoch
    trainee, lessons = again.trainee, again._lessons
    other = Training(trainee, lessons, PLAN, tmp_path / "run", "another corpus")
    assert other.progress.position == Position(epoch + 1, 0)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    training(tmp_path / "run", tmp_path / "features").run()
    for file in (tmp_path / "run").glob("state-*.safetensors"):
        file.write_bytes(b"nothing")
    with pytest.raises(StorageError, match="can't be used"):
        training(tmp_path / "run", tmp_path / "features")


def test_the_rate_rises_stays_and_falls() -> None:
    plan = Plan(steps=1000, rate=1.0, warm_up=100, fall=0.2)
    rates = [plan.rate_at(step) for step in (0, 49, 100, 799, 900, 1000)]
    assert rates == pytest.approx([0.01, 0.5, 1.0, 1.0, 0.5, 0.0])


def test_the_nested_model_is_the_sliced_one_and_teaches_the_whole(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    model = new_nano(config, 1)
    lessons = Lessons(feature_store(tmp_path), [], Desk(tokenizer, config), config, COURSE)
    lesson, _ = lessons.at(Position(0, 0))
    encoded = model.encode(lesson.mel, lesson.mask)
    loss = NestedModel(model, SMALL_HALF).answer_loss(lesson.nested, encoded)
    with torch.no_grad():
        sliced = answer_loss(path(model, SMALL_HALF.of(config.text)), lesson.nested, encoded)
        whole = answer_loss(model, lesson.nested, encoded)
    assert loss.item() == pytest.approx(sliced.item(), rel=1e-5)
    assert loss.item() != pytest.approx(whole.item(), rel=1e-5)
    loss.backward()
    gate = model.language_model.layers[0].mlp.gate_proj.weight.grad  # type: ignore[union-attr]
    assert isinstance(gate, torch.Tensor)
    assert gate[:16].abs().sum() > 0
    assert gate[16:].abs().sum() == 0
    assert model.audio_tower.subsample_conv_projection.input_proj_linear.weight.grad is not None


def test_clear_frames_cost_nothing() -> None:
    phones = said_in(TEXTS["it"], "it")
    frames = [symbol for phone in phones for symbol in (phone, phone, 0)]
    assert read_out(frames) == "perke nɔ"
    log_probabilities = torch.full((1, len(frames) + 5, SYMBOLS), -40.0)
    for frame, symbol in enumerate([*frames, 0, 0, 0, 0, 0]):
        log_probabilities[0, frame, symbol] = 0.0
    mask = torch.ones(1, len(frames) + 5, dtype=torch.bool)
    assert ctc_loss(log_probabilities, mask, [phones]).item() < 1e-3
    assert ctc_loss(log_probabilities, mask, [said_in(TEXTS["fr"], "fr")[: len(phones)]]).item() > 1
    # More phonemes than frames: no loss, and none that is infinite.
    assert ctc_loss(log_probabilities[:, :3], mask[:, :3], [phones]).item() == 0


def test_phonemes_are_spread_evenly_over_where_somebody_speaks() -> None:
    phones = said_in("pane", "it")
    symbols = spread(phones, (40, 120), 201)
    assert len(symbols) == 51
    said = symbols.nonzero().flatten()
    assert read_out(symbols.tolist()) == written(phones)
    assert [int((symbols == phone).sum()) for phone in phones] == [5, 5, 5, 5]
    # A tenth of a second after it began, when enough of the first one was heard.
    assert int(said[0]) == -(-50 // 4)
    assert not spread([], (40, 120), 201).any()


def test_a_flat_start_learns_where_phonemes_would_be(tmp_path: Path) -> None:
    course = replace(COURSE, strength=NONE, batch_frames=2000)
    even = {}
    for flat in (False, True):
        plan = replace(PLAN, course=course, stage="hear", flat_start=flat)
        run = training(tmp_path / str(flat), tmp_path / "features", plan)
        lesson, _ = run._lessons.at(Position(0, 0))
        even[flat] = [run.trainee.learn(lesson, 3e-3)["even"] for _ in range(12)][-1]
    assert even[True] < even[False] - 0.04


def test_soft_tokens_are_every_fourth_frame(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    model = new_nano(config, 1).eval()
    lessons = Lessons(feature_store(tmp_path), [], Desk(tokenizer, config), config, COURSE)
    lesson, _ = lessons.at(Position(0, 1))
    with torch.no_grad():
        frames, mask = encode_frames(model.audio_tower, lesson.mel, lesson.mask)
        tokens, tokens_mask = model.audio_tower(lesson.mel, lesson.mask)
    assert torch.equal(frames[:, ::4], tokens)
    assert tokens_mask is not None
    assert torch.equal(mask[:, ::4], tokens_mask)


def test_lessons_are_the_same_again_and_ask_for_what_was_said(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    desk = Desk(tokenizer, config)
    store = feature_store(tmp_path)
    course = replace(COURSE, strength=NONE, batch_frames=4000, sentences=6)
    lessons = Lessons(store, SENTENCES, desk, config, course)
    seen = set()
    position = Position(0, 0)
    for _ in range(30):
        lesson, position = lessons.at(position)
        for batch in (lesson.whole, lesson.nested):
            for labels in batch.labels:
                seen.add(desk.text(labels[labels != IGNORED].tolist()))
            assert int((batch.ids == config.audio_token_id).sum()) == len(batch.places)
    again, _ = Lessons(store, SENTENCES, desk, config, course).at(Position(0, 0))
    first, _ = lessons.at(Position(0, 0))
    assert torch.equal(again.mel, first.mel)
    assert torch.equal(again.whole.ids, first.whole.ids)
    assert set(TEXTS.values()) <= seen
    assert f"{TEXTS['es']}\nEnglish: Something in English." in seen
    # Sentences that nobody said are read, and translated; silence is answered with nothing.
    assert {"Hola.", "Hola.\nEnglish: Hello.", "Ciao a tutti.\nEnglish: Hi all.", ""} <= seen


def test_a_clip_cut_short_has_the_words_said_by_then(tmp_path: Path) -> None:
    store = feature_store(tmp_path)
    mel = store.mel(store.clips[9])
    text = "one two three four five six"
    lengths: dict[int, int] = {}
    for seed in range(60):
        part, said = beginning(mel, text, np.random.default_rng(seed))
        assert text.startswith(said)
        assert np.array_equal(part, mel[: len(part)])
        lengths[len(part)] = len(said)
    ordered = [lengths[length] for length in sorted(lengths)]
    assert ordered == sorted(ordered)
    assert len(set(ordered)) > 3


def test_an_exam_gives_a_rate_for_each_language_and_the_picture_shows_it(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    examine = examiner(feature_store(tmp_path / "features"), Desk(tokenizer, config), 1)
    training(tmp_path / "run", tmp_path / "features", examine=examine).run()
    exam = Metrics(tmp_path / "run" / "metrics.jsonl").read()[-1]
    rates = {f"wer_{language}" for language in TEXTS} | {"ctc_per", "half_wer"}
    scores = {f"bleu_{language}" for language in TEXTS if language != "en"}
    assert {"step"} | rates | scores == set(exam)
    assert (tmp_path / "run" / "progress.svg").read_text("utf-8").count("<polyline") == len(rates | scores)


def test_an_exam_scores_transcripts_and_translations_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "en": TEXTS["en"].upper(),
        "es": f"{TEXTS['es']}\nEnglish: Something in English.",
        "fr": "Ça va bien, merci.\nEnglish: Nothing else at all.",
        "it": "Perché no?\nEnglish: Something in English.",
        "pt": "",
    }
    monkeypatch.setattr("speech3n.training.exam.ask", lambda model, desk, store, clip, question: said[clip.language])
    tokenizer, config = small_nano()
    store = feature_store(tmp_path)
    results = answered(new_nano(config, 0), Desk(tokenizer, config), store, store.clips)
    assert [results[f"wer_{language}"] for language in TEXTS] == [0, 0, 20, 0, 100]
    assert results["bleu_es"] == results["bleu_it"] == 100
    assert results["bleu_fr"] < 20
    assert "bleu_en" not in results


def test_metrics_after_the_saved_step_are_forgotten(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    for step in range(5):
        metrics.write({"step": step, "ctc": 2.0})
    metrics.rewind(2)
    assert [entry["step"] for entry in metrics.read()] == [0, 1, 2]
    plot(metrics.read(), [["ctc", "absent"]], tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_text("utf-8").count("<polyline") == 1


def test_the_average_is_the_mean_and_a_checkpoint(tmp_path: Path) -> None:
    _, config = open_nano()
    one, other = new_nano(config, 1), new_nano(config, 2)
    for step, model in enumerate((one, other)):
        state.save_weights(tmp_path, model, step)
    name = "embed_audio.embedding_projection.weight"
    mean = average(sorted(tmp_path.glob("weights-*")))[name]
    expected = (one.state_dict()[name].bfloat16().float() + other.state_dict()[name].bfloat16().float()) / 2
    assert torch.equal(mean, expected)
    result = CliRunner().invoke(average_main, [str(tmp_path), "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out" / "config.json").read_text("utf-8"))["model_type"] == "gemma3n"
    open_nano(tmp_path / "out")
    with pytest.raises(ModelError, match="no weights"):
        average([])


def test_long_work_rests_while_a_file_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign, naps = tmp_path / "quiet", []
    sign.touch()

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            sign.unlink()

    monkeypatch.setattr("speech3n.training.rest.time.sleep", nap)
    rest_while(sign)
    assert len(naps) == 3
    sign.touch()
    rest_while(sign, lambda: True)
    rest_while(None)
    assert len(naps) == 3
