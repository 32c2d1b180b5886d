"""Live captions of joined clips in two special cases: while another process is busy, and in real time.

Sessions run by the simulated clock, in which computing takes the time that it takes and waiting takes none;
one is run in real time, too, to see that both agree.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speech3n.eval.bench.processes import ProcessCost, busy_core, run_process
from speech3n.eval.bench.store import Record, ResultStore
from speech3n.eval.measures.events import final_segments, read_events
from speech3n.eval.measures.latency import clip_end_delays, distribution, word_delays
from speech3n.eval.sets.audio_files import write_wav
from speech3n.eval.sets.clip import Clip, languages
from speech3n.eval.sets.joined import JoinedRecording, join_clips
from speech3n.types import Event, Status, Update

GAP_S = 0.8
"""Silence between two clips: about the pause between two sentences of a speaker."""
_BUSY_S = 120.0
_AGREEMENT_S = 60.0


@dataclass(frozen=True, slots=True)
class SessionRun:
    """What a session in a process of its own said and took; times inside the session leave loading out."""

    events: list[Event]
    process: ProcessCost
    loading_s: float
    session_s: float
    session_cpu_s: float
    memory_mib: list[tuple[float, float]]


def run_agreement(store: ResultStore, clips: Sequence[Clip], model: str) -> None:
    """Caption the first minute of the first language in simulated and in real time."""
    first = _first_seconds([clip for clip in clips if clip.language == languages(clips)[0]], _AGREEMENT_S)
    for pace in ("simulated", "realtime"):
        _live_part(store, f"agreement-{pace}", first, model, pace=pace)


def run_busy(store: ResultStore, clips: Sequence[Clip], model: str) -> None:
    """Caption the first two minutes of each language while another process keeps one core busy."""
    for language in languages(clips):
        chosen = _first_seconds([clip for clip in clips if clip.language == language], _BUSY_S)
        _live_part(store, f"busy-{language}", chosen, model, busy=True)


def run_session_process(store: ResultStore, name: str, arguments: Sequence[str]) -> SessionRun:
    """Run `eval.bench.captions.session_process` and read what it left; its event log stays with the results."""
    folder = store.folder / "sessions" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [
        sys.executable,
        "-m",
        "speech3n.eval.bench.captions.session_process",
        *arguments,
        "--folder",
        str(folder),
    ]
    process = run_process(command)
    shutil.rmtree(folder / "journal")
    return SessionRun(
        events=read_events(folder / "events.jsonl"),
        process=process,
        **json.loads((folder / "cost.json").read_text("utf-8")),
    )


def session_summary(run: SessionRun, recording: JoinedRecording) -> Record:
    """All that the tables say about a session over joined clips."""
    delays = word_delays(run.events)
    text = " ".join(segment.text for segment in final_segments(run.events))
    statuses = [event for event in run.events if isinstance(event, Status)]
    return {
        "audio_s": recording.duration_s,
        "commit_delay_s": distribution([delay.commit_delay for delay in delays]),
        "shown_delay_s": distribution([delay.shown_delay for delay in delays]),
        "clip_end_delay_s": distribution(clip_end_delays(delays, recording.clips)),
        "updates": sum(isinstance(event, Update) for event in run.events),
        "rtf": run.session_s / recording.duration_s,
        "own_rtf": statuses[-1].rtf if statuses else 0.0,
        "cpu_rtf": run.session_cpu_s / recording.duration_s,
        "max_lag_s": max((status.lag_s for status in statuses), default=0.0),
        "dropped_s": max((status.dropped_s for status in statuses), default=0.0),
        "loading_s": run.loading_s,
        "process": run.process,
        "text": text,
    }


def _live_part(
    store: ResultStore,
    name: str,
    clips: Sequence[Clip],
    model: str,
    *,
    pace: str = "simulated",
    busy: bool = False,
) -> None:
    settings = {"model": model, "clips": len(clips), "gap_s": GAP_S, "pace": pace, "busy_core": busy}

    def compute() -> Record:
        recording = join_clips(clips, GAP_S)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "joined.wav"
            write_wav(path, recording.pcm)
            arguments = [str(path), "--language", clips[0].language, "--model", model, "--pace", pace]
            if not busy:
                return session_summary(run_session_process(store, name, arguments), recording)
            with busy_core():
                return session_summary(run_session_process(store, name, arguments), recording)

    store.part(name, settings, compute)


def _first_seconds(clips: Sequence[Clip], seconds: float) -> list[Clip]:
    """Clips from the beginning until `seconds` of sound are full."""
    kept: list[Clip] = []
    for clip in clips:
        if sum(previous.duration_s + GAP_S for previous in kept) >= seconds:
            break
        kept.append(clip)
    return kept
