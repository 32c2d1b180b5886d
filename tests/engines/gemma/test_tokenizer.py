"""The tokenizer of a folder reads, writes and frames text as transformers' own does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models
from transformers import AutoTokenizer

from speech3n.engines.gemma.tokenizer import CheckpointTokenizer
from speech3n.errors import ModelError
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.prompts import AudioTokens, build_prompt
from tests.conftest import REPOSITORY

MEMORISED = REPOSITORY / "tests" / "data" / "gemma3n-memorised"
NANO = REPOSITORY / "speech3n" / "nano"
CONVERSATION = [{"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": " Transcribe it: \n"}]}]
TEMPLATE = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {{ raise_exception('no system here') }}
{%- endif -%}
{%- for message in messages -%}
    {%- if (message['role'] == 'assistant') -%}{%- continue -%}{%- endif -%}
    {{ '<start_of_turn>' + message['role'] + '\n' }}
    {%- for item in message['content'] -%}
        {%- if item['type'] == 'audio' -%}
            {{ '<audio_soft_token>' }}
        {%- elif item['type'] == 'text' -%}
            {{ item['text'] | trim }}
        {%- endif -%}
    {%- endfor -%}
    {{ '<end_of_turn>\n' }}
{%- endfor -%}
{% if add_generation_prompt %}
    {{- '<start_of_turn>model\n' -}}
{% endif %}
"""


def checkpoint(folder: Path, **changes: Any) -> Path:
    """The tokenizer of the memorising model, its configuration changed."""
    folder.mkdir()
    shutil.copy(MEMORISED / "tokenizer.json", folder)
    config = json.loads((MEMORISED / "tokenizer_config.json").read_text("utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config | changes), "utf-8")
    return folder


@pytest.fixture(scope="module")
def reference() -> Any:
    return AutoTokenizer.from_pretrained(str(MEMORISED), local_files_only=True)


@pytest.mark.parametrize("text", ["", "Merci.  Veuillez\n\nattendre d'établir", "<bos>a<end_of_turn>\n好😀", " x "])
def test_text_becomes_the_ids_of_the_reference_and_text_again(reference: Any, text: str) -> None:
    mine = CheckpointTokenizer(MEMORISED)
    for special in (True, False):
        ids = mine.encode(text, add_special_tokens=special)
        assert ids == reference.encode(text, add_special_tokens=special)
        for skipped in (True, False):
            assert mine.decode(ids, skip_special_tokens=skipped) == reference.decode(ids, skip_special_tokens=skipped)
            for token in ids:
                found = mine.decode([token], skip_special_tokens=skipped)
                assert found == reference.decode([token], skip_special_tokens=skipped)


def test_tokens_have_the_names_of_the_reference(reference: Any) -> None:
    mine = CheckpointTokenizer(MEMORISED)
    assert mine.bos_token == reference.bos_token
    for token in (0, 1, 2, 100, len(reference) - 1):
        assert mine.convert_ids_to_tokens(token) == reference.convert_ids_to_tokens(token)
        assert mine.convert_tokens_to_ids(reference.convert_ids_to_tokens(token)) == token
    assert mine.convert_ids_to_tokens(10_000) is None
    assert mine.convert_tokens_to_ids("<nothing>") is None


@pytest.mark.parametrize("place", ["file", "configuration", "list"])
def test_a_template_is_rendered_as_the_reference_renders_it(tmp_path: Path, place: str) -> None:
    several = [{"name": "tool_use", "template": "wrong"}, {"name": "default", "template": TEMPLATE}]
    changes: dict[str, Any] = {"configuration": {"chat_template": TEMPLATE}, "list": {"chat_template": several}}
    folder = checkpoint(tmp_path / "model", **changes.get(place, {}))
    if place == "file":
        (folder / "chat_template.jinja").write_text(TEMPLATE, "utf-8")
    mine = CheckpointTokenizer(folder)
    theirs: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    asked: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True}
    shown = mine.apply_chat_template(CONVERSATION, **asked)
    assert shown == theirs.apply_chat_template(CONVERSATION, **asked)
    assert "<start_of_turn>user\n<audio_soft_token>Transcribe it:<end_of_turn>" in shown
    config = Gemma3nConfig.read(MEMORISED)
    tokens = AudioTokens(config.boa_token_id, config.eoa_token_id, config.audio_token_id)
    assert build_prompt(mine, tokens, "Transcribe it:") == build_prompt(theirs, tokens, "Transcribe it:")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('no audio here') }}", "no audio here"),
        ("{{ messages.__class__.__mro__ }}", "unsafe"),
        ("{% for %}", "Expected"),
    ],
)
def test_a_template_that_fails_or_reaches_out_is_an_error(tmp_path: Path, template: str, message: str) -> None:
    mine = CheckpointTokenizer(checkpoint(tmp_path / "model", chat_template=template))
    config = Gemma3nConfig.read(MEMORISED)
    with pytest.raises(ModelError, match=f"template fails: .*{message}"):
        build_prompt(mine, AudioTokens(config.boa_token_id, config.eoa_token_id, config.audio_token_id), "What?")


def test_a_token_may_come_with_settings(tmp_path: Path) -> None:
    assert (
        CheckpointTokenizer(checkpoint(tmp_path / "a", bos_token={"content": "<b>", "special": True})).bos_token
        == "<b>"
    )
    assert CheckpointTokenizer(checkpoint(tmp_path / "b", bos_token=None)).bos_token is None


