"""An instruct model's answer, while it grows: what of it is transcript, what is translation, what is neither.

The form is a transcript, one newline, then `English: ` and the translation. Models deviate: no marker, other
markers, markdown, introductions, remarks. Whatever stands in the way of telling where text belongs is held
back until it is told, so that transcript and translation only ever grow at their ends:

- An unmarked second line is shown when the answer is whole: until then a marker may come, and make it transcript.
- A marker inside the first line (`hola. English: hello`) likewise: people say such things.
- What looks like half a marker, half a control token or half a bracket waits for the other half.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from speech3n.engines.gemma.control_tokens import strip_control_tokens
from speech3n.engines.gemma.labels import Label, Labels, Part, labels_for


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says so far; `translation` is None where none was asked for, empty where none has come."""

    transcript: str
    translation: str | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    paragraph: int
    is_whole: bool


@dataclass(slots=True)
class _Section:
    part: Part
    label: str = ""
    """The label as it was written."""
    opened: str = ""
    lines: list[_Line] = field(default_factory=list)


def parse_answer(
    text: str, *, translate: bool, target: str = "English", languages: Collection[str] = (), is_final: bool = False
) -> Answer:
    """Take the transcript and the translation out of `text`, which may still be growing.

    `languages` are the names of the languages that may have been spoken: the model may put one before the
    transcript. `is_final` says that no more text will come; so does `<end_of_turn>` in the text. Without
    `translate` everything is transcript. Runs of white space, newlines among them, become one space.
    """
    body, has_ended = strip_control_tokens(text, is_final)
    is_final = is_final or has_ended
    labels = labels_for(frozenset(languages), target if translate else "")
    sections = _sections(_lines(body, is_final), labels, is_final)
    if not translate:
        return Answer(_plain([line for section in sections for line in section.lines], sections[0].opened, is_final))
    if any(section.part is Part.TARGET for section in sections):
        return _marked(sections, is_final)
    return _unmarked(sections[0], labels, target, is_final)


# Lines that hold no text: rules, fences, and what may become one.
_NO_TEXT = re.compile(r"[-*_=#>•\s]+|`{3,}")
_FENCE = re.compile(r"`{3,}\w*")
_HALF_NO_TEXT = re.compile(r"[-*_=#>•\s]+|`+\w*")
_BULLET = re.compile(r"^(?:(?:[-*•>]|#{1,6})\s+)+")


def _lines(text: str, is_final: bool) -> list[_Line]:
    """The lines that hold text, numbered by paragraph; a last line that may still come to nothing is left out."""
    rows = [" ".join(row.split()) for row in re.sub(r"\r\n?", "\n", text).split("\n")]
    lines: list[_Line] = []
    paragraph = 0
    for number, row in enumerate(rows):
        is_last = number == len(rows) - 1
        if is_last and not is_final and _HALF_NO_TEXT.fullmatch(row):
            break
        if not row or _NO_TEXT.fullmatch(row) or (not is_last and _FENCE.fullmatch(row)):
            paragraph += 1
        else:
            lines.append(_Line(row, paragraph, not is_last or is_final))
    return lines


def _sections(lines: Sequence[_Line], labels: Labels, is_final: bool) -> list[_Section]:
    """Sort lines into sections by the labels before them, up to the first line that can't be sorted yet."""
    sections = [_Section(Part.SOURCE)]
    for number, line in enumerate(lines):
        parts = _expected(sections)
        label = labels.match(line.text, parts)
        if label is None and not line.is_whole and labels.may_become(line.text, parts):
            break
        bare = labels.match_bare(line.text, parts) if label is None else None
        if bare:
            if not is_final and not _is_decided(lines[number + 1 :], labels, parts):
                break
            if number + 1 < len(lines) and not labels.match(lines[number + 1].text, parts):
                label = bare
        if label is None:
            sections[-1].lines.append(_Line(_BULLET.sub("", line.text), line.paragraph, line.is_whole))
        else:
            _open(sections, label, line)
    return sections


def _expected(sections: Sequence[_Section]) -> tuple[Part, ...]:
    """The labels to look for: while nothing was said, the transcript's; then the translation's; then any."""
    if any(section.part is Part.TARGET for section in sections):
        return (Part.TARGET, Part.SOURCE, Part.REMARK)
    return (Part.TARGET,) if any(section.lines for section in sections) else (Part.SOURCE, Part.TARGET)


def _is_decided(following: Sequence[_Line], labels: Labels, parts: tuple[Part, ...]) -> bool:
    """Whether the line after a label without a colon is known to be text, or known to be a label itself."""
    if not following:
        return False
    line = following[0]
    return line.is_whole or bool(labels.match(line.text, parts)) or not labels.may_become(line.text, parts)


def _open(sections: list[_Section], label: Label, line: _Line) -> None:
    current = sections[-1]
    part = label.part
    if part is Part.TARGET and current.part is Part.TARGET and current.lines:
        if any(section.lines for section in sections[:-1]):
            part = Part.REMARK  # the same once more, in other words
        else:
            _take_as_said(current)
    written = line.text[: len(line.text) - len(label.rest)]
    rest = "" if not line.is_whole and _HALF_NO_TEXT.fullmatch(label.rest) else _BULLET.sub("", label.rest)
    lines = [_Line(rest, line.paragraph, line.is_whole)] if rest else []
    if part is current.part and not current.lines:
        current.label, current.opened, current.lines = written, label.opened, lines
    else:
        sections.append(_Section(part, written, label.opened, lines))


