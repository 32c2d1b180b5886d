"""Evaluation of nano in training: rates for each language, transcripts and translations apart, and their picture."""

from pathlib import Path

import pytest

from speech3n.training.evaluation import score_answers
from speech3n.training.nano.batches import NanoBatches
from speech3n.training.nano.evaluation import evaluator
from speech3n.training.nano.model import new_nano
from speech3n.training.nano.run import NanoRun
from speech3n.training.nano.trainer import NanoPlan, NanoTrainer
from speech3n.training.tasks import PromptEncoder
from speech3n.training.training_log import TrainingLog
from tests.training.nano_doubles import DATA, SENTENCES, SMALL_HALF, TEXTS, feature_store, small_nano

PLAN = NanoPlan(steps=6, rate=3e-3, warm_up=1, save_every=3, evaluate_every=6, evaluation_clips=1, data=DATA)


def test_an_evaluation_gives_a_rate_for_each_language_and_the_picture_shows_it(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    prompts, store = PromptEncoder(tokenizer, config), feature_store(tmp_path / "features")
    evaluate = evaluator(store, prompts, 1)
    trainer = NanoTrainer(new_nano(config, 0), PLAN, nested=SMALL_HALF)
    batches = NanoBatches(
        feature_store(tmp_path / "features"), SENTENCES, PromptEncoder(tokenizer, config), config, DATA
    )
    NanoRun(trainer, batches, PLAN, tmp_path / "run", "", evaluate=evaluate).run()
    evaluation = TrainingLog(tmp_path / "run" / "metrics.jsonl").read()[-1]
    rates = {f"wer_{language}" for language in TEXTS} | {"ctc_per", "half_wer"}
    scores = {f"bleu_{language}" for language in TEXTS if language != "en"}
    assert {"step"} | rates | scores == set(evaluation)
    assert (tmp_path / "run" / "progress.svg").read_text("utf-8").count("<polyline") == len(rates | scores)


def test_transcripts_and_translations_are_scored_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "en": TEXTS["en"].upper(),
        "es": f"{TEXTS['es']}\nEnglish: Something in English.",
        "fr": "Ça va bien, merci.\nEnglish: Nothing else at all.",
        "it": "Perché no?\nEnglish: Something in English.",
        "pt": "",
    }
    monkeypatch.setattr(
        "speech3n.training.evaluation.ask", lambda model, prompts, store, clip, task: said[clip.language]
    )
    tokenizer, config = small_nano()
    store = feature_store(tmp_path)
    results = score_answers(new_nano(config, 0), PromptEncoder(tokenizer, config), store, store.clips)
    assert [results[f"wer_{language}"] for language in TEXTS] == [0, 0, 20, 0, 100]
    assert results["bleu_es"] == results["bleu_it"] == 100
    assert results["bleu_fr"] < 20
    assert "bleu_en" not in results
