"""Settings: flags before environment variables before the user's TOML file.

# ~/.config/speech3n/config.toml (or the file that SPEECH3N_CONFIG names)
model = "whisper-base"        # for every command that has the option
[transcribe]
format = "srt,json"           # for one command
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speech3n.errors import UsageError


def settings_path() -> Path:
    """The user's settings file, whether it exists or not."""
    if configured := os.environ.get("SPEECH3N_CONFIG"):
        return Path(configured)
    from platformdirs import user_config_path

    return user_config_path("speech3n") / "config.toml"


def load_settings() -> dict[str, Any]:
    """What the settings file says, empty where there is none; raises UsageError where it cannot be read."""
    path = settings_path()
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"The settings in '{path}' cannot be read: {error}.") from error


def command_defaults(settings: Mapping[str, Any], command: str, options: Mapping[str, str]) -> dict[str, Any]:
    """The defaults for one command by its options' names; raises UsageError for a setting that it does not have.

    `options` has the name of an option by that of its setting.
    """
    table = settings.get(command, {})
    if not isinstance(table, Mapping):
        raise UsageError(f"'{command}' in '{settings_path()}' should be a table: [{command}].")
    for name in table:
        if name.replace("-", "_") not in options:
            near = difflib.get_close_matches(name, options, n=1)
            raise UsageError(
                f"Unknown setting '{name}' under [{command}] in '{settings_path()}'.",
                f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(options))}.",
            )
    common = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    merged = {name.replace("-", "_"): value for name, value in {**common, **table}.items()}
    return {options[name]: value for name, value in merged.items() if name in options}
