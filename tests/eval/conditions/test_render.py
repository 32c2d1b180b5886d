from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speech3n.errors import AudioError, UsageError
from speech3n.eval.conditions.condition import parse_condition
from speech3n.eval.conditions.render import render_clip
from speech3n.eval.sets.audio_files import write_wav
from speech3n.eval.sets.clip import Clip
from speech3n.types import SAMPLE_RATE
from tests.conftest import read_waveform


@pytest.fixture
def clips(examples: dict[str, Path]) -> list[Clip]:
    return [
        Clip(examples[code], code, "a b", len(read_waveform(examples[code])) / SAMPLE_RATE) for code in ("en", "es")
    ]


def test_a_rendered_clip_is_the_waveform_in_a_file(clips: list[Clip], tmp_path: Path) -> None:
    condition = parse_condition("noise:babble:5")
    rendered = render_clip(clips[0], condition, clips, tmp_path / "new")
    altered = condition.apply(read_waveform(clips[0].audio), clips[1:])
    np.testing.assert_allclose(read_waveform(rendered.clip.audio), altered.pcm, atol=2**-15)
    assert rendered.clip.audio.name.startswith(f"{clips[0].audio.stem}-noise-babble-5-")
    assert replace(rendered.clip, audio=clips[0].audio) == clips[0]
    assert render_clip(clips[0], condition, clips, tmp_path / "new") == rendered
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_a_clip_with_silence_before_it_is_longer_and_says_by_how_much(clips: list[Clip], tmp_path: Path) -> None:
    rendered = render_clip(clips[1], parse_condition("leading-silence:2"), clips, tmp_path)
    assert (rendered.shift_s, rendered.clip.duration_s) == (2.0, pytest.approx(clips[1].duration_s + 2.0))


def test_a_clean_clip_is_not_copied(clips: list[Clip], tmp_path: Path) -> None:
    assert render_clip(clips[0], parse_condition("clean"), clips, tmp_path).clip == clips[0]
    assert not list(tmp_path.iterdir())


def test_babble_does_not_hold_the_clip_itself(clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="made of other clips"):
        render_clip(clips[0], parse_condition("noise:babble:5"), [clips[0], replace(clips[0], text="other")], tmp_path)


def test_babble_speaks_the_language_of_the_clip_where_it_can(clips: list[Clip], tmp_path: Path) -> None:
    """Eight clips of the language are enough to leave out the others, one of which can't even be read."""
    alike = []
    for voice in range(8):
        alike.append(replace(clips[0], audio=tmp_path / f"{voice}.wav"))
        write_wav(alike[-1].audio, read_waveform(clips[0].audio)[voice * SAMPLE_RATE :][: 3 * SAMPLE_RATE])
    unreadable = replace(clips[1], audio=tmp_path / "missing.wav")
    babble = parse_condition("noise:babble:5")
    render_clip(clips[0], babble, [clips[0], *alike, unreadable], tmp_path)
    with pytest.raises(AudioError, match=r"missing\.wav"):
        render_clip(clips[0], babble, [clips[0], *alike[:7], unreadable], tmp_path)
