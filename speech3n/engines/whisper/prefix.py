"""What of a growing utterance need not be decoded again: a prefix that the decoder is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer


class AgreedPrefix:
    """The tokens that the last two decodings share, cut back to whole words."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self._last: list[int] = []

    def advance(self, tokens: list[int], settled: int, tokenizer: Tokenizer) -> None:
        """Take the newest decoding, of which only the first `settled` tokens may be agreed on."""
        shared = 0
        while shared < min(settled, len(self._last)) and tokens[shared] == self._last[shared]:
            shared += 1
        # The last shared token may go on differently: the last word is left out.
        _, word_tokens = tokenizer.split_to_word_tokens(tokens[:shared])
        self.tokens = [token for word in word_tokens[:-1] for token in word]
        self._last = tokens
