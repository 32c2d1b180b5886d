"""What a session makes of sounds without speech, and whether its memory grows over an hour."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

from speech3n.eval.bench.captions.live import GAP_S, run_session_process
from speech3n.eval.bench.store import Record, ResultStore
from speech3n.eval.measures.events import final_segments
from speech3n.eval.measures.false_text import count_false_text
from speech3n.eval.sets.audio_files import write_wav
from speech3n.eval.sets.clip import Clip, languages
from speech3n.eval.sets.joined import join_clips
from speech3n.eval.sets.sounds import SOUNDS

_MINUTE_S = 60.0


def run_silence(store: ResultStore, model: str, minutes: float) -> None:
    """Recognise so many minutes of each sound without speech, the language to be detected."""
    for sound in SOUNDS:
        name = f"silence-{sound.replace(' ', '-')}"
        settings = {"model": model, "sound": sound, "minutes": minutes}
        store.part(
            name,
            settings,
            partial(_recognise_sound, store, name, sound, model, minutes),
        )


def run_memory(store: ResultStore, clips: Sequence[Clip], model: str, minutes: float) -> None:
    """Caption the clips of the first language over and over, and look at the memory once a minute of audio."""
    chosen = [clip for clip in clips if clip.language == languages(clips)[0]]
    settings = {"model": model, "clips": len(chosen), "gap_s": GAP_S, "minutes": minutes}

    def compute() -> Record:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "joined.wav"
            write_wav(path, join_clips(chosen, GAP_S).pcm)
            arguments = [str(path), "--seconds", str(minutes * _MINUTE_S), "--pace", "max"]
            arguments += ["--language", chosen[0].language, "--model", model]
            run = run_session_process(store, "memory", arguments)
        samples = [mib for _, mib in run.memory_mib]
        quarter = max(1, len(samples) // 4)
        return {
            "memory_mib": run.memory_mib,
            "first_quarter_mib": fmean(samples[:quarter]),
            "last_quarter_mib": fmean(samples[-quarter:]),
            "peak_rss_mib": run.process.peak_rss_mib,
            "rtf": run.session_s / (minutes * _MINUTE_S),
            "words": sum(len(segment.words) for segment in final_segments(run.events)),
        }

    store.part("memory", settings, compute)


def _recognise_sound(store: ResultStore, name: str, sound: str, model: str, minutes: float) -> Record:
    seconds = minutes * _MINUTE_S
    run = run_session_process(store, name, [sound, "--seconds", str(seconds), "--pace", "max", "--model", model])
    counted = count_false_text(run.events)
    return {
        "words_final": counted.words_final,
        "words_shown": counted.words_shown,
        "texts": list(counted.texts),
        "session_s": run.session_s,
        "cpu_s": run.session_cpu_s,
        "cpu_rtf": run.session_cpu_s / seconds,
    }