@pytest.mark.parametrize("config", ["{", "[]", '{"chat_template": [1]}'])
def test_a_broken_configuration_is_named(tmp_path: Path, config: str) -> None:
    folder = checkpoint(tmp_path / "model")
    (folder / "tokenizer_config.json").write_text(config, "utf-8")
    with pytest.raises(ModelError, match=r"tokenizer in '.*' cannot be loaded.* Fetch"):
        CheckpointTokenizer(folder)


def test_an_engine_opens_without_transformers() -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom speech3n.engines.base import StreamOptions\n"
        "from speech3n.engines.gemma.engine import Gemma3nEngine\n"
        f"engine = Gemma3nEngine(Path({str(MEMORISED)!r}), 'memorised')\n"
        "engine.open_stream(StreamOptions(language='es', translate=True))\n"
        "print('transformers' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "False"


def with_byte_tokens(folder: Path, decoder: decoders.Decoder) -> CheckpointTokenizer:
    """A tokenizer in the manner of Gemma's: pieces with `▁` for spaces, and byte tokens for all other characters."""
    pieces = ["<pad>", "▁", "▁a", "b", "▁▁", "é", "\n", "\ufffd", "好", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True, unk_token="<pad>"))
    tokenizer.add_special_tokens([AddedToken("<end_of_turn>", special=True)])
    tokenizer.add_tokens([AddedToken("hm", special=False)])
    tokenizer.decoder = decoder
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return CheckpointTokenizer(folder)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CheckpointTokenizer]:
    folder = tmp_path_factory.mktemp("tokenizers")
    as_gemma = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return {
        "memorised": CheckpointTokenizer(MEMORISED),
        "nano": CheckpointTokenizer(NANO),
        "gemma": with_byte_tokens(folder / "gemma", decoders.Sequence(as_gemma)),
        "without leading spaces": with_byte_tokens(
            folder / "stripped", decoders.Sequence([*as_gemma, decoders.Strip(" ", 1, 0)])
        ),
    }


def ends_by_prefix(tokenizer: CheckpointTokenizer, ids: list[int]) -> tuple[int, ...]:
    """Where each token ends by decoding every prefix; the rest of a character is waited for."""
    lengths = [len(tokenizer.decode(ids[:count], skip_special_tokens=True)) for count in range(1, len(ids) + 1)]
    return tuple(min(lengths[place:]) for place in range(len(ids)))


TEXTS = st.text(st.sampled_from("a bé\n好😀世\ufffd") | st.characters(codec="utf-8"), max_size=12)
TOKENS = st.lists(st.integers(0, 300) | st.integers(0, 4000), max_size=6)


@pytest.mark.parametrize("name", ["memorised", "nano", "gemma", "without leading spaces"])
@settings(max_examples=150)
@given(parts=st.lists(st.tuples(TEXTS, TOKENS), max_size=3))
def test_tokens_end_where_the_text_before_the_next_one_does(
    tokenizers: dict[str, CheckpointTokenizer], name: str, parts: list[tuple[str, list[int]]]
) -> None:
    """Texts, among them such as no token ends a character of, and any tokens: special, unknown, half characters."""
    tokenizer = tokenizers[name]
    ids: list[int] = []
    for text, tokens in parts:
        ids += [*tokenizer.encode(text, add_special_tokens=False), *tokens]
    text, ends = tokenizer.decode_with_ends(ids)
    assert text == tokenizer.decode(ids, skip_special_tokens=True)
    assert ends == ends_by_prefix(tokenizer, ids)


@pytest.mark.parametrize(
    ("name", "tokens", "text", "ends"),
    [
        ("memorised", ["好😀世"], "好😀世", (1, 1, 1, 2, 2, 2, 2, 3, 3, 3)),
        ("gemma", ["<0xC3>", "<0xA9>", "<end_of_turn>", "<0xC3>", "<0xA9>", "b"], "ééb", (1, 1, 1, 2, 2, 3)),
        ("gemma", ["<0xC3>", "<0xA9>", "<0xC3>", "b"], "\ufffd\ufffd\ufffdb", (1, 1, 3, 4)),
        ("without leading spaces", ["▁a", "▁a", "▁"], "a a ", (1, 3, 4)),
    ],
)
def test_parts_of_a_character_end_where_it_does(
    tokenizers: dict[str, CheckpointTokenizer], name: str, tokens: list[str], text: str, ends: tuple[int, ...]
) -> None:
    tokenizer = tokenizers[name]
    named = [tokenizer.convert_tokens_to_ids(token) for token in tokens]
    ids = [token for token in named if token is not None] or tokenizer.encode(tokens[0], add_special_tokens=False)
    assert tokenizer.decode_with_ends(ids) == (text, ends)


@pytest.mark.parametrize("name", ["memorised", "gemma"])
def test_a_long_text_is_decoded_a_few_tokens_at_a_time(
    tokenizers: dict[str, CheckpointTokenizer], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tokenizers[name]
    ids = tokenizer.encode("b b世b😀 b" * 40, add_special_tokens=False)
    decoded: list[int] = []
    decode = CheckpointTokenizer.decode

    def counted(self: CheckpointTokenizer, ids: list[int], *, skip_special_tokens: bool) -> str:
        decoded.append(len(ids))
        return decode(self, ids, skip_special_tokens=skip_special_tokens)

    monkeypatch.setattr(CheckpointTokenizer, "decode", counted)
    tokenizer.decode_with_ends(ids)
    whole = decoded.pop()
    assert whole == len(ids) > 100
    assert max(decoded) <= 4
