"""Tasks on a recording (transcribe, translate) as prompts, and the answers that are to be learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speech3n.languages import language_name
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.prompts import AudioTokens, Prompt, build_prompt, instruction

TARGET = "en"
_END_OF_TURN = "<end_of_turn>"


@dataclass(frozen=True, slots=True)
class Task:
    """A task: transcribe what is spoken in `language` (None: find out), and translate it to English if so asked."""

    language: str | None
    translate: bool

    def __str__(self) -> str:
        then = f" to {language_name(TARGET)}" if self.translate else ""
        return (language_name(self.language) if self.language else "auto") + then

    @property
    def instruction(self) -> str:
        """The words of the prompt."""
        return instruction(self.language, TARGET if self.translate else None)

    def answer(self, transcript: str, translation: str) -> str:
        """What the model is to write: nothing where nothing was said."""
        if not transcript or not self.translate:
            return transcript
        return f"{transcript}\n{language_name(TARGET)}: {translation}".strip()


def tasks_for(language: str) -> list[Task]:
    """All tasks on a recording in a language: the language named or not, with a translation or without."""
    return [Task(named, translate) for named in (language, None) for translate in (False, True)]


def random_task(languages: Sequence[str], random: np.random.Generator) -> Task:
    """A task as it may be set on any audio, whatever is spoken in it."""
    language = None if random.random() < 0.5 else str(random.choice(languages))
    return Task(language, bool(random.random() < 0.5))


class PromptEncoder:
    """Tasks and answers as token ids of one tokenizer."""

    def __init__(self, tokenizer: Any, config: Gemma3nConfig) -> None:
        self._tokenizer = tokenizer
        self._tokens = AudioTokens(config.boa_token_id, config.eoa_token_id, config.audio_token_id)
        self._prompts: dict[Task, Prompt] = {}
        self.end_of_turn: int = tokenizer.convert_tokens_to_ids(_END_OF_TURN)

    def prompt(self, task: Task) -> Prompt:
        """The ids around the audio."""
        if task not in self._prompts:
            self._prompts[task] = build_prompt(self._tokenizer, self._tokens, task.instruction)
        return self._prompts[task]

    def answer(self, text: str) -> tuple[int, ...]:
        """The ids of an answer, the last one ending the turn."""
        return (*self._tokenizer.encode(text, add_special_tokens=False), self.end_of_turn)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """The characters that each id of an answer is for, but for the last id."""
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [(begin, end) for begin, end in encoded["offset_mapping"]]

    def text(self, ids: Sequence[int]) -> str:
        """The text of ids."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
