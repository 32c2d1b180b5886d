"""Settings files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click
from hypothesis import given
from hypothesis import strategies as st

from speech3n.cli.main import cli
from speech3n.cli.settings import command_defaults, load_settings, settings_path
from tests.fuzz.damage import DEEP, LONG, SPOILED, VALUES, maybe_damaged, spoil
from tests.fuzz.outcome import outcome, tries

COMMANDS = ("transcribe", "live", "recover", "finetune", "models", "eval", "bench")
ARGUMENTS = {"transcribe": ["a.flac"], "recover": ["."], "finetune": ["pyproject.toml", "--output", "o"]}


def as_toml(value: object) -> str:
    """A value as TOML has it."""
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "1979-05-27"
        case str():
            whole = {LONG: '"' + "a" * 900_000 + '"', DEEP: "[" * 100_000}.get(value)
            escaped = "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in value)
            return whole or f'"{escaped}"'
        case list():
            return f"[{', '.join(map(as_toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{as_toml(key)} = {as_toml(item)}" for key, item in value.items()) + "}"
        case _:
            return str(value)


def option_names(command: str) -> list[str]:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    flags = [flag for option in found.params if isinstance(option, click.Option) for flag in option.opts]
    return [flag.lstrip("-").replace("-", "_") for flag in flags] or ["nothing"]


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, bytes]:
    command = draw(st.sampled_from(COMMANDS))
    lines = [] if draw(st.booleans()) else [f"[{command}]"]
    names = draw(st.lists(st.sampled_from(option_names(command)), max_size=3, unique=True))
    lines += [f"{name} = {as_toml(draw(VALUES))}" for name in names]
    return command, draw(maybe_damaged("\n".join(lines).encode()))


def use(command: str) -> None:
    """Read the settings for a command, and give them to it as its defaults."""
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    defaults = command_defaults(load_settings(), command, found)
    with suppress(click.ClickException, click.exceptions.Exit):
        found.make_context(command, [*ARGUMENTS.get(command, [])], default_map=defaults)


@tries(0.1)
@given(tables())
def test_settings(table: tuple[str, bytes]) -> None:
    command, content = table
    settings_path().write_bytes(content)
    outcome(lambda: use(command))


def test_what_is_no_file(tmp_path: Path) -> None:
    for how in SPOILED:
        spoil(settings_path(), how)
        outcome(lambda: use("transcribe"))
