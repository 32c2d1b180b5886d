"""How well nano in training recognises and translates clips that it never learned from, by language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch

from speech3n.models.gemma3n.elastic import submodel_of
from speech3n.models.gemma3n.model import Gemma3n
from speech3n.training.data.features import FeatureStore, StoredClip
from speech3n.training.evaluation import choose, score_answers
from speech3n.training.nano.ctc import CTCHead, encode_frames
from speech3n.training.nano.phonemes import collapse_ctc, phoneme_text, phonemize
from speech3n.training.nano.trainer import NanoTrainer
from speech3n.training.tasks import PromptEncoder


def evaluator(store: FeatureStore, prompts: PromptEncoder, each: int) -> Callable[[NanoTrainer], dict[str, float]]:
    """An evaluation on so many clips of each language.

    It gives `ctc_per`, of phonemes, and, once there is a decoder, `wer_<language>`, `bleu_<language>` and `half_wer`,
    the mean of the nested model's rates on every other clip; all in percent, BLEU in points.
    """
    clips = choose(store, each)

    def evaluate(trainer: NanoTrainer) -> dict[str, float]:
        model = trainer.model
        results = {"ctc_per": _mean(phoneme_error_rates(model, trainer.ctc_head, store, clips))}
        if trainer.stage != "encoder":
            results |= score_answers(model, prompts, store, clips)
            half = submodel_of(model, trainer.nested.size.of(model.config.text))
            rates = score_answers(half, prompts, store, clips[::2])
            results["half_wer"] = _mean({name: rate for name, rate in rates.items() if name.startswith("wer_")})
        return results

    return evaluate


@torch.inference_mode()
def phoneme_error_rates(
    model: Gemma3n, ctc_head: CTCHead, store: FeatureStore, clips: Iterable[StoredClip]
) -> dict[str, float]:
    """Phoneme error rates of what CTC reads from soft tokens, in percent, by language."""
    import jiwer

    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for clip in clips:
        mel = torch.from_numpy(store.mel(clip))[None].to(model.device)
        mask = torch.ones(mel.shape[:2], dtype=torch.bool, device=mel.device)
        frames, _ = encode_frames(model.audio_tower, mel, mask)
        said = phoneme_text(phonemize(clip.text, clip.language).ids)
        pairs[clip.language].append((said, collapse_ctc(ctc_head.read_tokens(frames)[0].argmax(-1).tolist())))
    rates = {}
    for language, both in sorted(pairs.items()):
        references, hypotheses = zip(*both, strict=True)
        rates[language] = round(100 * float(jiwer.cer(list(references), list(hypotheses))), 2)
    return rates


def _mean(rates: dict[str, float]) -> float:
    return round(sum(rates.values()) / len(rates), 2)
