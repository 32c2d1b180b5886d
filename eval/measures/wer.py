"""Word and character error rates, counted by jiwer's Levenshtein alignment, and the alignment itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from speech3n.eval.measures.normalise import Normaliser

if TYPE_CHECKING:
    import jiwer

EditKind = Literal["equal", "substitute", "delete", "insert"]


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
    def edits(self) -> int:
        """S + D + I: what has to be changed to turn the references into the hypotheses."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """(S + D + I) / N over all clips (micro-average); infinite for words where none were said."""
        if self.reference_length == 0:
            return float("inf") if self.edits else 0.0
        return self.edits / self.reference_length


@dataclass(frozen=True, slots=True)
class AlignedRun:
    """Neighbouring words (or characters) of one kind, as they stand in the normalised texts.

    `equal` and `substitute` have as many of the one as of the other, pair by pair; `delete` has no
    hypothesis, `insert` no reference.
    """

    kind: EditKind
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClipAlignment:
    """The errors of one clip and where they are: the runs, put together, are the two texts."""

    errors: ErrorCounts
    runs: tuple[AlignedRun, ...]


def word_errors(references: Sequence[str], hypotheses: Sequence[str], normaliser: Normaliser) -> ErrorCounts:
    """Count word errors clip by clip, as in NIST's sclite; raises ValueError for unequal counts."""
    return _sum(normaliser.name, (clip.errors for clip in align_words(references, hypotheses, normaliser)))


def character_errors(references: Sequence[str], hypotheses: Sequence[str], normaliser: Normaliser) -> ErrorCounts:
    """Count character errors clip by clip, spaces included; raises ValueError for unequal counts."""
    return _sum(normaliser.name, (clip.errors for clip in align_characters(references, hypotheses, normaliser)))


def align_words(references: Sequence[str], hypotheses: Sequence[str], normaliser: Normaliser) -> list[ClipAlignment]:
    """Align the words of each clip with the fewest edits, all of equal cost; raises ValueError for unequal counts.

    Where several alignments have as few edits, it is the one that rapidfuzz, under jiwer, finds first.
    """
    import jiwer

    pairs = _normalised(references, hypotheses, normaliser)
    return [_clip(jiwer.process_words(*pair), normaliser) for pair in pairs]


def align_characters(
    references: Sequence[str], hypotheses: Sequence[str], normaliser: Normaliser
) -> list[ClipAlignment]:
    """Align the characters of each clip, spaces included; raises ValueError for unequal counts."""
    import jiwer

    pairs = _normalised(references, hypotheses, normaliser)
    return [_clip(jiwer.process_characters(*pair), normaliser) for pair in pairs]


def total_errors(counts: Iterable[ErrorCounts]) -> ErrorCounts:
    """Sum the errors of clips or of groups; normalisers that differ are named together, as `a + b`.

    Raises ValueError where there is nothing to sum, as no normaliser could be named then.
    """
    parts = list(counts)
    if not parts:
        raise ValueError("no errors to sum")
    names = {name for part in parts for name in part.normaliser.split(" + ")}
    return _sum(" + ".join(sorted(names)), parts)


def _clip(output: jiwer.WordOutput | jiwer.CharacterOutput, normaliser: Normaliser) -> ClipAlignment:
    reference, hypothesis = output.references[0], output.hypotheses[0]
    runs = tuple(
        AlignedRun(
            cast(EditKind, chunk.type),
            tuple(reference[chunk.ref_start_idx : chunk.ref_end_idx]),
            tuple(hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]),
        )
        for chunk in output.alignments[0]
    )
    errors = ErrorCounts(normaliser.name, output.hits, output.substitutions, output.deletions, output.insertions)
    return ClipAlignment(errors, runs)


def _sum(name: str, counts: Iterable[ErrorCounts]) -> ErrorCounts:
    parts = list(counts)
    return ErrorCounts(
        name,
        hits=sum(part.hits for part in parts),
        substitutions=sum(part.substitutions for part in parts),
        deletions=sum(part.deletions for part in parts),
        insertions=sum(part.insertions for part in parts),
    )


def _normalised(references: Sequence[str], hypotheses: Sequence[str], normaliser: Normaliser) -> list[tuple[str, str]]:
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
    pairs = zip(references, hypotheses, strict=True)
    return [(normaliser(reference), normaliser(hypothesis)) for reference, hypothesis in pairs]
