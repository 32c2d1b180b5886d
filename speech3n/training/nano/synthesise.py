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
from speech3n.training.data.sentences import Sentence, deal, read_sentences, reserved_texts
from speech3n.training.nano.synthesis.shards import LONGEST_SHARD_S, Shard, spoken_s, trimmed
from speech3n.training.nano.synthesis.speakers import Formants, Kokoro, Pico, Speaker, read_voices
from speech3n.training.nano.synthesis.voices import ESPEAK, KOKORO, LANGUAGES, PICO, Cast
from speech3n.training.pause import rest_while
from speech3n.types import SAMPLE_RATE

_MARGINS_S = (0.1, 0.4)
_SENTENCE_S = 3.0
"""About what a sentence takes, for how many are dealt to a shard."""
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


class Studio:
    """Speaks shards, one after the other, until there is enough or somebody says stop."""

    def __init__(
        self, plan: Plan, sentences: Mapping[str, list[Sentence]], cast: Cast, speakers: Mapping[str, Speaker]
    ) -> None:
        self._plan = plan
        self._sentences = sentences
        self._cast = cast
        self._speakers = speakers
        self._stop = False

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """Finish the sentence, keep what there is of the shard, and end."""
        self._stop = True

    def work(self) -> None:
        """Make what is missing; raises StorageError where it can't be kept."""
        plan = self._plan
        done_s = spoken_s(plan.output)
        for number in count():
            for language in plan.languages:
                path = plan.output / language / f"{language}_s{plan.seed}_{number:04}.jsonl"
                if path.is_file():
                    continue
                if self._stop or done_s >= plan.hours * 3600:
                    return
                started = time.monotonic()
                shard = self.speak(language, number)
                if not shard.lines:
                    continue
                shard.write(path)
                speech_s = sum(line.end_s - line.start_s for line in shard.lines)
                done_s += speech_s
                pace = speech_s / (time.monotonic() - started)
                click.echo(
                    f"{path.stem}: {len(shard.lines)} clips, {speech_s:.0f} s, {pace:.1f} x real time; "
                    f"{done_s / 3600:.2f} of {plan.hours:g} hours",
                    err=True,
                )

    def speak(self, language: str, number: int) -> Shard:
        """One shard, the same for the same seed."""
        plan = self._plan
        place = LANGUAGES.index(language)
        random = np.random.default_rng([plan.seed, place, number])
        shard = Shard()
        for sentence in deal(self._sentences[language], plan.seed, number, round(plan.shard_s / _SENTENCE_S)):
            rest_while(plan.pause_while, lambda: self._stop)
            if self._stop:
                break
            manner = self._cast.draw(language, sentence.variant, random)
            before_s, after_s = random.uniform(*_MARGINS_S, 2)
            spoken = self._speakers[manner.voice.synthesiser].speak(sentence.text, manner)
            waveform = trimmed(spoken, before_s, after_s)
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
                voice=str(manner.voice),
                speed=manner.speed,
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
        cast = Cast(kokoro.voices, pico_share=pico_share, espeak_share=espeak_share)
        studio = Studio(plan, pools, cast, {KOKORO: kokoro, PICO: Pico(), ESPEAK: Formants()})
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, studio.stop)
        click.echo(", ".join(f"{language}: {len(pool)} sentences" for language, pool in pools.items()), err=True)
        studio.work()
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
