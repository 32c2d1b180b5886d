"""Where a line or a subtitle may break, and how badly each place reads."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from speech3n.types import is_spaced, join_words

_SENTENCE_MARKS = tuple(".?!…。？！।؟")
_CLAUSE_MARKS = tuple(",;:、，；：،–—")
_CLOSING = "\"'”’»)]}>」』）"
_OPENING = "\"'“‘«([{<¿¡「『（"
SENTENCE_COST, CLAUSE_COST, PHRASE_COST, WORD_COST, LEANING_COST = 0.0, 1.0, 2.0, 3.0, 6.0
"""What a break costs at the end of a sentence, of a clause, before a word such as an article or a preposition that
leans on the next one, after any other word, and after such a leaning word."""
_UNEVENNESS_COST = 4.0
# Words that lean on what follows them: articles, prepositions, conjunctions, possessives, negations.
_LEANING = {
    "en": "a an the of to in on at by for with from into about as than and or but nor if that which who my your his "
    "her its our their this these those no not is are was be very",
    "es": "a al ante con contra de del desde durante el en entre es hacia hasta la las le les lo los me mi mis muy más "
    "ni no nos o para pero por que se si sin sobre son su sus te tu tus un una unas unos y e",
    "fr": "à au aux avec ce ces cette chez c'est dans de des du elle en est et il ils je la le les leur leurs ma mais "
    "mes mon ne ni nos notre nous on ou où par pas pour que qui sa sans se ses si son sont sous sur ta tes ton très "
    "tu un une vers vos votre vous",
    "it": "a ad ai al alla alle allo agli che chi ci col con da dai dal dalla dalle dei del della delle dello degli di "
    "e ed è fino fra gli i il in la le lo ma mi mia mio ne nei nel nella nelle nello né non o per più se si su sua suo "
    "sul sulla sulle ti tra tua tuo un una uno",
    "pt": "a à ao aos as às até com da das de do dos e é em entre essa esse esta este mais mas meu minha muito na nas "
    "nem no nos não o os ou para pela pelas pelo pelos por que se sem seu sob sobre sua são te teu tua um uma uns umas",
}
_LEANING_WORDS = {language: frozenset(words.split()) for language, words in _LEANING.items()}
# Those that tie what follows to the word before, as in `número de agente`: no good place for a break either.
_BINDING_WORDS = frozenset("of de del du des d di della delle dello dei degli do da dos das than".split())
_TITLES = frozenset("dr. dra. mr. mrs. ms. sr. sra. srta. dña. mme. mlle. sig. dott. prof.".split())


class Text:
    """Words of one language and how they fill lines; widths are in terminal cells, where 字 takes two."""

    def __init__(self, words: Sequence[str], language: str | None) -> None:
        self.words = words
        self.language = language
        self._space = 1 if is_spaced(language) else 0
        self._ends = [0, *itertools.accumulate(cell_len(word) + self._space for word in words)]
        self._break_costs = [0.0, *(break_cost(*pair, language) for pair in itertools.pairwise([*words, ""]))]

    def position(self, boundary: int) -> int:
        """Cells before the word number `boundary`, the space before it counted."""
        return self._ends[boundary]

    def width(self, start: int, end: int) -> int:
        """Cells of the words from `start` up to `end` on one line."""
        return self._ends[end] - self._ends[start] - self._space if end > start else 0

    def break_cost(self, boundary: int) -> float:
        """How badly a break before the word number `boundary` reads; nothing at either end of the text."""
        return self._break_costs[boundary] if boundary < len(self.words) else SENTENCE_COST

    def is_sentence_end(self, boundary: int) -> bool:
        """Whether a sentence ends before the word number `boundary`."""
        return boundary > 0 and self._break_costs[boundary] == SENTENCE_COST

    def line_cost(self, start: int, end: int, max_chars: int, max_lines: int) -> float | None:
        """How badly the best lines for the words from `start` up to `end` read; None where they do not fit."""
        best = self._best_breaks(start, end, max_chars, max_lines)
        return None if best is None else best[0]

    def lines(self, start: int, end: int, max_chars: int, max_lines: int) -> tuple[str, ...]:
        """The words from `start` up to `end` as balanced lines, or as many full ones as they need."""
        best = self._best_breaks(start, end, max_chars, max_lines)
        breaks = self._full_lines(start, end, max_chars) if best is None else best[1]
        lines = (join_words(self.words[a:b], self.language) for a, b in itertools.pairwise((start, *breaks, end)))
        return tuple(line for line in lines if line)

    def _full_lines(self, start: int, end: int, max_chars: int) -> tuple[int, ...]:
        breaks = [start]
        for boundary in range(start + 1, end):
            if self.width(breaks[-1], boundary + 1) > max_chars:
                breaks.append(boundary)
        return tuple(breaks[1:])

    def _best_breaks(
        self, start: int, end: int, max_chars: int, max_lines: int
    ) -> tuple[float, tuple[int, ...]] | None:
        """Cost and places of the best breaks into the fewest lines; None where the words do not fit."""
        whole = self.width(start, end)
        if whole <= max_chars:
            return 0.0, ()
        for count in range(2, max_lines + 1):
            if whole > count * (max_chars + self._space):
                continue
            layouts = []
            for breaks in itertools.combinations(range(start + 1, end), count - 1):
                widths = [self.width(a, b) for a, b in itertools.pairwise((start, *breaks, end))]
                if max(widths) <= max_chars:
                    unevenness = (max(widths) - min(widths)) / max_chars
                    cost = sum(self._break_costs[b] for b in breaks) + _UNEVENNESS_COST * unevenness
                    layouts.append((cost, breaks))
            if layouts:
                return min(layouts)
        return None


def break_cost(before: str, after: str, language: str | None) -> float:
    """How badly a break between two words reads: one of the five costs above."""
    bare = before.rstrip(_CLOSING)
    folded = bare.lstrip(_OPENING).casefold()
    if folded in _TITLES or (len(folded) == 2 and folded[0].isalpha() and folded[1] == "."):
        return LEANING_COST
    if bare.endswith(_SENTENCE_MARKS):
        return SENTENCE_COST
    if bare.endswith(_CLAUSE_MARKS):
        return CLAUSE_COST
    leaning = _LEANING_WORDS.get(language or "", frozenset())
    if folded in leaning:
        return LEANING_COST
    return PHRASE_COST if after.lstrip(_OPENING).casefold() in leaning - _BINDING_WORDS else WORD_COST


def split_text(text: str, language: str | None) -> list[str]:
    """Words of a text that came without any; where the language writes no spaces, characters that may start a line."""
    if is_spaced(language):
        return text.split()
    words: list[str] = []
    for char in "".join(text.split()):
        before = words[-1][-1] if words else ""
        is_inside = before and (_leans_back(char) or before in _OPENING or (_is_latin(char) and _is_latin(before)))
        if is_inside:
            words[-1] += char
        else:
            words.append(char)
    return words


def split_word(word: str, max_chars: int) -> Iterator[str]:
    """Pieces of a word that each fit on a line; white space inside it parts them too."""
    for part in word.split():
        piece = ""
        for char in part:
            if piece and cell_len(piece + char) > max_chars:
                yield piece
                piece = ""
            piece += char
        yield piece


def _leans_back(char: str) -> bool:
    """Whether a line must not begin with a character: closing punctuation, vowel signs and other marks."""
    return unicodedata.category(char) in {"Pe", "Pf", "Po", "Mn", "Mc", "Me", "Lm"}


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalnum()