def _take_as_said(section: _Section) -> None:
    """Make the first of two translations, with no transcript before it, a transcript: someone said "English: ..."."""
    first = section.lines[0]
    section.part = Part.SOURCE
    section.lines[0] = _Line(section.label + first.text, first.paragraph, first.is_whole)


def _marked(sections: Sequence[_Section], is_final: bool) -> Answer:
    """An answer with a marker: everything before it is transcript, and as many paragraphs after it are translation."""
    source = [section for section in sections if section.part is Part.SOURCE and section.lines]
    if not source and not is_final:
        return Answer("", "")  # the transcript may come after the translation, or be what looked like one
    paragraphs = 1
    translation: list[str] = []
    for section in sections:
        if section.part is Part.SOURCE and section.lines:
            paragraphs = len({line.paragraph for line in section.lines})
        elif section.part is Part.TARGET:
            translation.append(_plain(_first_paragraphs(section.lines, paragraphs), section.opened, is_final))
    transcript = [_plain(section.lines, section.opened, is_final or section is not sections[-1]) for section in source]
    return Answer(_joined(transcript), _joined(translation))


def _first_paragraphs(lines: Sequence[_Line], count: int) -> list[_Line]:
    """What belongs to a translation: a paragraph more than the transcript has is a remark."""
    kept = sorted({line.paragraph for line in lines})[:count]
    return [line for line in lines if line.paragraph in kept]


def _unmarked(section: _Section, labels: Labels, target: str, is_final: bool) -> Answer:
    """An answer without a marker at the start of a line: the translation is told by its place."""
    lines = section.lines
    if not lines:
        return Answer("", "")
    first = lines[0].text
    if not is_final:
        shown = _Line(first[: _inline_held(first, target)], 0, False)
        return Answer(_plain([shown], section.opened, False), "")
    lines = [line for line in lines if line is lines[0] or not labels.match(line.text, (Part.REMARK,))]
    before, after = _blocks(lines)
    inline = _inline_marker(target).search(first)
    if inline and (not after or inline["apart"].strip() or first[: inline.start()].endswith(_SENTENCE_ENDS)):
        rest = first[inline.end() :]
        rest = rest.rstrip(")") if "(" in inline["apart"] and "(" not in rest else rest
        before, after = [_Line(first[: inline.start()], 0, True)], [_Line(rest, 0, True), *before[1:]]
    return Answer(_plain(before, section.opened, True), _plain(after, "", True))


def _blocks(lines: Sequence[_Line]) -> tuple[list[_Line], list[_Line]]:
    """Transcript and translation by their place alone: the first two paragraphs, or the first line and the rest."""
    paragraphs = sorted({line.paragraph for line in lines})
    if len(paragraphs) > 1:
        first, second = paragraphs[:2]
        return [line for line in lines if line.paragraph == first], [line for line in lines if line.paragraph == second]
    return list(lines[:1]), list(lines[1:])


_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！", '"', "”", "»")
_BETWEEN = r"[\s(/|*_–—-]"
_APART = rf'(?:(?<!{_BETWEEN})(?={_BETWEEN}{{0,3}}?(?:\s|\*\*)){_BETWEEN}++|(?<=[.?!…。？！"”»]){_BETWEEN}*+)'


def _inline_marker(target: str) -> re.Pattern[str]:
    """A marker inside a line; its case counts, since `in english:` is something that people say."""
    words = "|".join(re.escape(word) for word in (f"{target} translation", target, "Translation"))
    return re.compile(rf"(?P<apart>{_APART})(?:{words})[\s*_]*[:：][\s*_]*")


def _inline_held(line: str, target: str) -> int:
    """Where to stop showing a growing transcript: at a marker, or at what may become one."""
    marker = _inline_marker(target).search(line)
    words = "|".join(_begun(word) for word in (f"{target} translation", target, "Translation"))
    half = re.search(rf"(?<!{_BETWEEN}){_BETWEEN}++$|{_APART}(?:{words})?[\s*_]*$", line)
    return min([len(line), *(found.start() for found in (marker, half) if found)])


def _begun(word: str) -> str:
    """A pattern of `word` and of all that it begins with, from its first letter."""
    pattern = ""
    for letter in reversed(word[1:]):
        pattern = f"(?:{re.escape(letter)}{pattern})?"
    return re.escape(word[0]) + pattern


_PARTNERS = {'"': '"', "“": "”", "„": "“", "«": "»", "「": "」", "『": "』", "(": ")"}
_WRAPPER = re.compile(r'\*{2,3}|`+|["“„«「『]')


def _plain(lines: Sequence[_Line], opened: str, is_final: bool) -> str:
    """The text of lines on one line, without bullets and without the quotes or markdown it is wrapped in."""
    text = _joined(line.text for line in lines)
    text = _unwrapped(text, opened, is_final) if opened else text
    if not is_final and re.fullmatch(r"[*`]+", text):
        return ""
    wrapper = _WRAPPER.match(text)
    return _joined([_unwrapped(text[wrapper.end() :], wrapper[0], is_final) if wrapper else text])


def _unwrapped(text: str, opened: str, is_final: bool) -> str:
    """Leave out what closes `opened`, wherever it is: whether it wraps the whole isn't known before the whole is."""
    partner = _PARTNERS.get(opened, opened)
    if partner in text:
        return text.replace(partner, "", 1)
    return text if is_final else text.rstrip(partner[0])


def _joined(texts: Iterable[str]) -> str:
    return " ".join(" ".join(texts).split())
