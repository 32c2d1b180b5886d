"""What rounding costs in words: a trained checkpoint on the clips that it was trained on, plain and quantised."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from speech3n.engines.base import StreamOptions
from speech3n.engines.gemma.answer import parse_answer
from speech3n.engines.gemma.engine import Gemma3nEngine
from speech3n.eval.measures.normalise import Normaliser, whisper_normaliser
from speech3n.eval.measures.wer import word_errors
from speech3n.eval.sets.audio_files import read_audio
from speech3n.models.gemma3n.incremental import IncrementalDecoder
from speech3n.models.gemma3n.quantisation import RECIPES, read_formats
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from speech3n.types import Waveform

PLAIN = "bf16"
_TOKENS = Normaliser("token ids", str)
_LIMIT = 400


@dataclass(frozen=True, slots=True)
class TrainedClip:
    """A clip and what is said in it."""

    pcm: Waveform
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The tokens of an answer, transcript and translation, and the text of the transcript."""

    tokens: tuple[int, ...]
    transcript: str


def measure_accuracy(trained: Path, recipes: Sequence[str]) -> dict[str, Any]:
    """Word errors of the plain checkpoint and of each recipe, and how many tokens are those of the plain one.

    `trained` is a checkpoint folder with `clips.jsonl`: audio (a path from there), language, text. Rounding is to the
    nearest, as `speech3n models quantize` does it.
    """
    clips = read_clips(trained)
    plain = answer_clips(trained, clips)
    systems = {PLAIN: _compared(clips, plain, plain)}
    with tempfile.TemporaryDirectory() as parent:
        for recipe in recipes:
            folder = Path(parent) / recipe
            quantise_checkpoint(trained, RECIPES[recipe], folder)
            kinds = list(read_formats(folder).values())
            systems[recipe] = _compared(clips, answer_clips(folder, clips), plain) | {
                "matrices": len(kinds),
                "in_four_bits": sum(kind.startswith("int4") for kind in kinds),
            }
    return {"clips": len(clips), "systems": systems}


def read_clips(trained: Path) -> list[TrainedClip]:
    """The clips of a trained checkpoint."""
    lines = (trained / "clips.jsonl").read_text("utf-8").splitlines()
    return [
        TrainedClip(read_audio((trained / entry["audio"]).resolve()), entry["language"], entry["text"])
        for entry in map(json.loads, lines)
    ]


def answer_clips(folder: Path, clips: Sequence[TrainedClip]) -> list[Answer]:
    """What a checkpoint answers to each clip, asked to transcribe it and to translate it into English."""
    # In a type of its own choice the engine would expand matrices as small as these.
    engine = Gemma3nEngine(folder, folder.name, dtype=torch.float32)
    answers = []
    for clip in clips:
        decoder = IncrementalDecoder(
            engine.shared, engine.prompt(StreamOptions(language=clip.language, translate=True))
        )
        decoder.append_audio(clip.pcm)
        decoder.finish()
        tokens = decoder.generate(stop=engine.stop, limit=_LIMIT).tokens
        text = engine.tokenizer.decode(tokens, skip_special_tokens=True)
        translates = clip.language != "en"
        answer = parse_answer(text, translate=translates, target="English", languages=[], is_final=True)
        answers.append(Answer(tokens, answer.transcript))
    engine.close()
    return answers


def _compared(clips: Sequence[TrainedClip], answers: Sequence[Answer], plain: Sequence[Answer]) -> dict[str, Any]:
    errors = [
        word_errors([clip.text], [answer.transcript], whisper_normaliser(clip.language))
        for clip, answer in zip(clips, answers, strict=True)
    ]
    ids = [[" ".join(map(str, answer.tokens)) for answer in side] for side in (plain, answers)]
    tokens = word_errors(ids[0], ids[1], _TOKENS)
    return {
        "word_edits": sum(clip.edits for clip in errors),
        "words": sum(clip.reference_length for clip in errors),
        "tokens_agreeing": tokens.hits,
        "tokens": tokens.reference_length,
    }
