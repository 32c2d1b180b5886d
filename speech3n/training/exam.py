"""How well a model in training hears clips that it never learned from: word error rates, by language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import torch

from speech3n.decoding.generate import generate
from speech3n.models.gemma3n.listening import CachedDecoder
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.corpus.features import FeatureStore, StoredClip
from speech3n.training.ctc import Speller, encode_frames, read_out
from speech3n.training.questions import Desk, Question
from speech3n.training.synthesis.sentences import fingerprint
from speech3n.training.trainee import Trainee

_TOKENS_A_SECOND = 8
_SHORTEST_LIMIT = 16


def choose(store: FeatureStore, each: int) -> list[StoredClip]:
    """So many clips of each language, spread over all there are, the same every time."""
    by_language: dict[str, list[StoredClip]] = defaultdict(list)
    for clip in store.clips:
        by_language[clip.language].append(clip)
    return [clip for _, clips in sorted(by_language.items()) for clip in _spread(clips, each)]


def examiner(store: FeatureStore, desk: Desk, each: int) -> Callable[[Trainee, bool], dict[str, float]]:
    """An exam for trainees about so many clips of each language: word error rates by language and method."""
    clips = choose(store, each)

    def examine(trainee: Trainee, with_decoder: bool) -> dict[str, float]:
        spelling = spelled(trainee.model, trainee.speller, store, clips)
        results = {"ctc_wer": sum(spelling.values()) / len(spelling)}
        if with_decoder:
            results |= {f"wer_{name}": rate for name, rate in answered(trainee.model, desk, store, clips).items()}
        return results

    return examine


@torch.inference_mode()
def spelled(model: Gemma3n, speller: Speller, store: FeatureStore, clips: Iterable[StoredClip]) -> dict[str, float]:
    """Word error rates of what CTC spells, in percent, by language."""
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for clip in clips:
        mel = torch.from_numpy(store.mel(clip))[None].to(model.device)
        mask = torch.ones(mel.shape[:2], dtype=torch.bool, device=mel.device)
        frames, _ = encode_frames(model.audio_tower, mel, mask)
        pairs[clip.language].append((clip.text, read_out(speller(frames)[0].argmax(-1).tolist())))
    return _rates(pairs)


@torch.inference_mode()
def answered(model: Gemma3n, desk: Desk, store: FeatureStore, clips: Iterable[StoredClip]) -> dict[str, float]:
    """Word error rates of transcripts, in percent, by language; the language is given."""
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for clip in clips:
        pairs[clip.language].append((clip.text, ask(model, desk, store, clip, Question(clip.language, False))))
    return _rates(pairs)


@torch.inference_mode()
def ask(model: Gemma3n, desk: Desk, store: FeatureStore, clip: StoredClip, question: Question) -> str:
    """What a model answers to a question about a clip."""
    decoder = CachedDecoder(model)
    soft_tokens = model.encode(torch.from_numpy(store.mel(clip))[None].to(model.device))
    decoder.offer(soft_tokens)
    prompt = desk.prompt(question)
    ids = [*prompt.prefix, *[model.config.audio_token_id] * soft_tokens.shape[1], *prompt.suffix]
    limit = _SHORTEST_LIMIT + round(clip.duration_s * _TOKENS_A_SECOND) * (2 if question.translate else 1)
    return desk.text(generate(decoder, ids, stop=(desk.end_of_turn,), limit=limit).tokens)


def _rates(pairs: dict[str, list[tuple[str, str]]]) -> dict[str, float]:
    import jiwer

    rates = {}
    for language, texts in sorted(pairs.items()):
        spoken, heard = ([fingerprint(text) for text in side] for side in zip(*texts, strict=True))
        rates[language] = round(100 * float(jiwer.wer(spoken, heard)), 2)
    return rates


def _spread(clips: Sequence[StoredClip], count: int) -> list[StoredClip]:
    step = max(1.0, len(clips) / count)
    return [clips[int(place * step)] for place in range(min(count, len(clips)))]
