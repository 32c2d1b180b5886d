"""The settings file: what each option takes, and what is said of anything else."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from speech3n.cli.main import main
from speech3n.cli.settings import command_defaults, load_settings
from speech3n.errors import UsageError


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("SPEECH3N_CONFIG", str(path))
    return path


@click.command()
@click.option("--translate", is_flag=True)
@click.option("--output-dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--format", "formats", metavar="LIST")
@click.option("--keep", multiple=True)
@click.option("--channels", type=click.IntRange(1, 32))
@click.option("--max-lag", type=click.FloatRange(min=1))
@click.option("--pace", type=click.Choice(["realtime", "max"]))
@click.option("--device", metavar="NAME|INDEX")
@click.option("--model")
def hear(**options: object) -> None:
    """A command with an option of each kind."""


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("translate = true", "translate", True),
        ('output_dir = "there"', "output_dir", "there"),
        ('output-dir = "there"', "output_dir", "there"),
        ('format = "srt,json"', "formats", "srt,json"),
        ('format = ["srt", "json"]', "formats", "srt,json"),
        ("format = []", "formats", ""),
        ('keep = "one"', "keep", ["one"]),
        ('keep = ["one", "two"]', "keep", ["one", "two"]),
        ("channels = 2", "channels", 2),
        ("max_lag = 2", "max_lag", 2),
        ("max_lag = 2.5", "max_lag", 2.5),
        ('pace = "max"', "pace", "max"),
        ("device = 3", "device", 3),
        ('device = "USB"', "device", "USB"),
    ],
)
def test_each_option_takes_its_kind(settings: Path, line: str, name: str, value: object) -> None:
    settings.write_text(f"[hear]\n{line}\n")
    assert command_defaults(load_settings(), "hear", hear) == {name: value}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("translate = 1", "true or false"),
        ('translate = "yes"', "true or false"),
        ("output_dir = true", "a text in quotes"),
        ("output_dir = 1979-05-27", "a text in quotes"),
        ("format = 3", "a text in quotes, or a list of them"),
        ('format = ["srt", 3]', "a text in quotes, or a list of them"),
        ('format = [["srt"]]', "a text in quotes, or a list of them"),
        ("keep = 3", "a text in quotes, or a list of them"),
        ("keep = [[]]", "a text in quotes, or a list of them"),
        ("channels = true", "a whole number"),
        ("channels = 2.5", "a whole number"),
        ('channels = "2"', "a whole number"),
        (f"channels = {'9' * 400}", "a whole number"),
        ("channels = 99", "99 is not in the range 1<=x<=32"),
        ("max_lag = nan", "a number"),
        ("max_lag = inf", "a number"),
        (f"max_lag = {'9' * 400}", "a number"),
        ("max_lag = 0.5", "0.5 is not in the range x>=1"),
        ('pace = "slow"', "'slow' is not one of"),
        ("pace = false", "one of 'realtime', 'max'"),
        ("device = 1.5", "a text in quotes"),
        ("model = 5", "a text in quotes"),
        ('model = ["a"]', "a text in quotes"),
        ("model = {a = 1}", "a text in quotes"),
        ('output_dir = "a\\u0000b"', "embedded null byte"),
    ],
)
def test_what_an_option_does_not_take_is_named_with_file_table_and_kind(settings: Path, line: str, wanted: str) -> None:
    settings.write_text(f"[hear]\n{line}\n")
    with pytest.raises(UsageError) as refused:
        command_defaults(load_settings(), "hear", hear)
    name = line.split(" ")[0]
    assert f"'{name}' under [hear] in '{settings}'" in refused.value.message
    assert wanted in refused.value.message
    assert f"--{name.replace('_', '-')}" in refused.value.hint


def test_a_setting_for_every_command_is_named_without_a_table(settings: Path) -> None:
    settings.write_text("translate = 1\n")
    with pytest.raises(UsageError) as refused:
        command_defaults(load_settings(), "hear", hear)
    assert refused.value.message == f"'translate' in '{settings}' is 1, and should be true or false."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a = \n", "Invalid value (at line 1, column 5)"),
        (b"a = 1\na = 2\n", "line 2"),
        (b'a = "\xff"\n', "byte 5 is not UTF-8"),
        (b"a = " + b"[" * 100_000, "nested too deep"),
        (b"a = " + b"9" * 5_000, "Exceeds the limit"),
        (b"#" * 2_000_000, "far too large, over 1 MB"),
    ],
    ids=["no value", "twice", "not UTF-8", "nested", "5,000 digits", "too large"],
)
def test_a_file_that_is_no_toml_is_one_line(
    settings: Path, capsys: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    settings.write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        main(["transcribe", "talk.flac"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(settings) in line
    assert reason in line


def test_a_folder_or_a_pipe_in_place_of_the_file_is_said(settings: Path) -> None:
    settings.mkdir()
    with pytest.raises(UsageError, match="it is a folder"):
        load_settings()
    settings.rmdir()
    os.mkfifo(settings)
    with pytest.raises(UsageError, match="it is not a file"):
        load_settings()
    settings.unlink()
    settings.symlink_to(settings)
    with pytest.raises(UsageError, match="Too many levels of symbolic links"):
        load_settings()


@pytest.mark.parametrize("content", ["\ufefftranslate = true\r\n", "translate = true\r\n"])
def test_a_byte_order_mark_and_carriage_returns_are_read_over(settings: Path, content: str) -> None:
    settings.write_bytes(content.encode())
    assert load_settings() == {"translate": True}


def test_no_settings_at_all(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings() == {}
    monkeypatch.setenv("SPEECH3N_CONFIG", os.devnull)
    assert load_settings() == {}


@pytest.mark.parametrize("line", ["translate = 1", "output_dir = true", "format = 5", "rate = 1"])
def test_the_command_line_says_it_on_one_line(settings: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    settings.write_text(f"[transcribe]\n{line}\n")
    with pytest.raises(SystemExit) as ended:
        main(["transcribe", "talk.flac"])
    assert ended.value.code == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert f"under [transcribe] in '{settings}'" in said


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1" * 400])
@pytest.mark.parametrize(
    "command",
    [
        ["live", "a.flac", "--max-lag"],
        ["finetune", "pyproject.toml", "--output", "there", "--rate"],
        ["eval", "run", ".", "--join"],
        ["eval", "run", ".", "--false-text"],
    ],
)
def test_no_option_takes_infinities_or_what_is_no_number(
    capsys: pytest.CaptureFixture[str], command: list[str], number: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, number])
    assert ended.value.code == 2
    assert f"Invalid value for '{command[-1]}'" in capsys.readouterr().err


def test_a_slip_above_the_tables_is_said(settings: Path) -> None:
    settings.write_text("translat = true\n")
    with pytest.raises(UsageError, match=r"Unknown setting 'translat' in .* Did you mean translate\?"):
        command_defaults(load_settings(), "hear", hear)
    settings.write_text('beam = "of another command"\n')
    assert command_defaults(load_settings(), "hear", hear) == {}
