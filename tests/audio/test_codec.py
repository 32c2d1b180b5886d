"""Sound through lossy codecs: as long as before, nearly in time, and the more worn the fewer bits it had."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from speech3n.audio.acoustics.codec import CODECS, Codec, through_codec
from speech3n.audio.encode import encode
from speech3n.types import SAMPLE_RATE, Waveform

LATEST_S = 0.1


@pytest.fixture(scope="module")
def speech(english: Waveform) -> Waveform:
    return english[: 4 * SAMPLE_RATE]


def delay_samples(sound: Waveform, late: Waveform) -> int:
    size = 1 << (2 * len(sound)).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(late, size) * np.fft.rfft(sound, size).conj())
    return int(np.argmax(likeness))


def noise_share(sound: Waveform, heard: Waveform) -> float:
    late = delay_samples(sound, heard)
    difference = heard[late:] - sound[: len(sound) - late]
    return float(np.square(difference).sum() / np.square(sound).sum())


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_speech_goes_through_a_codec(codec: Codec, speech: Waveform) -> None:
    fewest, most = codec.bits_per_second
    worn, fair = (through_codec(speech, codec, bits) for bits in (fewest, most))
    for heard in (worn, fair):
        assert heard.shape == speech.shape
        assert heard.dtype == np.float32
        assert delay_samples(speech, heard) < LATEST_S * SAMPLE_RATE
    assert 1e-4 < noise_share(speech, fair) < noise_share(speech, worn) < 0.8


def test_very_short_and_very_loud_sound_goes_through(speech: Waveform) -> None:
    for codec in CODECS:
        bits = codec.bits_per_second[0]
        assert through_codec(speech[:100], codec, bits).shape == (100,)
        assert np.abs(through_codec(100 * speech, codec, bits)).max() < 4


def test_a_file_is_as_long_as_what_went_in(speech: Waveform) -> None:
    with av.open(io.BytesIO(encode(speech, "libopus", "ogg", 24_000))) as file:
        samples = sum(frame.samples * SAMPLE_RATE / frame.sample_rate for frame in file.decode(audio=0))
    assert abs(samples - len(speech)) < 0.03 * SAMPLE_RATE


def test_a_codec_that_is_not_there_is_refused(speech: Waveform) -> None:
    with pytest.raises(ValueError, match="no_such_codec"):
        encode(speech, "no_such_codec", "ogg", 24_000)
