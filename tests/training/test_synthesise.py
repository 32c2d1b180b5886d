"""Making speech: what is spoken, by whom, into which shards, and going on after a stop; with a stub for the voice."""

from collections import Counter
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest
from click.testing import CliRunner

from speech3n.errors import StorageError, UsageError
from speech3n.training.data.sentences import Sentence, can_be_spoken, draw_sentences, read_sentences, reserved_texts
from speech3n.training.data.shards import cut_clips, read_shard, speech_s
from speech3n.training.nano.synthesis.espeak import espeak, respell
from speech3n.training.nano.synthesis.silence import trim_silence
from speech3n.training.nano.synthesis.synthesisers import PHONEME_IDS, EspeakVoices, read_voices
from speech3n.training.nano.synthesis.voices import (
    ESPEAK,
    HELD_OUT,
    KOKORO,
    LANGUAGES,
    PICO,
    SpeakingStyle,
    Voice,
    VoiceSampler,
)
from speech3n.training.nano.synthesise import Plan, SpeechSynthesis, main
from speech3n.types import Waveform

VOICES = ["af_one", "bm_two", "ef_three", "ff_siwis", "if_four", "pm_five", "jf_six", *HELD_OUT]
SENTENCES = {
    language: [Sentence(f"{language} sentence number {word}", "Meaning", language, language, "test") for word in words]
    for language, words in {"fr": ["un", "deux", "trois"] * 20, "pt": ["um", "dois"] * 30}.items()
}


class Stub:
    """Hums for as long as a text takes, and remembers who was asked for."""

    def __init__(self) -> None:
        self.asked: list[SpeakingStyle] = []

    def speak(self, text: str, style: SpeakingStyle) -> Waveform:
        self.asked.append(style)
        time = np.arange(round(len(text) * 0.08 * 16_000 / style.speed)) / 16_000
        hum = np.sin(2 * np.pi * 220 * time).astype(np.float32)
        return np.pad(hum, 4_000)


def synthesis(output: Path, hours: float, stub: Stub, seed: int = 7) -> SpeechSynthesis:
    plan = Plan(("fr", "pt"), hours, output, seed, shard_s=20)
    return SpeechSynthesis(plan, SENTENCES, VoiceSampler(VOICES), {KOKORO: stub, PICO: stub})


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(folder.rglob("*.jsonl"))}


def test_shards_hold_what_their_lines_say(tmp_path: Path) -> None:
    stub = Stub()
    synthesis(tmp_path, 0.01, stub).work()
    shards = sorted(tmp_path.rglob("*.jsonl"))
    assert [path.name for path in shards][:1] == ["fr_s7_0000.jsonl"]
    assert 36 <= speech_s(tmp_path) < 56
    for shard in shards:
        lines = read_shard(shard)
        assert lines[-1].end_s <= 20
        for line, waveform in cut_clips(shard):
            # Margins are silent, and the hum begins and ends with them.
            loud = np.flatnonzero(np.abs(waveform) > 0.2)
            assert 0.09 <= loud[0] / 16_000 <= 0.42
            assert 0.09 <= (len(waveform) - loud[-1]) / 16_000 <= 0.42
            assert line.language == shard.parent.name
            assert line.translation_en == "Meaning"


def test_a_stop_keeps_what_was_spoken_and_the_rest_comes_out_the_same(tmp_path: Path) -> None:
    synthesis(tmp_path / "whole", 0.015, Stub()).work()
    stub = Stub()
    part = synthesis(tmp_path / "parts", 0.015, stub)
    speak = stub.speak

    def speak_and_stop(text: str, style: SpeakingStyle) -> Waveform:
        if len(stub.asked) == 9:
            part.stop()
        return speak(text, style)

    stub.speak = speak_and_stop  # type: ignore[method-assign]
    part.work()
    kept = contents(tmp_path / "parts")
    assert 0 < sum(text.count("\n") for text in kept.values()) <= 10
    synthesis(tmp_path / "parts", 0.015, Stub()).work()
    whole, parts = contents(tmp_path / "whole"), contents(tmp_path / "parts")
    for name, text in kept.items():
        assert parts[name] == text
        assert whole[name].startswith(text)
    same = [name for name in whole if parts.get(name) == whole[name]]
    assert len(same) >= len(whole) - 1


