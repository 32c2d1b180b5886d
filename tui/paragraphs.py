"""Segments flow into paragraphs: what was said in one go reads as one; long speech is broken where a sentence ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

from speech3n.types import Segment, Update, is_spaced, join_words, words_text

_PAUSE_S = 2.0
"""A longer silence between two segments begins a paragraph."""
_LONG = 240
"""Characters after which the end of a sentence ends the paragraph; with a translation beside it, half of them."""
_TOO_LONG = 480
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "।", "؟", '."', '?"', '!"', ".»", ".”", "?”", "!”")


@dataclass(frozen=True, slots=True)
class Block:
    """A text whose first `committed` characters are final."""

    text: str = ""
    committed: int = 0

    def joined(self, other: Block, gap: str) -> Block:
        """This text, all of which is final, and then another."""
        if not self.text or not other.text:
            return self if self.text else other
        text = f"{self.text}{gap}{other.text}"
        return Block(text, len(self.text) + len(gap) + other.committed)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What was said in one go, and its translation, empty where there is none; `tag` is a language worth naming."""

    start: float
    end: float
    source: Block
    translation: Block = Block()
    language: str | None = None
    tag: str = ""
    is_live: bool = False
    """Whether someone is still speaking it."""
    target_language: str | None = None

    @property
    def text(self) -> str:
        """Source and translation, a line each."""
        return "\n".join(block.text for block in (self.source, self.translation) if block.text)

    def joined(self, other: Paragraph) -> Paragraph:
        """This paragraph going on with another."""
        return replace(
            self,
            end=other.end,
            source=self.source.joined(other.source, " " if is_spaced(other.language) else ""),
            translation=self.translation.joined(other.translation, " " if is_spaced(other.target_language) else ""),
            is_live=other.is_live,
        )


class Script:
    """All paragraphs: `closed` ones, which never change, then `tail`, which an update may replace."""

    def __init__(self, *, tags: bool = False) -> None:
        self.closed: list[Paragraph] = []
        self.tags = tags
        """Whether a change of language is worth a tag: where it is detected."""
        self._open: Paragraph | None = None
        self._live: Paragraph | None = None
        self._joining: tuple[int, bool] = (-1, False)
        self._tagged: str | None = None

    @property
    def tail(self) -> tuple[Paragraph, ...]:
        """The paragraphs that may still change, at most two."""
        if self._open is None or self._live is None:
            return tuple(paragraph for paragraph in (self._open, self._live) if paragraph is not None)
        if self._joining[1]:
            return (self._open.joined(self._live),)
        return self._open, self._live

    @property
    def text(self) -> str:
        """Everything, paragraphs separated by empty lines."""
        return "\n\n".join(paragraph.text for paragraph in (*self.closed, *self.tail))

    def update(self, update: Update) -> None:
        """Show the utterance that is going on."""
        paragraph = _of_update(update)
        self._live = self._placed(update.segment, paragraph) if paragraph is not None else None

    def add(self, segment: Segment) -> None:
        """Add a final segment in place of the utterance that was going on."""
        self._live = None
        paragraph = self._placed(segment.id, _of_segment(segment))
        self._tagged = segment.language or self._tagged
        if self._open is not None and self._joining[1]:
            self._open = self._open.joined(paragraph)
            return
        if self._open is not None:
            self.closed.append(self._open)
        self._open = paragraph

    def _placed(self, segment: int, paragraph: Paragraph) -> Paragraph:
        """Decide once for each segment whether it goes on with the open paragraph, so that text does not jump."""
        changed = self.tags and paragraph.language not in (None, self._tagged)
        if self._joining[0] != segment or changed:
            joins = self._open is not None and not changed and _goes_on(self._open, paragraph)
            self._joining = (segment, joins)
        return replace(paragraph, tag=paragraph.language or "") if changed else paragraph


def _goes_on(before: Paragraph, after: Paragraph) -> bool:
    length = len(before.source.text) + len(before.translation.text)
    if after.start - before.end > _PAUSE_S or length > _TOO_LONG:
        return False
    return length < _LONG or not before.source.text.endswith(_SENTENCE_ENDS)


def _of_segment(segment: Segment) -> Paragraph:
    # What was said in the language it is translated to is the same text, and need not be read twice.
    translation = segment.translation if segment.translation not in (None, segment.text) else ""
    return Paragraph(
        segment.start,
        segment.end,
        Block(segment.text, len(segment.text)),
        Block(translation or "", len(translation or "")),
        segment.language,
        target_language=segment.target_language,
    )


def _of_update(update: Update) -> Paragraph | None:
    words = (*update.committed, *update.tentative)
    if not words:
        return None
    source = Block(words_text(words, update.language), len(words_text(update.committed, update.language)))
    translated = (*update.translation_committed, *update.translation_tentative)
    target = update.target_language
    translation = Block(join_words(translated, target), len(join_words(update.translation_committed, target)))
    if translation.text == source.text:
        translation = Block()
    return Paragraph(
        words[0].start,
        words[-1].end,
        source,
        translation,
        update.language,
        is_live=True,
        target_language=target,
    )
