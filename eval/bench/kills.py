"""`python -m speech3n.eval.bench.kills`: what a kill, or a power cut, takes of a live session.

A recording is piped into `speech3n live - --jsonl`, which is killed (SIGKILL) after a random number of events, and
`recover` makes a transcript of what is left. What had been printed as committed must stand in it word for word, first.
For a power cut, only what was seen to the disk (fsync) before the kill is left to `recover`; then the segments that had
been printed must be there.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from speech3n.audio.source import FileSource
from speech3n.eval.bench.program import run_program
from speech3n.journal.saved import SavedSession
from speech3n.session.recovery import RecoverRequest, recover_session
from speech3n.types import SAMPLE_RATE

SYNCED = "synced"
"""The folder, beside the session's, that has each file as the last fsync left it."""
_SHADOW = """
import os, shutil, sys
from pathlib import Path

def keep(sync):
    def call(descriptor):
        sync(descriptor)
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        if os.path.isfile(name):
            # Whole or not at all, as a disk that was synced has it.
            target = Path(name).parent.parent / "synced" / Path(name).name
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(name, f"{target}.new")
            os.replace(f"{target}.new", target)
    return call

os.fsync, os.fdatasync = keep(os.fsync), keep(os.fdatasync)
"""
_LIVE = "from speech3n.cli.main import main; import sys; main(sys.argv[1:])"


@dataclass(slots=True)
class Cut:
    """What had been printed when a session was killed, and what came back."""

    committed: list[str] = field(default_factory=list)
    """Words of segments, and the committed ones of the utterance that was going on."""
    final: list[str] = field(default_factory=list)
    """Words of segments only."""
    audio_s: float = 0.0
    recorded_s: float = 0.0
    recovered: list[str] = field(default_factory=list)

    def lost(self, words: Sequence[str]) -> int:
        """How many of the words that were printed are not the first words of what came back, in their order."""
        same = next((n for n, (a, b) in enumerate(zip(words, self.recovered, strict=False)) if a != b), None)
        return len(words) - (same if same is not None else min(len(words), len(self.recovered)))

    @property
    def lost_s(self) -> float:
        """Sound that had been looked at and is not there."""
        return max(0.0, self.audio_s - self.recorded_s)


def cut_session(sound: Path, events: int, folder: Path, options: Sequence[str], *, power: bool = False) -> Cut:
    """Kill a session over raw PCM after it printed so many events, and recover it; `options` are those of `live`."""
    program = (_SHADOW if power else "") + _LIVE
    command = [sys.executable, "-c", program, "live", "-", "--jsonl", "--save", str(folder / "session"), *options]
    with sound.open("rb") as stdin:
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    lines = [line for _, line in zip(range(events), process.stdout, strict=False)]
    process.kill()
    # What was printed until the kill came was seen, too.
    lines += [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
    process.wait()
    process.stdout.close()
    return _recovered(_printed([json.loads(line) for line in lines]), folder / (SYNCED if power else "session"))


def _printed(records: Sequence[dict[str, Any]]) -> Cut:
    cut = Cut()
    open_words: list[str] = []
    for record in records:
        if record["type"] == "update":
            open_words = record["committed"].split()
            cut.audio_s = record["audio_s"]
        elif record["type"] == "segment":
            cut.final += record["text"].split()
            open_words = []
    cut.committed = [*cut.final, *open_words]
    return cut


def _recovered(cut: Cut, folder: Path) -> Cut:
    cut.recorded_s = SavedSession.load(folder).recording.samples / SAMPLE_RATE
    recovered = recover_session(RecoverRequest(folder, formats="json"))
    segments = json.loads(recovered.paths[0].read_text("utf-8"))["segments"]
    cut.recovered = [word for segment in segments for word in segment["text"].split()]
    return cut


@click.command()
@click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kills", default=100, show_default=True, type=click.IntRange(0), help="Sessions killed.")
@click.option(
    "--power-cuts", default=20, show_default=True, type=click.IntRange(0), help="Sessions cut off from power."
)
@click.option("--events", default=60, show_default=True, type=click.IntRange(1), help="A kill comes before so many.")
@click.option("--language", default="auto", show_default=True, help="Language of the recording.")
@click.option("--seed", default=0, show_default=True)
def main(recording: Path, kills: int, power_cuts: int, events: int, language: str, seed: int) -> None:
    """Kill live sessions over RECORDING, a minute of speech or more, and say what was lost."""
    run_program(lambda: _run(recording, (kills, power_cuts), events, language, seed))


def _run(recording: Path, counts: tuple[int, int], events: int, language: str, seed: int) -> int:
    draw = random.Random(seed)
    lost = 0
    with tempfile.TemporaryDirectory(prefix="speech3n-kills-") as scratch:
        sound = Path(scratch) / "sound.pcm"
        with closing(FileSource(recording)) as source:
            sound.write_bytes(b"".join((frame * 32767).astype("<i2").tobytes() for frame in source.frames()))
        for count, power in zip(counts, (False, True), strict=True):
            cuts = []
            for number in range(count):
                folder = Path(scratch) / f"{number}-{power}"
                folder.mkdir()
                options = ["--language", language]
                cuts.append(cut_session(sound, draw.randint(1, events), folder, options, power=power))
                shutil.rmtree(folder)
            if cuts:
                lost += _report(cuts, power=power)
    return 1 if lost else 0


def _report(cuts: Sequence[Cut], *, power: bool) -> int:
    """Print what so many cuts took; the words that they took."""
    words = [cut.final if power else cut.committed for cut in cuts]
    lost = sum(cut.lost(printed) for cut, printed in zip(cuts, words, strict=True))
    said = sum(map(len, words))
    if power:
        click.echo(f"{len(cuts)} power cuts, words of segments: {said}, lost or changed: {lost}")
    else:
        seconds = max(cut.lost_s for cut in cuts)
        click.echo(
            f"{len(cuts)} kills, committed words: {said}, lost or changed: {lost}; sound lost: {seconds:.2f} s at most"
        )
    return lost


if __name__ == "__main__":
    main()
