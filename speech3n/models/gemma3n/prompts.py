"""The text around the audio, as token ids: what the model is asked, in the turn format that it was trained on.

Text from before the audio (`StreamOptions.context`) has no place here: Gemma 3n has no slot for it, in the
instruction it would be taken for words to transcribe or to translate, and begun as the model's answer it
makes the model go on with speech that isn't there. Whether it helps can't be shown without trained weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from speech3n.errors import ModelError
from speech3n.languages import language_name

_START_OF_TURN, _END_OF_TURN = "<start_of_turn>", "<end_of_turn>"
_HINT = "Use the tokenizer that belongs to the checkpoint, with all its files."


class Tokenizer(Protocol):
    """What is used of a transformers tokenizer."""

    @property
    def bos_token(self) -> str | None:
        """The token that begins every text."""

    @property
    def chat_template(self) -> Any:
        """The Jinja template of a conversation, or None."""

    def encode(self, text: str, /, *, add_special_tokens: bool) -> list[int]:
        """Ids of a text; names of special tokens in it become those tokens."""

    def decode(self, ids: list[int], /, *, skip_special_tokens: bool) -> Any:
        """The text of ids (transformers' own type allows lists of texts, for lists of lists)."""

    def convert_ids_to_tokens(self, ids: int, /) -> Any:
        """The name of one token, None where there is none."""

    def apply_chat_template(
        self, conversation: list[dict[str, Any]], /, *, tokenize: bool, add_generation_prompt: bool
    ) -> Any:
        """The text (`tokenize=False`) of a conversation as the template writes it."""


@dataclass(frozen=True, slots=True)
class AudioTokens:
    """The ids that frame audio in the text, named as in `config.json`."""

    boa_token_id: int = 256_000
    eoa_token_id: int = 262_272
    audio_token_id: int = 262_273


@dataclass(frozen=True, slots=True)
class Prompt:
    """The ids before the first soft token, the last one begin-of-audio, and those after the last soft token.

    `suffix` starts with end-of-audio and goes on to where the model's answer begins.
    """

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]


def instruction(language: str | None, target: str | None = None) -> str:
    """What the model is asked; languages are codes, and a `language` of None is one to find out.

    With `target` the model is to transcribe and then to translate (chain of thought). The words are those of
    Google's announcement of Gemma 3n.
    """
    spoken = language_name(language) if language else "its original language"
    then = f", then translate it into {language_name(target)}" if target else ""
    return f"Transcribe the following speech segment in {spoken}{then}:"


def build_prompt(tokenizer: Tokenizer, tokens: AudioTokens, instruction: str) -> Prompt:
    """Tokenise a user turn of audio and `instruction`, and split it where the soft tokens go.

    The text is tokenised whole, with one soft token in it, as `Gemma3nProcessor` does: Gemma merges runs of
    newlines, so that the ids of the parts are not the parts of the ids. Raises ModelError where the
    tokenizer lacks a token, or its chat template places no audio.
    """
    names = _token_names(tokenizer, tokens)
    soft = names["audio_token_id"]
    turn = _user_turn(tokenizer, soft, instruction)
    if turn.count(soft) != 1:
        raise ModelError(f"The prompt places {soft} {turn.count(soft)} times for one piece of audio.", _HINT)
    audio = f"\n\n{names['boa_token_id']}{soft}{names['eoa_token_id']}\n\n"
    ids = tokenizer.encode(turn.replace(soft, audio), add_special_tokens=False)
    return _split(ids, tokens, soft)


def _token_names(tokenizer: Tokenizer, tokens: AudioTokens) -> dict[str, str]:
    names: dict[str, str] = {}
    for field in fields(tokens):
        token_id = getattr(tokens, field.name)
        name = tokenizer.convert_ids_to_tokens(token_id)
        if not name:
            raise ModelError(f"The tokenizer has no token {token_id}, the {field.name} of the configuration.", _HINT)
        _check_special(tokenizer, str(name), token_id)
        names[field.name] = str(name)
    return names


def _check_special(tokenizer: Tokenizer, name: str, token_id: int | None = None) -> None:
    """Hold a token to being one: a tokenizer that doesn't know it writes it out in pieces, and nothing fails."""
    ids = tokenizer.encode(name, add_special_tokens=False)
    if len(ids) != 1 or (token_id is not None and ids[0] != token_id):
        raise ModelError(f"The tokenizer doesn't take {name} for one special token.", _HINT)


def _user_turn(tokenizer: Tokenizer, soft: str, instruction: str) -> str:
    """The conversation up to the model's answer, `soft` standing for the audio."""
    bos = tokenizer.bos_token
    if not bos:
        raise ModelError("The tokenizer has no bos_token, and Gemma reads no text without it.", _HINT)
    turn = (
        _from_template(tokenizer, instruction) if tokenizer.chat_template else _built_in(tokenizer, soft, instruction)
    )
    return turn if turn.startswith(bos) else bos + turn


def _from_template(tokenizer: Tokenizer, instruction: str) -> str:
    content = [{"type": "audio"}, {"type": "text", "text": instruction}]
    try:
        turn = tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
    except Exception as error:  # a template is a program of the checkpoint's: anything can come out of it
        raise ModelError(f"The tokenizer's chat template fails: {error}.", _HINT) from error
    return str(turn)


def _built_in(tokenizer: Tokenizer, soft: str, instruction: str) -> str:
    for name in (_START_OF_TURN, _END_OF_TURN):
        _check_special(tokenizer, name)
    return f"{_START_OF_TURN}user\n{soft}{instruction.strip()}{_END_OF_TURN}\n{_START_OF_TURN}model\n"


def _split(ids: Sequence[int], tokens: AudioTokens, soft: str) -> Prompt:
    if ids.count(tokens.audio_token_id) != 1:
        raise ModelError(f"The prompt holds {soft} {ids.count(tokens.audio_token_id)} times instead of once.", _HINT)
    place = ids.index(tokens.audio_token_id)
    prompt = Prompt(tuple(ids[:place]), tuple(ids[place + 1 :]))
    if prompt.prefix[-1:] != (tokens.boa_token_id,) or prompt.suffix[:1] != (tokens.eoa_token_id,):
        raise ModelError(f"The tokenizer puts something between {soft} and the tokens that frame audio.", _HINT)
    return prompt
