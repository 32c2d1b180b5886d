"""A draft changes how long decoding takes, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from speech3n.decoding.generate import Generated, generate, is_loop

VOCABULARY = 24
STOP, OTHER_STOP = 0, 1
PROMPT = (20, 21, 22)
READ = (18, 19)
"""What the cache holds before the prompt."""
START = len(READ) + len(PROMPT)
LIMIT = 60

Scores = Callable[[tuple[int, ...]], Tensor]
"""The logits [V] after all ids so far."""


class ToyDecoder:
    """A model whose logits depend on all that its cache holds, and which holds generate() to what it may put there."""

    def __init__(self, scores: Scores) -> None:
        self._scores = scores
        self._cache = list(READ)

    @property
    def length(self) -> int:
        return len(self._cache)

    def extend(self, ids: Sequence[int], read: int) -> Tensor:
        assert 1 <= read <= len(ids)
        # What is not a draft is the prompt, and after it nothing but what the model itself chose.
        known = (*self._cache, *ids[: len(ids) - read + 1])
        assert known[:START] == READ + PROMPT
        for place in range(START, len(known)):
            assert known[place] == int(self._scores(known[:place]).argmax())
        self._cache.extend(ids)
        return torch.stack([self._scores(tuple(self._cache[: self.length - back])) for back in reversed(range(read))])

    def truncate(self, length: int) -> None:
        assert START <= length <= self.length
        del self._cache[length:]


def random_model(seed: int, order: int) -> Scores:
    """Random logits that depend on the last `order` ids, and for an order of 0 on all."""
    known: dict[tuple[int, ...], Tensor] = {}

    def scores(ids: tuple[int, ...]) -> Tensor:
        key = ids[-order:]
        if key not in known:
            source = random.Random(f"{seed} {key}")
            known[key] = torch.tensor([source.gauss(0, 2) for _ in range(VOCABULARY)])
        return known[key]

    return scores


def reciting(text: Sequence[int]) -> Scores:
    """Logits of a model that says `text`, whatever it was made to say before, and ends."""

    def scores(ids: tuple[int, ...]) -> Tensor:
        place = len(ids) - START
        token = text[place] if 0 <= place < len(text) else STOP
        return 5 * F.one_hot(torch.tensor(token), VOCABULARY).float()

    return scores


def run(scores: Scores, draft: Sequence[int] = (), limit: int = LIMIT, propose_first: int | None = None) -> Generated:
    stop = {STOP, OTHER_STOP}
    return generate(ToyDecoder(scores), PROMPT, draft, stop=stop, limit=limit, propose_first=propose_first)


def one_by_one(scores: Scores, limit: int = LIMIT) -> Generated:
    """Greedy decoding as a textbook has it."""
    tokens: list[int] = []
    logprobs: list[float] = []
    while True:
        best, token = scores((*READ, *PROMPT, *tokens)).log_softmax(-1).max(-1)
        if int(token) in (STOP, OTHER_STOP) or len(tokens) == limit or is_loop(tokens):
            return Generated(tuple(tokens), tuple(logprobs), int(token) in (STOP, OTHER_STOP), len(tokens) + 1)
        tokens.append(int(token))
        logprobs.append(float(best))


def assert_same(found: Generated, expected: Generated) -> None:
    assert found.tokens == expected.tokens
    assert found.logprobs == pytest.approx(expected.logprobs, abs=1e-6)
    assert found.is_complete == expected.is_complete


TOKEN = st.integers(0, VOCABULARY - 1)
EDIT = st.tuples(st.floats(0, 1), st.integers(0, 3), st.lists(TOKEN, max_size=3))
"""Where in a text how many tokens are replaced by what."""


@settings(max_examples=60)
@given(
    st.builds(random_model, st.integers(0, 9999), st.sampled_from([0, 1, 2])),
    st.lists(EDIT, max_size=4),
    st.lists(TOKEN, max_size=6),
    st.integers(0, 24),
)
def test_any_draft_gives_what_no_draft_gives(
    scores: Scores, edits: list[tuple[float, int, list[int]]], more: list[int], limit: int
) -> None:
    expected = one_by_one(scores, limit)
    assert_same(run(scores, limit=limit), expected)
    draft = list(one_by_one(scores).tokens)
    for place, removed, added in edits:
        start = int(place * len(draft))
        draft[start : start + removed] = added
    for tried, first in ((draft, None), (draft + more, None), (more, None), (draft, len(draft) // 2)):
        found = run(scores, tried, limit, first)
        assert_same(found, expected)
        assert found.passes <= len(expected.tokens) + 1


TEXT = (12, 3, 2, 11, 4, 2, 7, 9, 10, 15, 13, 10, 4, 15, 17, 14, 13, 14, 9, 14, 7, 5, 17, 8, 11, 7, 17, 12, 7, 2)
"""Tokens of which no two neighbours come twice."""
CHANGED = 23


@pytest.mark.parametrize(("first", "passes"), [(30, 1), (10, 2), (0, 3)])
def test_what_was_not_proposed_at_first_is_where_the_text_matches_it(first: int, passes: int) -> None:
    found = run(reciting(TEXT), TEXT, propose_first=first)
    assert (found.tokens, found.passes) == (TEXT, passes)


@pytest.mark.parametrize(
    ("draft", "passes"),
    [
        (TEXT, 1),
        ((), 31),
        ((*TEXT, STOP), 1),
        (TEXT[:-1], 2),
        # After a difference two tokens have to agree before the rest is proposed again.
        ((*TEXT[:10], CHANGED, *TEXT[11:]), 4),
        ((*TEXT[:10], CHANGED, CHANGED, *TEXT[10:]), 3),
        ((*TEXT[:10], *TEXT[12:]), 5),
        ((*TEXT[:5], CHANGED, *TEXT[6:20], CHANGED, *TEXT[21:]), 7),
        ((CHANGED, *TEXT), 3),
        ((*TEXT[:3], CHANGED, CHANGED, 23), 28),
    ],
    ids=[
        *("right", "none", "right to its end", "all but the last", "a token changed", "tokens inserted"),
        *("tokens left out", "two tokens changed", "one inserted at the start", "nothing after the difference"),
    ],
)
def test_the_rest_of_a_draft_is_proposed_again_where_the_text_matches_it(draft: tuple[int, ...], passes: int) -> None:
    found = run(reciting(TEXT), draft)
    assert (found.tokens, found.is_complete, found.passes) == (TEXT, True, passes)


@pytest.mark.parametrize("draft", [(), TEXT, TEXT[:3], (CHANGED, *TEXT)])
@pytest.mark.parametrize("limit", [0, 1, 2, 29, 30, 31])
def test_the_limit_is_exact(draft: tuple[int, ...], limit: int) -> None:
    found = run(reciting(TEXT), draft, limit)
    assert found.tokens == TEXT[:limit]
    assert len(found.logprobs) == len(found.tokens)
    assert found.is_complete == (limit >= len(TEXT))


@pytest.mark.parametrize("stop", [STOP, OTHER_STOP])
def test_a_draft_that_goes_on_after_the_end_is_cut(stop: int) -> None:
    scores = reciting([*TEXT[:8], stop, *TEXT[8:]])
    for draft in (TEXT, (*TEXT[:8], stop, *TEXT[8:]), (*TEXT[:8], OTHER_STOP, STOP)):
        found = run(scores, draft)
        assert (found.tokens, found.is_complete, found.passes) == (TEXT[:8], True, 1)


@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_a_coincidence_does_not_hide_where_the_text_matches_the_draft(length: int) -> None:
    """What was changed in the draft comes again later, with something else behind it."""
    text = (*TEXT[:20], *TEXT[5 : 5 + length], CHANGED - 1, *TEXT[20:])
    found = run(reciting(text), (*text[:5], CHANGED, CHANGED, CHANGED, *text[8:]))
    assert found.tokens == text
    assert found.passes <= 7


def test_a_stop_token_in_a_draft_does_not_end_a_text_that_goes_on() -> None:
    found = run(reciting(TEXT), (*TEXT[:8], STOP, *TEXT[8:]))
    assert (found.tokens, found.is_complete, found.passes) == (TEXT, True, 3)


@pytest.mark.parametrize("period", [1, 2, 5, 12])
def test_a_loop_ends_and_is_not_complete(period: int) -> None:
    phrase = TEXT[: period + 3][3:]
    said = TEXT[:3] + phrase * 40
    expected = one_by_one(reciting(said), limit=200)
    assert is_loop(expected.tokens)
    assert not expected.is_complete
    assert len(expected.tokens) <= 3 + max(10, 5 * period)
    for draft in ((), said, expected.tokens, (*TEXT[:3], *phrase * 2), phrase * 9):
        assert_same(run(reciting(said), draft, limit=200), expected)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([5] * 9, False),
        ([5] * 10, True),
        ([5] * 10 + [6], False),
        ([5, 6] * 4, False),
        ([7, *[5, 6] * 5], True),
        ([*range(12)] * 4, False),
        ([*range(12)] * 5, True),
        ([*range(13)] * 9, False),
        (list(TEXT), False),
        ([], False),
    ],
)
def test_what_counts_as_a_loop(tokens: list[int], expected: bool) -> None:
    assert is_loop(tokens) == expected


def test_logprobs_are_those_of_the_chosen_tokens() -> None:
    found = run(reciting(TEXT))
    assert found.logprobs == pytest.approx([float(torch.tensor([5.0, *[0.0] * 23]).log_softmax(-1)[0])] * len(TEXT))
