"""The config.json of a model folder, read with care: somebody may have given any folder."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from speech3n.errors import ModelError
from speech3n.runtime.untrusted import BYTE_ORDER_MARK

_LARGEST_CONFIG = 16_000_000
"""Bytes; those of real models have a few thousand."""


def read_config(folder: Path, hint: str) -> dict[str, Any] | None:
    """The JSON object in config.json, None where there is no such file.

    Raises ModelError where the file is no model's configuration; `hint` says what a model folder holds.
    """
    path = folder / "config.json"
    try:
        status = path.stat()
        # Opening a named pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(f"'{path}' is not a file.", hint)
        if status.st_size > _LARGEST_CONFIG:
            raise ModelError(f"'{path}' has {status.st_size / 1e6:.0f} MB: that is no model's configuration.", hint)
        config = json.loads(path.read_bytes().removeprefix(BYTE_ORDER_MARK))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"'{path}' cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"'{path}' is not valid JSON.", "Copy or download the model again.") from error
    if not isinstance(config, dict):
        raise ModelError(f"'{path}' holds no JSON object.", hint)
    return config