def test_validation_voices_never_speak_and_french_keeps_its_own() -> None:
    voices = VoiceSampler(VOICES)
    random = np.random.default_rng(0)
    synthesisers: Counter[str] = Counter()
    european = 0
    for language, variant in [("fr", "fr"), ("pt", "pt-PT"), ("en", "en"), ("es", "es-419"), ("it", "it")] * 200:
        style = voices.draw(language, variant, random)
        names = dict(style.voice.parts)
        assert not HELD_OUT & names.keys()
        assert sum(names.values()) == pytest.approx(1, abs=1e-3)
        assert 0.85 <= style.speed <= 1.2
        synthesisers[style.voice.synthesiser] += 1
        if language == "fr" and style.voice.synthesiser == KOKORO:
            assert names["ff_siwis"] >= 0.39
        if str(style.voice) == "bm_two" and language == "en":
            assert style.accent == "en-GB"
        if style.accent == "pt-PT":
            european += 1
            assert names["pm_five"] >= 0.5
    assert 40 < synthesisers[PICO] < 200
    assert european > 20


def test_pico_speaks_as_often_as_is_asked_for_where_it_knows_the_language() -> None:
    random = np.random.default_rng(0)
    for share, least, most in [(0.0, 0, 0), (0.5, 30, 70), (1.0, 100, 100)]:
        voices = VoiceSampler(VOICES, pico_share=share)
        drawn = [voices.draw("it", "it", random).voice.synthesiser for _ in range(100)]
        assert least <= drawn.count(PICO) <= most
        assert voices.draw("pt", "pt-BR", random).voice.synthesiser == KOKORO


def test_espeak_speaks_as_often_as_is_asked_for_in_every_language() -> None:
    random = np.random.default_rng(0)
    for share, least, most in [(0.0, 0, 0), (0.5, 30, 70), (1.0, 100, 100)]:
        voices = VoiceSampler(VOICES, espeak_share=share)
        drawn = [voices.draw(LANGUAGES[number % 5], "", random).voice for number in range(100)]
        assert least <= sum(voice.synthesiser == ESPEAK for voice in drawn) <= most
    assert len({voice.parts for voice in drawn}) > 30
    assert all(str(voice).startswith(f"espeak_{voice.parts[0][0]}@") for voice in drawn)


def test_what_is_reserved_or_cannot_be_spoken_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "es-en.tsv").write_text(
        "Hola, Juan.\tHi, Juan.\tes\tx\nAdiós.\tBye.\tes\tx\nBuenos días.\tGood morning.\tes\tx\n", "utf-8"
    )
    (tmp_path / "mono.es.txt").write_text("¿Qué tal?\tes\tfortunes\nTengo 3 gatos.\tes\tfortunes\n", "utf-8")
    reserved = tmp_path / "valid.es-en.tsv"
    reserved.write_text("hola juan\tanything\tes\tx\n", "utf-8")
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text('{"text": "otro", "translation_en": "BYE"}\n', "utf-8")
    found = read_sentences(tmp_path, "es", reserved_texts([reserved, manifest]))
    assert [sentence.text for sentence in found] == ["Buenos días.", "¿Qué tal?"]
    assert [sentence.source for sentence in found] == ["x", "mono"]
    with pytest.raises(UsageError, match="'it'"):
        (tmp_path / "it-en.tsv").write_text("", "utf-8")
        read_sentences(tmp_path, "it")


@pytest.mark.parametrize("line", ["[1]", "{", '{"text": 3}', '{"text": "\\ud800"}'])
def test_a_manifest_that_is_none_reserves_nothing_and_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(line)
    with pytest.raises(StorageError, match="is no manifest"):
        reserved_texts([path])


def test_a_list_with_too_few_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "es-en.tsv").write_text("Hola\tHi\n", "utf-8")
    with pytest.raises(StorageError, match="2 columns instead of 4"):
        read_sentences(tmp_path, "es")


@pytest.mark.parametrize("text", ["C'est « bien », non ?", "¿Cómo estás? ¡Bien!", "L'été – là-bas".replace("–", "—")])
def test_prose_can_be_spoken(text: str) -> None:
    assert can_be_spoken(text)


@pytest.mark.parametrize(
    "text",
    ["50 m", "a/b", "Mr. Smith left.", "the NATO", "<b>", "x" * 200, "", "J. Doe", "%s", "Le FileNumber est là."],
)
def test_symbols_cannot(text: str) -> None:
    assert not can_be_spoken(text)


