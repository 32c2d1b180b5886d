"""Word and character error rates, counted by jiwer's Levenshtein alignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eval.normalise import Normaliser

if TYPE_CHECKING:
    import jiwer


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Edits between references and hypotheses, summed over all clips, and the normaliser behind them."""

    normaliser: str
    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def reference_length(self) -> int:
        """Words (or characters) in the references."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float:
        """(S + D + I) / N over all clips (micro-average); infinite for words where none were said."""
        edits = self.substitutions + self.deletions + self.insertions
        if self.reference_length == 0:
            return float("inf") if edits else 0.0
        return edits / self.reference_length


def word_errors(references: Sequence[str], hypotheses: Sequence[str], normaliser: Normaliser) -> ErrorCounts:
    """Count word errors clip by clip, as in NIST's sclite; raises ValueError for unequal counts."""
    import jiwer

    output = jiwer.process_words(*_normalised(references, hypotheses, normaliser))
    return ErrorCounts(normaliser.name, output.hits, output.substitutions, output.deletions, output.insertions)


def character_errors(references: Sequence[str], hypotheses: Sequence[str], normaliser: Normaliser) -> ErrorCounts:
    """Count character errors clip by clip, spaces included; raises ValueError for unequal counts."""
    import jiwer

    output = jiwer.process_characters(*_normalised(references, hypotheses, normaliser))
    return ErrorCounts(normaliser.name, output.hits, output.substitutions, output.deletions, output.insertions)


def _counts(output: jiwer.WordOutput | jiwer.CharacterOutput, normaliser: Normaliser) -> ErrorCounts:
    return ErrorCounts(normaliser.name, output.hits, output.substitutions, output.deletions, output.insertions)


def _normalised(
    references: Sequence[str], hypotheses: Sequence[str], normaliser: Normaliser
) -> tuple[list[str], list[str]]:
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
    return [normaliser(text) for text in references], [normaliser(text) for text in hypotheses]
