from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from speech3n.audio.acoustics.filters import band_pass, convolve
from speech3n.audio.acoustics.reverberation import room_response
from speech3n.audio.acoustics.telephone import mu_law, telephone_line
from speech3n.errors import UsageError
from speech3n.eval.conditions.condition import (
    CONDITION_FORMS,
    SWEEP,
    Altered,
    Condition,
    Noise,
    NoiseKind,
    parse_condition,
)
from speech3n.eval.conditions.speech_level import active_speech_level_db
from speech3n.eval.sets.audio_files import write_wav
from speech3n.eval.sets.clip import Clip
from speech3n.types import SAMPLE_RATE, Waveform
from tests.conftest import read_waveform

KINDS: tuple[NoiseKind, ...] = ("white", "pink", "babble")
NUMBERS = st.floats(0.5, 9.5, allow_nan=False)
WAVEFORMS = arrays(np.float32, st.integers(0, 6000), elements=st.floats(-1.0, 1.0, width=32))


@pytest.fixture
def others(examples: dict[str, Path]) -> list[Clip]:
    return [Clip(path, language, "", 1.0) for language, path in examples.items() if language != "en"]


def tone(hertz: float, seconds: float = 2.0, amplitude: float = 0.25) -> Waveform:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def rms_db(samples: np.ndarray) -> float:
    return 10 * float(np.log10(np.square(samples, dtype=np.float64).mean()))


def added(altered: Altered, clean: Waveform) -> np.ndarray:
    """What a mix has beside the clean sound, at the clean sound's own level."""
    return altered.pcm / np.float64(10 ** (altered.gain_db / 20)) - clean