def test_no_sentence_comes_twice_in_a_round() -> None:
    sentences = SENTENCES["fr"]
    numbered = [Sentence(str(number), None, "fr", "fr", "x") for number in range(len(sentences))]
    hands = [draw_sentences(numbered, 5, hand, 20) for hand in range(6)]
    first, second = (sorted(each.text for hand in part for each in hand) for part in (hands[:3], hands[3:]))
    assert len(set(first)) == 60
    assert first == second
    assert hands[0] == draw_sentences(numbered, 5, 0, 20) != hands[3]


def test_margins_are_silence_around_what_is_loud() -> None:
    sound = np.zeros(16_000, np.float32)
    sound[6_400:9_600] = 2.0
    cut = trim_silence(sound, 0.1, 0.3)
    assert len(cut) == 3_200 + 1_600 + 4_800
    assert np.flatnonzero(cut)[[0, -1]].tolist() == [1_600, 4_799]
    assert np.abs(cut).max() <= 1
    assert not len(trim_silence(np.zeros(1_000, np.float32), 0.1, 0.1))


def test_phonemes_are_spelt_as_kokoro_learned_them() -> None:
    assert respell("həlˈo^ʊ t^ʃˈɔ^ɪs", "en-US") == "həlˈO ʧˈYs"
    assert respell("bˈʌʔn\u0329", "en-US") == "bˈʌtᵊn"
    assert respell("ɡˈə^ʊ ðe^ə", "en-GB") == "ɡˈQ ðɛː"
    assert respell("lə- nɔ\u0303", "fr") == "lə nɔ\u0303"
    assert len(PHONEME_IDS) == 114
    assert [PHONEME_IDS[symbol] for symbol in ";$ˈᵻ ɹ".replace("$", "")] == [1, 156, 177, 16, 123]


def test_espeak_reads_five_languages() -> None:
    library = espeak()
    spoken = {
        "en-US": ("Hello, judge!", "həlˈO, ʤˈʌʤ!"),
        "es": ("¿Cómo estás?", "kˈomo estˈas?"),
        "fr": ("« Le weekend »", "“ lə wiːkˈɛnd ”"),
        "it": ("Ragazzo.", "raɡˈaʦːo."),
        "pt-PT": ("boa", "bˈoɐ"),
    }
    for accent, (text, phonemes) in spoken.items():
        assert library.phonemes(text, accent) == phonemes
        assert set(phonemes) <= PHONEME_IDS.keys()


def test_espeak_speaks_with_its_own_voices() -> None:
    def said(variant: str, text: str = "Ragazzo, dove sei?", speed: float = 1.0, pitch: float = 1.0) -> Waveform:
        return EspeakVoices().speak(text, SpeakingStyle(Voice(ESPEAK, ((variant, 1.0),), pitch), "it", speed))

    random = np.random.default_rng(0)
    voices = VoiceSampler(VOICES, espeak_share=1.0)
    variants = {voices.draw("it", "it", random).voice.parts[0][0] for _ in range(300)}
    known = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    assert variants <= {path.name for path in known.iterdir()}, "espeak-ng says nothing of those it does not know"
    assert all(len(said(variant, "Sì.")) > 1600 for variant in variants)
    usual = said("m3")
    assert usual.dtype == np.float32
    assert 0.05 < np.abs(usual).max() <= 1
    assert abs(len(usual) - len(said("m3"))) < 400
    assert len(said("m3", speed=1.5)) < 0.8 * len(usual)
    assert loudest_hertz(said("m3", pitch=1.6)) > 1.1 * loudest_hertz(usual)
    # What Kokoro reads does not hang on who spoke last.
    assert espeak().phonemes("Ragazzo.", "it") == "raɡˈaʦːo."


def loudest_hertz(waveform: Waveform) -> float:
    """Where below 300 Hz, the pitches of men, there is most sound."""
    spectrum = np.abs(np.fft.rfft(waveform))
    hertz = np.fft.rfftfreq(len(waveform), 1 / 16_000)
    return float(hertz[hertz < 300][spectrum[hertz < 300].argmax()])


def test_voices_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "af_x.bin").write_bytes(b"short")
    with pytest.raises(StorageError, match="no voices"):
        read_voices(tmp_path)
    result = CliRunner().invoke(
        main, ["--sentences", str(tmp_path), "--voices", str(tmp_path), "--output", str(tmp_path), "--languages", "xx"]
    )
    assert result.exit_code == 1
    assert "Choose from en, es, fr, it, pt" in result.output
