"""The command line: results go to stdout, everything else to stderr.

Exit codes: 0 all done, 1 some inputs failed, 2 wrong usage, 130 interrupted, 141 whoever read stdout went away.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

import speech3n
from speech3n.cli.settings import command_defaults, load_settings
from speech3n.cli.streams import ReaderGone, abandon_stdout, flush_stdout, prepare_streams, unwritable_stdout
from speech3n.errors import Speech3nError, printable
from speech3n.runtime.signals import interrupt_on_termination
from speech3n.runtime.threads import limit_blas_threads

_COMMANDS = {
    "transcribe": "speech3n.cli.transcribe:transcribe",
    "recover": "speech3n.cli.recover:recover",
    "models": "speech3n.cli.models:models",
    "finetune": "speech3n.cli.finetune:finetune",
}
_PLUGINS = "speech3n.commands"


class _LazyGroup(click.Group):
    """Commands are imported when they are asked for; those of tui and eval come in as entry points."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *_plugins()})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in _COMMANDS:
            module, attribute = _COMMANDS[name].split(":")
            command = getattr(import_module(module), attribute)
        elif name in _plugins():
            command = _plugins()[name].load()
        else:
            return None
        assert isinstance(command, click.Command)
        return command

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except BrokenPipeError as error:  # click would end the program with 1, and say nothing.
            raise ReaderGone from error

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(context, args)
        if command is not None and name is not None:
            context.default_map = {name: command_defaults(load_settings(), name, command)}
        return name, command, rest


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=_PLUGINS)}


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(speech3n.__version__, prog_name="speech3n")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Live captions, transcription and translation of speech.

    \b
    speech3n transcribe talk.mp4                    print what is said
    speech3n transcribe *.mp3 --format srt,json     write files beside the inputs
    speech3n live --language es --translate         captions from the microphone
    speech3n models pull whisper-base               fetch a model's weights
    speech3n finetune me.jsonl --output nano-me/    adapt a model to a voice
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every expected error is one line on stderr and an exit code."""
    limit_blas_threads()
    prepare_streams()
    interrupt_on_termination()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    try:
        code = cli.main(args=arguments, prog_name="speech3n", standalone_mode=False)
        flush_stdout()
    except Speech3nError as error:
        _fail(str(error), error.exit_code, debug)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("Interrupted.", 130, debug=False)
    except (ReaderGone, BrokenPipeError):
        abandon_stdout()
        sys.exit(141)
    except OSError as error:
        if error.filename is not None:
            _fail_unexpectedly(error, debug)
        abandon_stdout()
        _fail(str(unwritable_stdout(error)), 1, debug)
    except Exception as error:
        _fail_unexpectedly(error, debug)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _fail_unexpectedly(error: Exception, debug: bool) -> None:
    _fail(f"Internal error: {error!r}. Run with --debug for the traceback, and please report it.", 1, debug)


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    with suppress(OSError):  # Where stderr is full or gone, the exit code says it.
        click.echo(f"speech3n: {printable(message)}", err=True)
    sys.exit(code)
