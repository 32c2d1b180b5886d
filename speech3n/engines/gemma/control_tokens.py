"""Control tokens in decoded text: where they end the answer, and how they and their halves are kept out of sight."""

from __future__ import annotations

import re

_NAMES = (
    *("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "[multimodal]"),
    *(f"<{edge}_of_{what}>" for edge in ("start", "end") for what in ("turn", "audio", "image")),
    *("<audio_soft_token>", "<image_soft_token>"),
)
_CONTROL = re.compile("|".join([*map(re.escape, _NAMES), r"<unused\d+>"]))
_END = re.compile("<eos>|<end_of_turn>|<start_of_turn>")
_MODELS_TURN = re.compile(r"(?:\s|<bos>)*<start_of_turn>[^\n]*\n?")
_HALF_UNUSED = re.compile(r"<unused\d+")
_SURELY_CONTROL = 4
"""Characters from which half a control token is left out of a whole answer, too: a mere `<` may have been said."""


def strip_control_tokens(text: str, is_final: bool) -> tuple[str, bool]:
    """The text without control tokens, and whether one of them ended the answer.

    What follows the end is dropped. The half of a control token at the end of growing text is held back,
    and so is half a character (U+FFFD, from a character of several tokens).
    """
    turn = _MODELS_TURN.match(text)
    text = text[turn.end() :] if turn else text
    end = _END.search(text)
    text = text[: end.start()] if end else text
    while _CONTROL.search(text):  # what is left may close up to one more
        text = _CONTROL.sub("", text)
    while half := _half_token(text, is_final or end is not None):  # a token may come whole after half of another
        text = text[: -len(half)]
    return text.rstrip("\ufffd"), end is not None


def _half_token(text: str, is_whole: bool) -> str:
    start = max(text.rfind("<"), text.rfind("["))
    tail = text[start:] if start >= 0 else ""
    if not tail or (is_whole and (tail[0] != "<" or len(tail) < _SURELY_CONTROL)):
        return ""
    begins = any(name.startswith(tail) for name in (*_NAMES, "<unused")) or _HALF_UNUSED.fullmatch(tail)
    return tail if begins else ""
