"""How well a model in training recognises and translates clips that it never learned from, by language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import torch

from speech3n.decoding.generate import generate
from speech3n.languages import language_name
from speech3n.models.gemma3n.incremental import CachedDecoder
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.data.features import FeatureStore, StoredClip
from speech3n.training.data.sentences import fingerprint
from speech3n.training.tasks import TARGET, PromptEncoder, Task

_TOKENS_A_SECOND = 8
_SHORTEST_LIMIT = 16


def choose(store: FeatureStore, each: int) -> list[StoredClip]:
    """So many clips of each language, spread over all there are, the same every time."""
    by_language: dict[str, list[StoredClip]] = defaultdict(list)
    for clip in store.clips:
        by_language[clip.language].append(clip)
    return [clip for _, clips in sorted(by_language.items()) for clip in _spread(clips, each)]


def score_answers(
    model: Gemma3n, prompts: PromptEncoder, store: FeatureStore, clips: Iterable[StoredClip]
) -> dict[str, float]:
    """`wer_<language>` of transcripts and `bleu_<language>` of what follows them; the language is given."""
    import sacrebleu

    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    translations: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for clip in clips:
        task = Task(clip.language, clip.translation_en is not None)
        said, _, meant = ask(model, prompts, store, clip, task).partition(f"\n{language_name(TARGET)}: ")
        pairs[clip.language].append((clip.text, said))
        if clip.translation_en is not None:
            translations[clip.language].append((clip.translation_en, meant))
    results = {f"wer_{language}": rate for language, rate in _rates(pairs).items()}
    for language, both in translations.items():
        references, hypotheses = zip(*both, strict=True)
        score = sacrebleu.corpus_bleu(list(hypotheses), [list(references)]).score
        results[f"bleu_{language}"] = round(float(score), 2)
    return results


@torch.inference_mode()
def ask(model: Gemma3n, prompts: PromptEncoder, store: FeatureStore, clip: StoredClip, task: Task) -> str:
    """What a model answers to a task on a clip."""
    decoder = CachedDecoder(model)
    soft_tokens = model.encode(torch.from_numpy(store.mel(clip))[None].to(model.device))
    decoder.append_soft_tokens(soft_tokens)
    prompt = prompts.prompt(task)
    ids = [*prompt.prefix, *[model.config.audio_token_id] * soft_tokens.shape[1], *prompt.suffix]
    limit = _SHORTEST_LIMIT + round(clip.duration_s * _TOKENS_A_SECOND) * (2 if task.translate else 1)
    return prompts.text(generate(decoder, ids, stop=(prompts.end_of_turn,), limit=limit).tokens)


def _rates(pairs: dict[str, list[tuple[str, str]]]) -> dict[str, float]:
    import jiwer

    rates = {}
    for language, texts in sorted(pairs.items()):
        references, hypotheses = ([fingerprint(text) for text in side] for side in zip(*texts, strict=True))
        rates[language] = round(100 * float(jiwer.wer(references, hypotheses)), 2)
    return rates


def _spread(clips: Sequence[StoredClip], count: int) -> list[StoredClip]:
    step = max(1.0, len(clips) / count)
    return [clips[int(place * step)] for place in range(min(count, len(clips)))]
