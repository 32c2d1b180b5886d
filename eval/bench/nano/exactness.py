"""Whether nano encodes and answers the same of a clip that comes in frames of 160 ms and of the clip at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from speech3n.eval.bench.store import Record
from speech3n.eval.commands.evaluate import WHOLE
from speech3n.eval.sets.audio_files import read_audio
from speech3n.eval.sets.clip import Clip
from speech3n.types import FRAME_SAMPLES, Waveform

if TYPE_CHECKING:
    from torch import Tensor

    from speech3n.engines.base import Engine, StreamOptions
    from speech3n.models.gemma3n.incremental import SharedModel

_DECODE_FRAMES = 3
"""Frames between two interim answers, about as many as in captions."""


def measure_exactness(model: str, size: str, clips: Sequence[Clip]) -> Record:
    """How far soft tokens differ, in parts of the largest; how many a frame brings; how many answers are the same.

    Raises ModelError, UsageError, AudioError.
    """
    import torch

    from speech3n.engines.base import StreamOptions
    from speech3n.engines.gemma.engine import Gemma3nEngine
    from speech3n.engines.registry import open_engine

    same, difference = 0, 0.0
    counts: set[int] = set()
    with closing(open_engine(model, None if size == WHOLE else size)) as engine, torch.inference_mode():
        assert isinstance(engine, Gemma3nEngine)
        for clip in clips:
            pcm = read_audio(clip.audio)
            whole, parts = _encode(engine.shared, pcm), _encode_frames(engine.shared, pcm)
            difference = max(difference, float((whole - torch.cat(parts, 1)).abs().max() / whole.abs().max()))
            # The last frame may be a part of one, whose token comes with the end.
            counts |= {tokens.shape[1] for tokens in parts[:-2]}
            options = StreamOptions(clip.language, translate=clip.translation_en is not None)
            same += _answer(engine, options, [pcm]) == _answer(engine, options, _frames(pcm))
    return {
        "clips": len(clips),
        "same": same,
        "difference": difference,
        "tokens_a_frame": sorted(counts),
    }


def _encode(shared: SharedModel, pcm: Waveform) -> Tensor:
    """The soft tokens [1, T, C] of a whole clip."""
    mel, _ = shared.log_mel(_tensor(shared, pcm))
    tokens: Tensor = shared.model.audio_tower(mel)[0]
    return tokens


def _encode_frames(shared: SharedModel, pcm: Waveform) -> list[Tensor]:
    """The same of the clip as it comes: what each frame brings, and the end."""
    import torch

    log_mel, tower = shared.log_mel, shared.model.audio_tower
    mel_state, tower_state = log_mel.init_state(), tower.init_state()
    tokens = [tower.step(log_mel.step(_tensor(shared, frame), mel_state), tower_state) for frame in _frames(pcm)]
    end = [tower.step(log_mel.flush(mel_state), tower_state), tower.flush(tower_state)]
    return [*tokens, torch.cat(end, 1)]


def _tensor(shared: SharedModel, pcm: Waveform) -> Tensor:
    import torch

    return torch.from_numpy(pcm)[None].to(shared.log_mel.window.device)


def _answer(engine: Engine, options: StreamOptions, parts: Sequence[Waveform]) -> tuple[str, str | None]:
    """Transcript and translation of a clip given in parts, with interim answers on the way."""
    stream = engine.open_stream(options)
    for number, part in enumerate(parts, start=1):
        stream.accept_waveform(part)
        if number % _DECODE_FRAMES == 0:
            stream.decode()
    stream.input_finished()
    hypothesis = stream.decode()
    assert hypothesis is not None
    translation = None if hypothesis.translation is None else " ".join(hypothesis.translation)
    return " ".join(word.text for word in hypothesis.words), translation


def _frames(pcm: Waveform) -> list[Waveform]:
    return [pcm[start : start + FRAME_SAMPLES] for start in range(0, len(pcm), FRAME_SAMPLES)]
