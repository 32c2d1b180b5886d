"""When each word of a Whisper decoding was said, and how sure the model is of it.

Cross-attention alignment by dynamic time warping, as in Whisper's own `timing.py`, computed by CTranslate2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speech3n.types import SAMPLE_RATE, Word, is_spaced

if TYPE_CHECKING:
    import ctranslate2
    from faster_whisper.tokenizer import Tokenizer

_HOP_SAMPLES = 160
_ATTENTION_FRAME_S = 0.02
_MEDIAN_FILTER_FRAMES = 7
_OPENING = "\"'“¿([{-«¡"
_CLOSING = "\"'.。,，!！?？:：”)]}、»…;"
_LOWEST_PROBABILITY = 1e-10


@dataclass(frozen=True, slots=True)
class Alignment:
    """The words of a decoding, the start of each of its tokens in seconds, and their mean log probability."""

    words: tuple[Word, ...]
    token_starts: tuple[float, ...]
    average_logprob: float


def align_words(
    model: ctranslate2.models.Whisper,
    tokenizer: Tokenizer,
    encoded: ctranslate2.StorageView,
    tokens: list[int],
    samples: int,
) -> Alignment:
    """When and how surely the text `tokens` was said.

    Times are seconds in the utterance of `samples` samples.
    `encoded` [1, T, D] is the encoder's output; T may include padding, where no word is placed.
    """
    if not tokens:
        return Alignment((), (), 0.0)
    frames = min(samples // _HOP_SAMPLES, 2 * encoded.shape[1])
    (alignment,) = model.align(
        encoded, tokenizer.sot_sequence, [tokens], frames, median_filter_width=_MEDIAN_FILTER_FRAMES
    )
    probabilities = np.maximum(np.array(alignment.text_token_probs, np.float64), _LOWEST_PROBABILITY)
    starts = _token_starts(alignment.alignments, len(tokens), frames * _HOP_SAMPLES / SAMPLE_RATE)
    texts, word_tokens = tokenizer.split_to_word_tokens(tokens)
    spaced = is_spaced(tokenizer.language_code)
    words: list[Word] = []
    position = 0
    for text, ids in zip(texts, word_tokens, strict=True):
        end = position + len(ids)
        confidence = float(np.mean(probabilities[position:end]))
        _append(words, Word(text, float(starts[position]), float(starts[end]), confidence), spaced=spaced)
        position = end
    return Alignment(tuple(words), tuple(starts[:-1].tolist()), float(np.mean(np.log(probabilities))))


def _token_starts(path: list[tuple[int, int]], tokens: int, end_s: float) -> NDArray[np.float64]:
    """Start of each token in seconds [tokens + 1] from a DTW path of (token, frame); the last entry is the end."""
    starts = np.full(tokens + 1, end_s)
    for token, frame in reversed(path):
        if token <= tokens:
            starts[token] = frame * _ATTENTION_FRAME_S
    return np.minimum.accumulate(starts[::-1])[::-1]


def _append(words: list[Word], word: Word, *, spaced: bool) -> None:
    """Append a word in reading order; punctuation and hyphenated parts join the word that they belong to."""
    text = word.text.strip()
    if not text:
        return
    previous = words[-1] if words else None
    if previous is not None and previous.text in _OPENING:
        words[-1] = Word(previous.text + text, previous.start, word.end, word.confidence)
    elif previous is not None and not word.text.startswith(" ") and text in _CLOSING:
        words[-1] = Word(previous.text + text, previous.start, previous.end, previous.confidence)
    elif previous is not None and not word.text.startswith(" ") and spaced:
        confidence = min(previous.confidence, word.confidence)
        words[-1] = Word(previous.text + text, previous.start, word.end, confidence)
    else:
        words.append(Word(text, word.start, word.end, word.confidence))
