"""faster-whisper called directly, in a process of its own: the peer that our offline results stand beside.

Its own API and its own defaults, but for the settings that are given: CPU, compute type, threads, beam size,
language, and word times, which we write too.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

SETTINGS = {"device": "cpu", "compute_type": "int8", "beam_size": 5, "word_timestamps": True}


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--model", required=True, help="Folder of the model.")
@click.option("--language", required=True)
@click.option("--task", type=click.Choice(["transcribe", "translate"]), default="transcribe", show_default=True)
@click.option("--threads", type=int, default=0, show_default=True, help="0: CTranslate2's own choice.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="JSON file of texts by input.")
def main(files: tuple[str, ...], model: str, language: str, task: str, threads: int, output: Path) -> None:
    """Recognise FILES with faster-whisper and write their texts."""
    from faster_whisper import WhisperModel

    recogniser = WhisperModel(
        model, device=SETTINGS["device"], compute_type=SETTINGS["compute_type"], cpu_threads=threads
    )
    texts = {}
    for file in files:
        segments, _ = recogniser.transcribe(
            file,
            beam_size=SETTINGS["beam_size"],
            language=language,
            task=task,
            word_timestamps=SETTINGS["word_timestamps"],
        )
        texts[file] = "".join(segment.text for segment in segments).strip()
    output.write_text(json.dumps(texts, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
