"""Translation quality: BLEU (Papineni et al. 2002) and chrF (Popović 2015), by sacrebleu (Post 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TranslationScore:
    """Corpus scores on the scale 0-100, each with the sacrebleu signature that says how it was computed."""

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str


def translation_score(references: Sequence[str], hypotheses: Sequence[str]) -> TranslationScore:
    """Score translations against one reference each; raises ValueError for none or for unequal counts."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    if not references or len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
    bleu, chrf = BLEU(), CHRF()
    bleu_score = bleu.corpus_score(list(hypotheses), [list(references)]).score
    chrf_score = chrf.corpus_score(list(hypotheses), [list(references)]).score
    return TranslationScore(bleu_score, chrf_score, str(bleu.get_signature()), str(chrf.get_signature()))
