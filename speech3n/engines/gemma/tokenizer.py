"""The tokenizer of a checkpoint folder, read by the library that transformers reads it by.

transformers itself takes a second to import, and nothing of it would be used: the tokens are in `tokenizer.json`, and
what is said around them in `tokenizer_config.json` and `chat_template.jinja`.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, NoReturn

from tokenizers import Tokenizer

from speech3n.errors import ModelError
from speech3n.runtime.untrusted import Unreadable, read_json, read_text

_HINT = "Fetch the checkpoint with all its files."
_LARGEST_FILE = 16_000_000
_CONTEXT_TOKENS = 3
"""Tokens that are decoded again before a new one, to see what it adds. A character has at most four bytes, so that
after three tokens of at least one byte what began before them is over."""


class CheckpointTokenizer:
    """What `speech3n.models.gemma3n.prompts.Tokenizer` asks for, with the names of transformers; raises ModelError."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "tokenizer.json").is_file():
            raise ModelError(f"'{folder}' has no tokenizer.json.", _HINT)
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            config = _read_object(folder / "special_tokens_map.json") | _read_object(folder / "tokenizer_config.json")
            self._template = _template(folder / "chat_template.jinja", config)
        except Exception as error:  # the library says that something is wrong with the file by a bare Exception
            raise ModelError(f"The tokenizer in '{folder}' cannot be loaded: {Unreadable(error)}.", _HINT) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._named = {name: _content(token) for name, token in config.items() if name.endswith("_token")}
        self._special = {token for token, added in self._tokenizer.get_added_tokens_decoder().items() if added.special}
        bytes_by_token = {self._tokenizer.token_to_id(f"<0x{byte:02X}>"): byte for byte in range(256)}
        self._byte_of = {token: byte for token, byte in bytes_by_token.items() if token is not None}

    @property
    def bos_token(self) -> str | None:
        """The token that begins every text."""
        return self._named.get("bos_token")

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of a conversation, or None."""
        return self._template

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Ids of a text; names of special tokens in it become those tokens."""
        return list(self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        """The text of ids."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))

    def decode_with_ends(self, ids: Sequence[int]) -> tuple[str, tuple[int, ...]]:
        """The text of ids without special tokens, and where in it each of them ends.

        A token that is followed by the rest of its last character ends after that character.
        """
        lengths = self._lengths(ids)
        # Half a character is shown as one or more marks (U+FFFD), which the rest of it replaces.
        ends = list(accumulate(reversed(lengths), min))[::-1]
        return self.decode(ids, skip_special_tokens=True), tuple(ends)

    def _lengths(self, ids: Sequence[int]) -> list[int]:
        """The lengths of the texts of the first id, the first two, and so on, each from the one before."""
        lengths: list[int] = []
        length = 0
        context: deque[int] = deque(maxlen=_CONTEXT_TOKENS)
        run: _ByteRun | None = None
        for token in ids:
            if token not in self._special and self.convert_ids_to_tokens(token) is not None:
                byte = self._byte_of.get(token)
                if byte is None:
                    run = None
                    before = self.decode([*context], skip_special_tokens=False)
                    length += len(self.decode([*context, token], skip_special_tokens=False)) - len(before)
                else:
                    if run is None:
                        # Some decoders leave out a space at the very beginning.
                        is_left_out = not context and not self.decode([token], skip_special_tokens=False)
                        run = _ByteRun(length, left_out=int(is_left_out))
                    length = run.push(byte)
                context.append(token)
            lengths.append(length)
        return lengths

    def convert_ids_to_tokens(self, token_id: int) -> str | None:
        """The name of one token, None where there is none."""
        return self._tokenizer.id_to_token(token_id)

    def convert_tokens_to_ids(self, name: str) -> int | None:
        """The id of the token of that name, None where there is none."""
        return self._tokenizer.token_to_id(name)

    def apply_chat_template(
        self, conversation: list[dict[str, Any]], *, tokenize: bool = False, add_generation_prompt: bool
    ) -> str:
        """The text of a conversation as the template writes it; whatever a template raises comes out of here."""
        assert not tokenize
        names = {name: token for name, token in self._named.items() if token}
        text: str = self._compiled.render(
            messages=conversation, tools=None, documents=None, add_generation_prompt=add_generation_prompt, **names
        )
        return text

    @cached_property
    def _compiled(self) -> Any:
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        # A template is a program of the checkpoint's; these settings are those that templates are written for.
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.globals["raise_exception"] = _fail
        return environment.from_string(self._template or "")


class _ByteRun:
    """Byte tokens in a row, for characters without a token: all become characters or, where one is not whole, marks.

    A mark for each byte, that is, those of whole characters included (`ByteFallback` in the tokenizers library).
    """

    def __init__(self, start: int, *, left_out: int = 0) -> None:
        """`start` is the length of the text before them, `left_out` how many characters the text lacks of them."""
        self._start = start
        self._left_out = left_out
        self._bytes = self._characters = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._is_broken = False

    def push(self, byte: int) -> int:
        """Add a byte; gives the length of the text."""
        self._bytes += 1
        try:
            self._characters += len(self._utf8.decode(bytes([byte])))
        except UnicodeDecodeError:
            self._is_broken = True
        is_whole = not self._is_broken and not self._utf8.getstate()[0]
        return self._start + (self._characters - self._left_out if is_whole else self._bytes)


def _read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file, an empty one where there is no file."""
    try:
        return read_json(path, _LARGEST_FILE)
    except FileNotFoundError:
        return {}
    except Unreadable as error:
        raise Unreadable(f"{path.name}: {error}") from error


def _template(path: Path, config: Mapping[str, Any]) -> str | None:
    """The template of a file of its own, or of the configuration, where it may be one of several."""
    with suppress(FileNotFoundError):
        return read_text(path, _LARGEST_FILE)
    template = config.get("chat_template")
    if isinstance(template, list):
        template = {entry["name"]: entry["template"] for entry in template}.get("default")
    return template if isinstance(template, str) else None


def _content(token: object) -> str | None:
    """The text of a token, which may come with settings beside it."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


def _fail(message: str) -> NoReturn:
    """What templates call when a conversation does not suit them."""
    from jinja2 import TemplateError

    raise TemplateError(message)
