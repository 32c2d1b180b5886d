"""One live session in a process of its own, so that its time and memory are nobody else's.

Writes the session's events to a log and its cost to a JSON file; `eval.bench` starts it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psutil

from speech3n.eval.measures.events import write_events
from speech3n.eval.sets.sounds import SOUNDS, GeneratedSource
from speech3n.types import SAMPLE_RATE, Status, Waveform

if TYPE_CHECKING:
    from speech3n.audio.source import AudioSource
    from speech3n.session.feed import Pace

_MEMORY_EVERY_S = 60.0


class LoopedSource:
    """A file over and over until `duration_s` are full; an AudioSource that holds no more than a file does."""

    is_live = False

    def __init__(self, path: Path, duration_s: float) -> None:
        self.name = path.name
        self.warnings: list[str] = []
        self.duration_s: float | None = duration_s
        self._path = path
        self._samples = round(duration_s * SAMPLE_RATE)

    def frames(self) -> Iterator[Waveform]:
        """The file's frames, cut after `duration_s`; raises AudioError."""
        from speech3n.audio.source import FileSource

        remaining = self._samples
        while remaining > 0:
            file = FileSource(self._path)
            try:
                for frame in file.frames():
                    yield frame[:remaining]
                    remaining -= min(len(frame), remaining)
                    if remaining == 0:
                        return
            finally:
                file.close()

    def close(self) -> None:
        """Nothing is held open between frames."""


@click.command()
@click.argument("recording")
@click.option("--seconds", type=float, help="Loop a recording, or go on with a sound, for so long.")
@click.option("--language", default=None)
@click.option("--model", required=True)
@click.option("--pace", type=click.Choice(["max", "realtime", "simulated"]), required=True)
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="For log, cost and journal.")
def main(recording: str, seconds: float | None, language: str | None, model: str, pace: Pace, folder: Path) -> None:
    """Run a session over RECORDING: an audio file, or a sound of eval.sets.sounds."""
    from speech3n.engines.registry import open_engine
    from speech3n.session.live import LiveRequest, open_live

    started = time.perf_counter()
    engine = open_engine(model)
    loading_s = time.perf_counter() - started
    source = _open_source(recording, seconds)
    request = LiveRequest(source, model, language=language, pace=pace, save=folder / "journal")
    memory: list[tuple[float, float]] = []
    process = psutil.Process()
    processor_before, started = sum(process.cpu_times()[:2]), time.perf_counter()
    with closing(engine), open_live(request, engine) as live:
        for event in write_events(folder / "events.jsonl", live.events()):
            if isinstance(event, Status) and event.audio_s >= len(memory) * _MEMORY_EVERY_S:
                memory.append((event.audio_s, process.memory_info().rss / 2**20))
        session_s, processor_s = time.perf_counter() - started, sum(process.cpu_times()[:2]) - processor_before
    cost = {
        "loading_s": loading_s,
        "session_s": session_s,
        "session_cpu_s": processor_s,
        "memory_mib": memory,
    }
    (folder / "cost.json").write_text(json.dumps(cost), "utf-8")


def _open_source(recording: str, seconds: float | None) -> AudioSource:
    from speech3n.audio.source import FileSource

    if recording in SOUNDS:
        return GeneratedSource(recording, seconds or 60.0)
    if seconds is not None:
        return LoopedSource(Path(recording), seconds)
    return FileSource(Path(recording))


if __name__ == "__main__":
    main()
