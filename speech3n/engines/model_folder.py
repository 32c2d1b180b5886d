"""What kind of model a folder holds, as far as its files tell without loading it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from speech3n.errors import ModelError

_LARGEST_CONFIG = 16_000_000
"""Bytes; those of real models have a few thousand."""
_NEEDS = (
    "A model folder holds config.json, *.safetensors and the tokenizer's files of a Gemma 3n model from Hugging Face, "
    "or model.bin, config.json and tokenizer.json of a Whisper model in CTranslate2's format."
)


def family_of_folder(folder: Path) -> str:
    """`gemma` or `whisper`; raises ModelError where a folder holds neither, and says what it holds."""
    config = _read_config(folder / "config.json")
    kind = config.get("model_type") if config is not None else None
    if kind == "gemma3n":
        return "gemma"
    if config is not None and (folder / "model.bin").is_file():
        return "whisper"
    if config is None:
        found = "it has no config.json"
    elif kind is None:
        found = "it has no model.bin, and its config.json names no model_type"
    else:
        found = f"its config.json is that of a model of type {kind!r:.40}"
    hint = _NEEDS
    if kind == "whisper":
        hint = "Convert it with ct2-transformers-converter, or choose a model of `speech3n models list`."
    raise ModelError(f"'{folder}' holds no model that speech3n can run: {found}.", hint)


def _read_config(path: Path) -> dict[str, Any] | None:
    """The JSON object in a model's config.json, None where there is no such file; raises ModelError."""
    try:
        status = path.stat()
        # Opening a named pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(f"'{path}' is not a file.", _NEEDS)
        if status.st_size > _LARGEST_CONFIG:
            raise ModelError(f"'{path}' has {status.st_size / 1e6:.0f} MB: that is no model's configuration.", _NEEDS)
        config = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"'{path}' cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"'{path}' is not valid JSON.", "Copy or download the model again.") from error
    if not isinstance(config, dict):
        raise ModelError(f"'{path}' holds no JSON object.", _NEEDS)
    return config
