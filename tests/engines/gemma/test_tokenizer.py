"""The tokenizer of a folder reads, writes and frames text as transformers' own does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from speech3n.engines.gemma.tokenizer import CheckpointTokenizer
from speech3n.errors import ModelError
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.prompts import AudioTokens, build_prompt
from tests.conftest import REPOSITORY

MEMORISED = REPOSITORY / "tests" / "data" / "gemma3n-memorised"
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
