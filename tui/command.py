"""What `speech3n live` does: captions in a terminal UI, as plain text or as JSON lines."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click

from speech3n.errors import DeviceError, UsageError
from speech3n.session.live import LiveRequest


@dataclass(frozen=True, slots=True)
class Appearance:
    """How the terminal UI looks in the beginning: one of `themes.THEMES`, in large print or not."""

    theme: str = "dark"
    large: bool = False


@dataclass(frozen=True, slots=True)
class LiveCommand:
    """The command line of `live`: what to caption, and where and how it is shown."""

    request: LiveRequest
    plain: bool = False
    jsonl: bool = False
    list_devices: bool = False
    appearance: Appearance = Appearance()


def run(command: LiveCommand) -> int:
    """Caption until the source ends or people have had enough; the exit code."""
    if command.plain and command.jsonl:
        raise UsageError("--plain and --jsonl exclude each other.")
    if command.list_devices:
        return _list_devices()
    if not (command.jsonl or command.plain) and sys.stdout.isatty():
        from speech3n.tui.terminal import has_terminal

        if has_terminal():
            from speech3n.tui.app import run_app

            return run_app(command.request, command.appearance)
    from speech3n.tui.plain import run_plain

    return run_plain(command.request, jsonl=command.jsonl)


def _list_devices() -> int:
    from speech3n.audio.microphone import list_devices

    devices = list_devices()
    if not devices:
        raise DeviceError("No microphone was found.", "Plug one in, or allow this program to use it.")
    for device in devices:
        mark = "*" if device.is_default else " "
        click.echo(f"{mark} {device.index:3}  {device.name}  ({device.channels} ch, {device.sample_rate:.0f} Hz)")
    return 0
