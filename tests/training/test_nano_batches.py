"""Nano's batches, from clips and sentences, phonemes at the pace of speech."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from speech3n.training.data.augment.truncate import truncate_clip
from speech3n.training.data.sampler import Position
from speech3n.training.data.sentences import Sentence
from speech3n.training.nano.batches import NanoBatches
from speech3n.training.nano.ctc import ctc_loss, spread
from speech3n.training.nano.examples import SpeechExample, join_examples
from speech3n.training.nano.guided_attention import spans
from speech3n.training.nano.phoneme_embedding import SimulatedCTC, simulate_ctc
from speech3n.training.nano.phonemes import SYMBOLS, Phonemes, collapse_ctc, phoneme_text, phonemize
from speech3n.training.step import IGNORED, NOWHERE
from speech3n.training.tasks import PromptEncoder
from tests.training.nano_doubles import DATA, NO_AUGMENTATION, SENTENCES, TEXTS, feature_store, small_nano


def test_text_is_paced_like_speech_that_ctc_reads() -> None:
    short = said_in("Perché no?", "it")
    for seed in range(20):
        simulated = simulate_ctc(short, 4, np.random.default_rng(seed))
        assert simulated.symbols.shape[1] == 4
        assert 5 <= int((simulated.symbols != 0).sum()) <= len(short) == 8
        assert simulated.places == sorted(simulated.places)
        assert len(simulated.places) == len(short)
    phonemes = said_in("Ciao a tutti quanti, belli e brutti.", "it")
    said = [simulate_ctc(phonemes, 4, np.random.default_rng(seed)) for seed in range(200)]
    seconds = sum(len(simulated.symbols) for simulated in said) * 0.16 / len(said)
    assert 2.5 < seconds < 5.5
    # As collapse_ctc has it, but that double letters may stand side by side.
    whole = [simulated for simulated in said if recognised_in(simulated) == phoneme_text(phonemes)]
    assert len(said) // 8 < len(whole) < len(said) // 2, "some can be understood well, and some cannot"
    for place, phone in zip(whole[0].places, phonemes, strict=True):
        assert phone in whole[0].symbols[place]
    assert not simulate_ctc((), 4, np.random.default_rng(0)).symbols.any()


def test_sentences_are_as_long_as_the_clips_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speech3n.training.nano.batches._NEIGHBOURS", 1)
    tokenizer, config = small_nano()
    prompts, length = PromptEncoder(tokenizer, config), len(next(iter(TEXTS.values())))
    sentences = [Sentence("ma " * count, None, "it", "it", "test") for count in (length // 3, 10 * length)]
    store = feature_store(tmp_path)
    beside, alone = ([], [])
    for number in range(8):
        for clips, lengths in ((store, beside), (None, alone)):
            batch, _ = NanoBatches(clips, sentences, prompts, config, DATA).at(Position(0, number))
            lengths.append(batch.symbols.shape[1])
    assert max(beside) < max(alone) / 3
    assert min(alone) < max(alone) / 3


def test_a_batch_is_translated_as_a_whole_or_not_at_all() -> None:
    tokenizer, config = small_nano()
    prompts = PromptEncoder(tokenizer, config)
    batches = NanoBatches(None, SENTENCES, prompts, config, replace(DATA, sentences=6, translated=0.5))
    found = set()
    for number in range(20):
        batch, _ = batches.at(Position(0, number))
        rows = [row for half in (batch.whole, batch.nested) for row in half.labels]
        found.add(tuple("English:" in prompts.text(row[row != IGNORED].tolist()) for row in rows))
    assert found == {(False,) * 6, (True,) * 6}


def test_sentences_one_after_another_are_one_text_with_its_places() -> None:
    first, second, third = (said(text, number) for number, text in enumerate(("¡Hola!", "Adiós.", "Buenas noches.")))
    whole = first.followed_by(second, 2).followed_by(third, 0)
    assert whole.text == "¡Hola! Adiós. Buenas noches."
    assert whole.translation == "English 0. English 1. English 2."
    assert whole.phonemes.ids == phonemize(whole.text, "es").ids
    assert whole.phonemes.before == phonemize(whole.text, "es").before
    assert len(whole.places) == len(whole.phonemes.ids)
    assert whole.places[: len(first.places)] == first.places
    assert whole.tokens == first.tokens + 2 + second.tokens + third.tokens
    space = said_in("a a", "es")[1]
    for phone, place in zip(whole.phonemes.ids, whole.places, strict=True):
        assert phone in (space, int(whole.signal[place, 1]))


def test_what_is_said_in_a_row_stays_short_and_is_translated_where_all_of_it_is() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        examples = [said("Hola. " * int(random.integers(1, 12)), number) for number in range(6)]
        rows = join_examples(examples, random)
        assert " ".join(row.text for row in rows).split() == " ".join(example.text for example in examples).split()
        assert all(row.tokens <= 75 or any(row is example for example in examples) for row in rows)
        assert len(rows) < len(examples)
    italian = said("Ciao.", 3, "it")
    assert join_examples([italian, said("Hola.", 4)], random)[1] is italian
    beginning_of_it = replace(said("Hola.", 1), translation=None)
    assert said("Adiós.", 0).followed_by(beginning_of_it, 2).translation is None
    silence = replace(said("", 0), translation="")
    assert (silence.followed_by(said("Adiós.", 7), 0).translation, silence.followed_by(said("Adiós.", 7), 0).text) == (
        "English 7.",
        "Adiós.",
    )


def said(text: str, number: int, language: str = "es") -> SpeechExample:
    """Read without a mistake, a phoneme for each soft token."""
    phonemes = phonemize(text, language)
    symbols = torch.tensor([[0, phone] for phone in phonemes.ids]).view(-1, 2)
    places = tuple(range(len(phonemes.ids)))
    return SpeechExample(language, text, f"English {number}.", phonemes, symbols, 1, 0, places, 0)


def said_in(text: str, language: str) -> tuple[int, ...]:
    return phonemize(text, language).ids


def recognised_in(simulated: SimulatedCTC) -> str:
    return collapse_ctc([each for symbol in simulated.symbols.flatten().tolist() for each in (symbol, 0)])


def test_pieces_are_read_where_they_are_said() -> None:
    ca_va = Phonemes((1, 2, 3, 4, 5), before=(0, 1, 2, 3, 4, 5, 5))
    offsets = [(0, 2), (2, 5), (5, 6), (6, 9)]
    places = [0, 1, 1, 2, 4]
    assert spans(ca_va, offsets, places) == [(0, 1), (1, 4), NOWHERE, NOWHERE]
    assert spans(ca_va, offsets, []) == [NOWHERE] * 4


def test_clear_frames_cost_nothing() -> None:
    phonemes = said_in(TEXTS["it"], "it")
    frames = [symbol for phone in phonemes for symbol in (phone, phone, 0)]
    assert collapse_ctc(frames) == "perke nɔ"
    log_probabilities = torch.full((1, len(frames) + 5, SYMBOLS), -40.0)
    for frame, symbol in enumerate([*frames, 0, 0, 0, 0, 0]):
        log_probabilities[0, frame, symbol] = 0.0
    mask = torch.ones(1, len(frames) + 5, dtype=torch.bool)
    assert ctc_loss(log_probabilities, mask, [phonemes]).item() < 1e-3
    assert ctc_loss(log_probabilities, mask, [said_in(TEXTS["fr"], "fr")[: len(phonemes)]]).item() > 1
    # More phonemes than frames: no loss, and none that is infinite.
    assert ctc_loss(log_probabilities[:, :3], mask[:, :3], [phonemes]).item() == 0


def test_phonemes_are_spread_evenly_over_where_somebody_speaks() -> None:
    phonemes = said_in("pane", "it")
    symbols = spread(phonemes, (40, 120), 201)
    assert len(symbols) == 51
    said = symbols.nonzero().flatten()
    assert collapse_ctc(symbols.tolist()) == phoneme_text(phonemes)
    assert [int((symbols == phone).sum()) for phone in phonemes] == [5, 5, 5, 5]
    # A tenth of a second after it began, when enough of the first one has been said.
    assert int(said[0]) == -(-50 // 4)
    assert not spread([], (40, 120), 201).any()


def test_batches_are_the_same_again_and_ask_for_what_was_said(tmp_path: Path) -> None:
    tokenizer, config = small_nano()
    prompts = PromptEncoder(tokenizer, config)
    store = feature_store(tmp_path)
    data = replace(DATA, augmentation=NO_AUGMENTATION, batch_frames=4000, sentences=6)
    batches = NanoBatches(store, SENTENCES, prompts, config, data)
    seen = set()
    position = Position(0, 0)
    for _ in range(30):
        batch, position = batches.at(position)
        for tasks in (batch.whole, batch.nested):
            for labels in tasks.labels:
                seen.add(prompts.text(labels[labels != IGNORED].tolist()))
            assert int((tasks.ids == config.audio_token_id).sum()) == len(tasks.places)
    again, _ = NanoBatches(store, SENTENCES, prompts, config, data).at(Position(0, 0))
    first, _ = batches.at(Position(0, 0))
    assert torch.equal(again.mel, first.mel)
    assert torch.equal(again.whole.ids, first.whole.ids)
    assert set(TEXTS.values()) <= seen
    assert f"{TEXTS['es']}\nEnglish: Something in English." in seen
    # Sentences that nobody said are read, and translated; silence is score_answers with nothing.
    assert {"Hola.", "Hola.\nEnglish: Hello.", "Ciao a tutti.\nEnglish: Hi all.", ""} <= seen


def test_a_clip_cut_short_has_the_words_said_by_then(tmp_path: Path) -> None:
    store = feature_store(tmp_path)
    mel = store.mel(store.clips[9])
    text = "one two three four five six"
    lengths: dict[int, int] = {}
    for seed in range(60):
        part, said = truncate_clip(mel, text, np.random.default_rng(seed))
        assert text.startswith(said)
        assert np.array_equal(part, mel[: len(part)])
        lengths[len(part)] = len(said)
    ordered = [lengths[length] for length in sorted(lengths)]
    assert ordered == sorted(ordered)
    assert len(set(ordered)) > 3
