"""Settings: flags before environment variables before the user's TOML file.

# ~/.config/speech3n/config.toml (or the file that SPEECH3N_CONFIG names)
model = "whisper-base"        # for every command that has the option
[transcribe]
format = "srt,json"           # for one command; also ["srt", "json"]
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from speech3n.errors import UsageError
from speech3n.runtime.untrusted import Unreadable, read_text, shown

_LARGEST_FILE = 1_000_000
_LARGEST_NUMBER = 2**53
"""TOML knows infinities, what is not a number, and whole numbers of thousands of digits."""


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
        return tomllib.loads(read_text(path, _LARGEST_FILE))
    except FileNotFoundError:
        return {}
    except RecursionError as error:
        raise _unreadable("it is nested too deep") from error
    except ValueError as error:
        raise _unreadable(str(Unreadable(error))) from error


def command_defaults(settings: Mapping[str, Any], name: str, command: click.Command) -> dict[str, Any]:
    """The defaults for one command by its options' names.

    Raises UsageError, which names file, table and setting, for a setting that the command does not have, and for a
    value that its option does not take.
    """
    options = _options(command)
    table = settings.get(name, {})
    if not isinstance(table, Mapping):
        raise UsageError(f"'{name}' in '{settings_path()}' should be a table: [{name}].")
    for setting in table:
        if setting.replace("-", "_") not in options:
            near = difflib.get_close_matches(setting, options, n=1)
            raise UsageError(
                f"Unknown setting '{setting}' under [{name}] in '{settings_path()}'.",
                f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(options))}.",
            )
    common = {setting: value for setting, value in settings.items() if not isinstance(value, Mapping)}
    for setting in common:
        # Above the tables there are settings of other commands, too; one that is nearly one of this is none of them.
        near = difflib.get_close_matches(setting.replace("-", "_"), options, n=1, cutoff=0.8)
        if near and setting.replace("-", "_") not in options:
            raise UsageError(f"Unknown setting '{setting}' in '{settings_path()}'.", f"Did you mean {near[0]}?")
    merged = {
        setting.replace("-", "_"): (value, where)
        for values, where in ((common, ""), (table, f" under [{name}]"))
        for setting, value in values.items()
    }
    return {
        str(options[setting].name): _value(options[setting], setting, value, where)
        for setting, (value, where) in merged.items()
        if setting in options
    }


def _options(command: click.Command) -> dict[str, click.Option]:
    """The options of a command by what the settings file calls them, which is as their flags."""
    return {
        flag.lstrip("-").replace("-", "_"): option
        for option in command.params
        if isinstance(option, click.Option) and option.name is not None
        for flag in option.opts
    }


def _value(option: click.Option, setting: str, value: object, where: str) -> object:
    """A value in the form in which the option's flag gives it; raises UsageError where the option does not take it."""
    found = value
    if isinstance(value, list) and not option.multiple and option.metavar == "LIST":
        found = ",".join(value) if all(isinstance(item, str) for item in value) else None
    elif option.multiple and not isinstance(value, list):
        found = [value]
    singles = found if option.multiple and isinstance(found, list) else [found]
    if not all(_is_of_kind(option, single) for single in singles):
        raise _wrong(option, setting, where, f"is {shown(value)}, and should be {_kind(option)}")
    try:
        option.type_cast_value(click.Context(click.Command(None)), found)
    except (click.BadParameter, ValueError) as error:  # ValueError: a path with a null character.
        reason = str(Unreadable(getattr(error, "message", error)))
        raise _wrong(option, setting, where, f"is {shown(value)}: {reason}") from error
    return found


def _is_of_kind(option: click.Option, value: object) -> bool:
    """Whether a value of TOML is of the kind that an option takes."""
    if option.is_flag or isinstance(value, bool):
        return option.is_flag and isinstance(value, bool)
    if isinstance(option.type, click.types.FloatParamType):
        return isinstance(value, int | float) and abs(value) <= _LARGEST_NUMBER
    if isinstance(option.type, click.types.IntParamType) or (_takes_index(option) and not isinstance(value, str)):
        return isinstance(value, int) and abs(value) <= _LARGEST_NUMBER
    return isinstance(value, str)


def _takes_index(option: click.Option) -> bool:
    """Whether a text may be the number of something, which TOML has without quotes."""
    return "INDEX" in (option.metavar or "")


def _kind(option: click.Option) -> str:
    if option.is_flag:
        return "true or false"
    if isinstance(option.type, click.types.FloatParamType):
        kind = "a number"
    elif isinstance(option.type, click.types.IntParamType):
        kind = "a whole number"
    elif isinstance(option.type, click.Choice):
        kind = f"one of {', '.join(map(repr, option.type.choices))}"
    else:
        kind = "a text in quotes"
    return f"{kind}, or a list of them" if option.multiple or option.metavar == "LIST" else kind


def _wrong(option: click.Option, setting: str, where: str, what: str) -> UsageError:
    return UsageError(
        f"'{setting}'{where} in '{settings_path()}' {what}.",
        f"It is the default of {option.opts[0]}: change it, or take it out.",
    )


def _unreadable(reason: str) -> UsageError:
    return UsageError(f"The settings in '{settings_path()}' cannot be read: {reason}.", "Mend the file, or remove it.")
