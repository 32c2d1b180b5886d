"""Make speech to train on from lists of sentences.

    python -m speech3n.training.nano.synthesise --sentences TEXT --voices kokoro-js-1.2.1.tgz --output DIR --hours 10

One process computes on one thread: run several with different seeds. What is made depends on the seed alone; run it
again and it goes on with the shard after the last whole one. Ctrl-C keeps what was spoken.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import FrameType

import click
import numpy as np

from speech3n.errors import Speech3nError, UsageError
from speech3n.training.data.sentences import Sentence, draw_sentences, read_sentences, reserved_texts
from speech3n.training.data.shards import LONGEST_SHARD_S, ShardWriter, speech_s
from speech3n.training.nano.synthesis.silence import trim_silence
from speech3n.training.nano.synthesis.synthesisers import EspeakVoices, Kokoro, Pico, Synthesiser, read_voices
from speech3n.training.nano.synthesis.voices import ESPEAK, KOKORO, LANGUAGES, PICO, VoiceSampler
from speech3n.training.pause import wait_while_exists
from speech3n.types import SAMPLE_RATE

_MARGINS_S = (0.1, 0.4)
_SENTENCE_S = 3.0
"""About what a sentence takes, for how many go into a shard."""
_FASTEST, _SLOWEST = 0.03, 0.25
"""Seconds for each letter between which speech is what was to be said."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make: `hours` of speech in all below `output`, evenly over the languages."""

    languages: tuple[str, ...]
    hours: float
    output: Path
    seed: int
    shard_s: float = LONGEST_SHARD_S
    pause_while: Path | None = None


class SpeechSynthesis:
    """Speaks shards, one after the other, until there is enough or somebody says stop."""

    def __init__(
        self,
        plan: Plan,
        sentences: Mapping[str, list[Sentence]],
        voices: VoiceSampler,
        synthesisers: Mapping[str, Synthesiser],
    ) -> None:
        self._plan = plan
        self._sentences = sentences
        self._voices = voices
        self._synthesisers = synthesisers
        self._stop = False

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """Finish the sentence, keep what there is of the shard, and end."""
        self._stop = True

    def work(self) -> None:
        """Make what is missing; raises StorageError where it can't be kept."""
        plan = self._plan
        done_s = speech_s(plan.output)
        for number in count():
            for language in plan.languages:
                path = plan.output / language / f"{language}_s{plan.seed}_{number:04}.jsonl"
                if path.is_file():
                    continue
                if self._stop or done_s >= plan.hours * 3600:
                    return
                started = time.monotonic()
                shard = self.speak(language, number)
                if not shard.clips:
                    continue
                shard.write(path)
                added_s = sum(clip.end_s - clip.start_s for clip in shard.clips)
                done_s += added_s
                pace = added_s / (time.monotonic() - started)
                click.echo(
                    f"{path.stem}: {len(shard.clips)} clips, {added_s:.0f} s, {pace:.1f} x real time; "
                    f"{done_s / 3600:.2f} of {plan.hours:g} hours",
                    err=True,
                )

    def speak(self, language: str, number: int) -> ShardWriter:
        """One shard, the same for the same seed."""
        plan = self._plan
        place = LANGUAGES.index(language)
        random = np.random.default_rng([plan.seed, place, number])
        shard = ShardWriter()
        for sentence in draw_sentences(self._sentences[language], plan.seed, number, round(plan.shard_s / _SENTENCE_S)):
            wait_while_exists(plan.pause_while, lambda: self._stop)
            if self._stop:
                break
            style = self._voices.draw(language, sentence.variant, random)
            before_s, after_s = random.uniform(*_MARGINS_S, 2)
            spoken = self._synthesisers[style.voice.synthesiser].speak(sentence.text, style)
            waveform = trim_silence(spoken, before_s, after_s)
            length_s = len(waveform) / SAMPLE_RATE - before_s - after_s
            if not _FASTEST <= length_s / len(sentence.text) <= _SLOWEST + 1 / len(sentence.text):
                continue
            if not shard.has_room(waveform, plan.shard_s):
                break
            shard.add(
                waveform,
                sentence.text,
                sentence.translation_en,
                language=language,
                voice=str(style.voice),
                speed=style.speed,
                source=sentence.source,
            )
        return shard


@click.command()
@click.option("--sentences", "text", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--voices", required=True, type=click.Path(exists=True, path_type=Path), help="Archive of kokoro-js.")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--languages", default=",".join(LANGUAGES), show_default=True)
@click.option("--hours", default=10.0, show_default=True, type=click.FloatRange(0, min_open=True))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--reserve", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="List or manifest of what must not be spoken (besides valid.* of the sentences).")  # fmt: skip
@click.option("--shard-minutes", default=10.0, show_default=True, type=click.FloatRange(0.1, 10))
@click.option("--pico-share", type=click.FloatRange(0, 1),
              help="How often Pico speaks, over ten times as fast as Kokoro; usually 8 %, in French 15 %.")  # fmt: skip
@click.option("--espeak-share", default=0.0, show_default=True, type=click.FloatRange(0, 1),
              help="How often espeak-ng speaks, about fifty times as fast as Kokoro.")  # fmt: skip
@click.option("--pause-while", type=click.Path(path_type=Path), help="Rest while this file exists.")
def main(
    text: Path, voices: Path, output: Path, languages: str, hours: float, seed: int, reserve: tuple[Path, ...],
    shard_minutes: float, pico_share: float | None, espeak_share: float, pause_while: Path | None,
) -> None:  # fmt: skip
    """Speak sentences into shards of Ogg Opus with a line of JSON for each clip."""
    try:
        chosen = _chosen(languages)
        plan = Plan(chosen, hours, output, seed, shard_minutes * 60, pause_while)
        reserved = reserved_texts([*sorted(text.glob("valid.*")), *reserve])
        pools = {language: read_sentences(text, language, reserved) for language in chosen}
        kokoro = Kokoro(read_voices(voices))
        sampler = VoiceSampler(kokoro.voices, pico_share=pico_share, espeak_share=espeak_share)
        synthesis = SpeechSynthesis(plan, pools, sampler, {KOKORO: kokoro, PICO: Pico(), ESPEAK: EspeakVoices()})
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, synthesis.stop)
        click.echo(", ".join(f"{language}: {len(pool)} sentences" for language, pool in pools.items()), err=True)
        synthesis.work()
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error


def _chosen(languages: str) -> tuple[str, ...]:
    chosen = tuple(part.strip() for part in languages.split(",") if part.strip())
    unknown = [language for language in chosen if language not in LANGUAGES]
    if unknown or not chosen:
        raise UsageError(f"There is no voice for '{languages}'.", f"Choose from {', '.join(LANGUAGES)}.")
    return chosen


if __name__ == "__main__":
    main()
