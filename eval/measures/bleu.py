"""Translation quality by sacrebleu (Post 2018): BLEU (Papineni et al. 2002) and chrF (Popović 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TranslationScore:
    """Corpus scores on the scale 0-100, each with the sacrebleu signature that says how it was computed.

    `chrf` is sacrebleu's chrF2: recall counts twice as much as precision.
    """

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str


def translation_score(references: Sequence[str], hypotheses: Sequence[str]) -> TranslationScore:
    """Score translations against one reference each; raises ValueError for none or for unequal counts.

    Empty translations count as wrong; where all are empty, or all references, every score is 0.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    require_pairs(references, hypotheses)
    bleu, chrf = BLEU(), CHRF()
    return TranslationScore(
        bleu=bleu.corpus_score(list(hypotheses), [list(references)]).score,
        chrf=chrf.corpus_score(list(hypotheses), [list(references)]).score,
        bleu_signature=str(bleu.get_signature()),
        chrf_signature=str(chrf.get_signature()),
    )


def require_pairs(references: Sequence[str], hypotheses: Sequence[str]) -> None:
    """Raise ValueError unless there is at least one reference and one hypothesis to each."""
    if not references or len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