def power_db(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    spectrum = np.square(np.abs(np.fft.rfft(samples)))
    frequency = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return 10 * float(np.log10(spectrum[(frequency >= low_hz) & (frequency < high_hz)].sum()))


def best_lag(altered: np.ndarray, clean: np.ndarray) -> int:
    size = len(altered) + len(clean)
    correlation = np.fft.irfft(np.fft.rfft(altered, size) * np.conj(np.fft.rfft(clean, size)), size)
    lag = int(correlation.argmax())
    return lag if lag < len(altered) else lag - size


def level_by_the_letter(pcm: Waveform) -> float:
    """ITU-T P.56, method B, sample by sample and with its own thresholds, as the recommendation writes it."""
    decay, hangover = np.exp(-1 / (0.03 * SAMPLE_RATE)), int(0.2 * SAMPLE_RATE)
    thresholds = [2.0**-power for power in range(15, 0, -1)]
    active, hang = [0] * 15, [hangover] * 15
    smooth = envelope = squares = 0.0
    for sample in pcm.tolist():
        squares += sample * sample
        smooth = decay * smooth + (1 - decay) * abs(sample)
        envelope = decay * envelope + (1 - decay) * smooth
        for index, threshold in enumerate(thresholds):
            if envelope >= threshold:
                active[index] += 1
                hang[index] = 0
            elif hang[index] < hangover:
                active[index] += 1
                hang[index] += 1
            else:
                break
    levels = [10 * np.log10(squares / count) for count in active if count]
    margins = [level - 20 * np.log10(threshold) for level, threshold in zip(levels, thresholds, strict=False)]
    return float(np.interp(15.9, margins[::-1], levels[::-1]))


def test_the_speech_level_is_that_of_the_recommendation(english: Waveform, spanish: Waveform) -> None:
    for pcm in (english, spanish):
        assert active_speech_level_db(pcm) == pytest.approx(level_by_the_letter(pcm), abs=0.2)


def test_pauses_do_not_lower_the_speech_level(english: Waveform) -> None:
    with_pause = np.pad(english, (5 * SAMPLE_RATE, 20 * SAMPLE_RATE))
    # The clip breaks off in a word, after which 200 ms of the pause count: a tenth of a decibel.
    assert active_speech_level_db(with_pause) == pytest.approx(active_speech_level_db(english), abs=0.2)
    assert rms_db(with_pause) < rms_db(english) - 5
    for hertz in np.arange(100.0, 7900.0, 300.0):
        assert active_speech_level_db(tone(hertz, 1.0)) == pytest.approx(rms_db(tone(hertz)), abs=0.15), hertz
    assert active_speech_level_db(np.zeros(100, np.float32)) is None
    assert active_speech_level_db(np.zeros(0, np.float32)) is None


@given(pcm=WAVEFORMS.filter(lambda pcm: bool(np.abs(pcm).max(initial=0.0) > 1e-6)))
@settings(max_examples=50)
def test_the_speech_level_of_anything_is_not_below_its_mean(pcm: Waveform) -> None:
    level = active_speech_level_db(pcm)
    assert level is not None
    # Above its peak it may be: the onset, before the smoothed signal has risen, counts as energy but not as time.
    assert np.isfinite(level)
    assert rms_db(pcm) - 1e-6 <= level


@given(gain_db=st.floats(-60.0, 0.0))
@settings(max_examples=20)
def test_the_speech_level_moves_with_the_gain(gain_db: float) -> None:
    pcm = tone(300.0, 0.5) * np.repeat([0.1, 1.0], 4000).astype(np.float32)
    level, moved = active_speech_level_db(pcm), active_speech_level_db(pcm * np.float32(10 ** (gain_db / 20)))
    assert level is not None
    assert moved == pytest.approx(level + gain_db, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("snr_db", [20.0, 10.0, 5.0, 0.0, -5.0])
def test_noise_has_the_ratio_that_was_asked_for(
    kind: NoiseKind, snr_db: float, english: Waveform, others: list[Clip]
) -> None:
    altered = Noise(kind, snr_db).apply(english, others)
    level = active_speech_level_db(english)
    assert level is not None
    assert level - rms_db(added(altered, english)) == pytest.approx(snr_db, abs=0.1)
    assert len(altered.pcm) == len(english)
    assert np.abs(altered.pcm).max() < 1.0


def test_the_noise_of_a_clip_is_the_same_at_every_ratio(english: Waveform, others: list[Clip]) -> None:
    for kind in KINDS:
        soft, loud = (added(Noise(kind, snr_db).apply(english, others), english) for snr_db in (20.0, 0.0))
        np.testing.assert_allclose(soft * 10, loud, atol=1e-4)


def test_the_noise_of_two_clips_differs(english: Waveform) -> None:
    first, second = english[:SAMPLE_RATE], english[SAMPLE_RATE : 2 * SAMPLE_RATE]
    noises = [added(Noise("white", 0.0).apply(pcm), pcm) for pcm in (first, second)]
    assert abs(np.corrcoef(*noises)[0, 1]) < 0.05


def test_white_noise_is_flat_and_pink_noise_falls_by_three_decibels_an_octave(english: Waveform) -> None:
    octaves = (100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0)
    for kind, rise in (("white", 3.0), ("pink", 0.0)):
        noise = added(parse_condition(f"noise:{kind}:0").apply(english), english)
        powers = [power_db(noise, low, 2 * low) for low in octaves]
        assert np.diff(powers) == pytest.approx([rise] * 5, abs=0.6)
    assert power_db(noise, 0.0, 45.0) < powers[0] - 30


def test_babble_is_made_of_the_other_clips(english: Waveform, others: list[Clip]) -> None:
    noise = added(Noise("babble", 0.0).apply(english, others), english)
    # Speech has most of its power below 1 kHz, white noise an eighth of it.
    assert power_db(noise, 0.0, 1000.0) > power_db(noise, 1000.0, 8000.0) + 3
    elsewhere = added(Noise("babble", 0.0).apply(english, others[:1]), english)
    assert abs(np.corrcoef(noise, elsewhere)[0, 1]) < 0.9


def test_all_voices_of_babble_are_equally_loud(english: Waveform, tmp_path: Path) -> None:
    voices = []
    for voice in range(8):
        voices.append(Clip(tmp_path / f"{voice}.wav", "en", "", 2.0))
        write_wav(voices[-1].audio, tone(500.0 + 800 * voice, amplitude=0.5 / (voice + 1)))
    noise = added(Noise("babble", 0.0).apply(english, voices), english)
    powers = [power_db(noise, 400.0 + 800 * voice, 600.0 + 800 * voice) for voice in range(8)]
    assert max(powers) - min(powers) < 1.0


def test_babble_needs_other_clips(english: Waveform) -> None:
    with pytest.raises(UsageError, match=r"noise:babble:5 is made of other clips.*two or more"):
        Noise("babble", 5.0).apply(english)


@pytest.mark.parametrize("rt60_s", [0.2, 0.3, 0.6, 1.0, 2.0])
def test_the_room_dies_away_in_its_time(rt60_s: float) -> None:
    response = room_response(rt60_s)
    # Schroeder's backward integration, a line from -5 to -35 dB: T30 of ISO 3382.
    remaining_db = 10 * np.log10(np.cumsum(np.square(response)[::-1])[::-1] / np.square(response).sum())
    fitted = np.flatnonzero((remaining_db <= -5) & (remaining_db >= -35))
    slope = np.polyfit(fitted / SAMPLE_RATE, remaining_db[fitted], 1)[0]
    assert -60 / slope == pytest.approx(rt60_s, rel=0.06)
    assert response[0] == pytest.approx(1.0)
    assert np.square(response[1:]).sum() == pytest.approx(1.0)
    assert not response[1:40].any()


def test_reverberation_rings_on_where_it_was_quiet(english: Waveform) -> None:
    clip = np.pad(english[: 2 * SAMPLE_RATE], (0, SAMPLE_RATE))
    altered = parse_condition("reverb:1").apply(clip)
    early, late = (altered.pcm[2 * SAMPLE_RATE + at :][: SAMPLE_RATE // 10] for at in (0, SAMPLE_RATE // 2))
    assert rms_db(early) - rms_db(late) == pytest.approx(30.0, abs=4.0)


def test_the_telephone_keeps_what_lies_in_its_band_and_nothing_else() -> None:
    for hertz in (60.0, 150.0, 3800.0, 5000.0, 7000.0):
        assert rms_db(telephone_line(tone(hertz))) < rms_db(tone(hertz)) - 40, hertz
    for hertz in (400.0, 1000.0, 3200.0):
        assert rms_db(telephone_line(tone(hertz))) == pytest.approx(rms_db(tone(hertz)), abs=0.2), hertz


def test_speech_on_the_telephone_has_nothing_above_4_khz(english: Waveform) -> None:
    transmitted = telephone_line(english)
    assert power_db(transmitted, 4200.0, 8000.0) < power_db(transmitted, 300.0, 3400.0) - 80
    assert power_db(transmitted, 0.0, 200.0) < power_db(english, 0.0, 200.0) - 15


def test_the_band_ends_at_half_the_amplitude() -> None:
    for hertz, expected_db in ((300.0, -6.0), (3400.0, -6.0), (1000.0, 0.0)):
        samples = np.sin(2 * np.pi * hertz * np.arange(8000) / 8000)
        passed = band_pass(samples, 8000, 300.0, 3400.0, 401)[1000:-1000]
        assert rms_db(passed) - rms_db(samples) == pytest.approx(expected_db, abs=0.1)


def test_mu_law_gives_the_values_of_ffmpegs_decoder() -> None:
    import av

    decoder = av.CodecContext.create("pcm_mulaw", "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"
    (frame,) = decoder.decode(av.Packet(bytes(range(256))))
    table = frame.to_ndarray().ravel().astype(np.int64)
    ramp = np.arange(-32768, 32768)
    coded = mu_law(ramp / 32768) * 32768
    assert set(coded.astype(np.int64)) == set(table)
    np.testing.assert_array_equal(mu_law(table / 32768) * 32768, table)
    inside = np.abs(ramp) <= 32635
    assert (np.abs(coded - ramp) <= (np.abs(ramp) + 132) / 32)[inside].all()


def test_mu_law_decides_where_the_standard_does() -> None:
    """The first decision value of each segment in table 2a of G.711, and the values on both sides of it."""
    decisions = ((1, 0, 2), (31, 30, 33), (95, 93, 99), (223, 219, 231), (479, 471, 495), (991, 975, 1023))
    for decision, below, above in (*decisions, (2015, 1983, 2079), (4063, 3999, 4191), (7903, 7775, 8031)):
        around = np.array([decision - 0.01, decision, -decision])
        np.testing.assert_array_equal(mu_law(around / 8192) * 8192, [below, above, -above])


def test_mu_law_has_the_noise_that_it_is_known_for(english: Waveform) -> None:
    for level in (0.05, 0.2, 0.8):
        clean = tone(1004.0, amplitude=level)
        assert 36 < rms_db(clean) - rms_db(mu_law(clean) - clean) < 41


def test_the_telephone_is_coded_in_mu_law() -> None:
    transmitted = telephone_line(tone(1004.0))
    assert 30 < power_db(transmitted, 1000.0, 1008.0) - power_db(transmitted, 1100.0, 3400.0) < 60


def test_gain_says_how_much_it_cut_off() -> None:
    clean = tone(440.0, amplitude=0.5)
    soft, loud = (parse_condition(name).apply(clean) for name in ("gain:-20", "gain:+20"))
    assert (rms_db(soft.pcm) - rms_db(clean), soft.clipped) == (pytest.approx(-20.0, abs=1e-3), 0.0)
    # |sin| is over a fifth, past which ten times a half is over one, for all but 12.8 % of the time.
    assert loud.clipped == pytest.approx(1 - 2 / np.pi * np.arcsin(0.2), abs=5e-3)
    assert (loud.gain_db, loud.pcm.min(), loud.pcm.max()) == (20.0, -1.0, np.float32(1 - 2**-15))


@given(pcm=WAVEFORMS, gain_db=st.floats(0.0, 60.0))
@settings(max_examples=50)
def test_what_was_made_softer_can_be_made_louder_again(pcm: Waveform, gain_db: float) -> None:
    soft = parse_condition(f"gain:{-gain_db}").apply(pcm)
    again = parse_condition(f"gain:{gain_db}").apply(soft.pcm)
    np.testing.assert_allclose(again.pcm, np.clip(pcm, -1, 1 - 2**-15), rtol=1e-5, atol=1e-6)


def test_silence_moves_the_times_that_come_after_it(english: Waveform) -> None:
    leading, trailing = (parse_condition(f"{where}-silence:1.5").apply(english) for where in ("leading", "trailing"))
    assert (leading.shift_s, trailing.shift_s) == (1.5, 0.0)
    for altered in (leading, trailing):
        at = round(altered.shift_s * SAMPLE_RATE)
        np.testing.assert_array_equal(altered.pcm[at : at + len(english)], english)
        assert len(altered.pcm) == len(english) + 1.5 * SAMPLE_RATE
        assert np.abs(altered.pcm).sum() == np.abs(english).sum()


@pytest.mark.parametrize("condition", SWEEP, ids=lambda condition: condition.name)
def test_every_condition_repeats_exactly_and_keeps_the_times(
    condition: Condition, english: Waveform, others: list[Clip]
) -> None:
    before = english.copy()
    altered, again = condition.apply(english, others), condition.apply(english, others)
    np.testing.assert_array_equal(altered.pcm, again.pcm)
    np.testing.assert_array_equal(english, before)
    assert altered.pcm.dtype == np.float32
    assert np.abs(altered.pcm).max() <= 1.0
    assert best_lag(altered.pcm, english) == round(altered.shift_s * SAMPLE_RATE)
    if "silence" not in condition.name:
        assert len(altered.pcm) == len(english)


@pytest.mark.parametrize("condition", SWEEP, ids=lambda condition: condition.name)
@pytest.mark.parametrize("samples", [0, 1, 2, 16_001])
def test_silence_stays_silence(condition: Condition, samples: int, others: list[Clip]) -> None:
    altered = condition.apply(np.zeros(samples, np.float32), others)
    assert len(altered.pcm) >= samples
    assert not altered.pcm.any()
    assert np.isfinite(altered.pcm).all()


@pytest.mark.parametrize("name", [condition.name for condition in SWEEP if "babble" not in condition.name])
@given(pcm=WAVEFORMS)
@settings(max_examples=15)
def test_any_sound_stays_finite_within_full_scale_and_as_long(name: str, pcm: Waveform) -> None:
    altered = parse_condition(name).apply(pcm)
    assert np.isfinite(altered.pcm).all()
    assert np.abs(altered.pcm).max(initial=0.0) <= 1.0
    assert len(altered.pcm) == len(pcm) + (5 * SAMPLE_RATE if "silence" in name else 0)


@given(samples=st.integers(0, 300_000), taps=st.integers(1, 40_000), seed=st.integers(0, 99))
@settings(max_examples=10)
def test_convolving_in_blocks_is_convolving(samples: int, taps: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    signal, response = random.standard_normal(samples), random.standard_normal(taps)
    size = samples + taps
    whole = np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(response, size), size)[:samples]
    np.testing.assert_allclose(convolve(signal, response), whole, atol=1e-8)


@given(form=st.sampled_from(CONDITION_FORMS), number=NUMBERS)
def test_a_condition_is_parsed_from_its_own_name(form: str, number: float) -> None:
    condition = parse_condition(form.replace("DB", repr(number)).replace("SECONDS", repr(number)))
    assert parse_condition(condition.name) == condition


def test_names_are_short_and_those_of_the_sweep_differ() -> None:
    assert parse_condition("noise:white:10.0").name == "noise:white:10"
    assert parse_condition("gain:20").name == "gain:+20"
    assert parse_condition("gain:-0").name == "gain:+0"
    names = [condition.name for condition in SWEEP]
    assert len(set(names)) == len(names)
    assert [parse_condition(name) for name in names] == list(SWEEP)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nois:white:10",
            'no condition "nois:white:10". Did you mean "noise:white:10"? Choose clean, telephone, noise:',
        ),
        ("telefone", 'Did you mean "telephone"?'),
        ("", "or trailing-silence:SECONDS."),
        ("noise:white", "Choose clean,"),
        ("noise:white:loud", '"loud" in the condition "noise:white:loud" does not fit noise:white:DB. Give a number'),
        ("noise:white:nan", "from -30 to 80."),
        ("reverb:0", "from 0.05 to 10."),
        ("gain:inf", "from -80 to 80."),
    ],
)
def test_a_wrong_name_is_told_from_the_right_ones(name: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_condition(name)
    assert message in str(raised.value)


def test_the_conditions_of_two_copies_are_the_same(tmp_path: Path, examples: dict[str, Path]) -> None:
    """Where a set lies on disk, and which clips stand around it, does not matter to the noise."""
    copy = tmp_path / "other-name.flac"
    copy.write_bytes(examples["es"].read_bytes())
    first, second = (Noise("pink", 5.0).apply(read_waveform(path)).pcm for path in (examples["es"], copy))
    np.testing.assert_array_equal(first, second)
