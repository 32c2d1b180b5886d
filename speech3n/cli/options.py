"""Command-line options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from speech3n.store import DEFAULT_MODEL

_Command = TypeVar("_Command", bound=Callable[..., Any])


class FiniteRange(click.FloatRange):
    """A number within bounds; infinities and NaN, which passes any bounds, are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; raises BadParameter."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


model = click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    metavar="NAME|DIR",
    envvar="SPEECH3N_MODEL",
    help="Name of a model (`speech3n models list`) or a folder that holds one.",
)


def _unless_auto(context: click.Context, parameter: click.Parameter, value: str) -> str | None:
    return None if value.strip().lower() in {"", "auto"} else value


language = click.option(
    "--language",
    default="auto",
    callback=_unless_auto,
    show_default=True,
    metavar="LANG",
    envvar="SPEECH3N_LANGUAGE",
    help="Language spoken: a code or a name, such as es or Spanish; auto detects it.",
)
translate = click.option(
    "--translate", is_flag=True, envvar="SPEECH3N_TRANSLATE", help="Translate as well: to English, or --to another."
)
to = click.option(
    "--to",
    default="en",
    metavar="LANG",
    envvar="SPEECH3N_TO",
    help="Language to translate to, by code or name; implies --translate.  [default: English]",
)
formats = click.option(
    "--format",
    "formats",
    metavar="LIST",
    help="Files to write, such as srt,json: txt, srt, vtt, tsv, json.",
)
output_dir = click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the files.  [default: where the input is]",
)
subtitles = click.option(
    "--subtitles",
    type=click.Choice(["source", "translation", "both"]),
    help="What SRT and WebVTT show with --translate.  [default: both]",
)


def raw_pcm(command: _Command) -> _Command:
    """What raw PCM on stdin is: its sample rate, its channels, its samples."""
    for option in (
        click.option(
            "--sample-format",
            type=click.Choice(["s16le", "s32le", "f32le"]),
            default="s16le",
            show_default=True,
            help="Samples of raw PCM on stdin.",
        ),
        click.option(
            "--channels", type=click.IntRange(1, 32), default=1, show_default=True, help="Channels of raw PCM on stdin."
        ),
        click.option(
            "--rate",
            type=click.IntRange(4000, 384000),
            default=16000,
            show_default=True,
            metavar="HZ",
            help="Sample rate of raw PCM on stdin.",
        ),
    ):
        command = option(command)
    return command


def size(default: str | None = None) -> Callable[[_Command], _Command]:
    """The size of an elastic model; None is all of it."""
    return click.option(
        "--size",
        default=default,
        metavar="auto|half|e2b|e4b|FILE",
        envvar="SPEECH3N_SIZE",
        help="Size at which nano or a Gemma 3n runs: one that it holds, or auto to go by the lag."
        f"  [default: {default or 'all of it'}]",
    )


def translates(translate: bool) -> bool:
    """Whether the command is to translate: by --translate, or by --to where it was given as a flag.

    A language to translate to in the settings or the environment only says which one it would be.
    """
    given = click.get_current_context().get_parameter_source("to")
    return translate or given is click.core.ParameterSource.COMMANDLINE
