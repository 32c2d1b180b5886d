"""What a checkpoint says that it was trained for."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech3n.errors import ModelError
from speech3n.models.gemma3n.capabilities import NAME, Capabilities
from speech3n.models.gemma3n.sizes import PRESETS, Size


def test_a_checkpoint_that_says_nothing_is_as_published(tmp_path: Path) -> None:
    assert (
        Capabilities.read(tmp_path)
        == Capabilities.read(tmp_path / "nowhere")
        == Capabilities(None, None, 28.0, PRESETS)
    )


@pytest.mark.parametrize(
    "capabilities",
    [
        Capabilities(),
        Capabilities(frozenset({"en", "es"}), frozenset({"en"}), 12.5, {"odd": Size("odd", (1, 2))}),
        Capabilities(frozenset({"pt"}), None, 28.0, {"short": Size("short", None, (3,))}),
    ],
)
def test_what_was_written_is_read(tmp_path: Path, capabilities: Capabilities) -> None:
    capabilities.write(tmp_path)
    assert Capabilities.read(tmp_path) == capabilities


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid: not JSON: Expecting"),
        ("[" * 60_000, "not valid: "),
        ("[]", "not valid: not a JSON object"),
        ('{"langages": []}', "holds no object of languages, max_utterance_s, sizes, translates_to"),
        ('{"languages": "en"}', "'en' is not a list of languages"),
        ('{"sizes": [1]}', r"\[1\] is not a table of sizes"),
        ('{"sizes": {"half": 5}}', "does not hold an object"),
        ('{"sizes": {"half": {"fnn": 5}}}', "unknown key 'fnn'"),
        ('{"max_utterance_s": "9"}', "max_utterance_s is '9', and not a number from 2 to 28"),
        ('{"max_utterance_s": 0}', "max_utterance_s is 0, and not"),
        ('{"max_utterance_s": true}', "max_utterance_s is True, and not"),
        ('{"max_utterance_s": NaN}', "max_utterance_s is nan, and not"),
        (" " * 70_000, "far too large"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(ModelError, match=message) as caught:
        Capabilities.read(tmp_path)
    assert str(tmp_path / NAME) in str(caught.value)
    assert "\n" not in str(caught.value)
