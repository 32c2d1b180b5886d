"""Turn shards of speech into features to train on.

    python -m speech3n.training.data SHARDS... --output FEATURES [--reserve eval/manifest.jsonl]

Run it again when there are more shards: only those are added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import torch

from speech3n.errors import Speech3nError
from speech3n.training.data.augment.waveform import WaveformAugmentation, augment_waveform
from speech3n.training.data.features import FeatureWriter
from speech3n.training.data.sentences import fingerprint, reserved_texts
from speech3n.training.data.shards import ShardClip, cut_clips, find_shards
from speech3n.training.pause import wait_while_exists
from speech3n.types import Waveform


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--reserve", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="List or manifest of texts to leave out.")  # fmt: skip
@click.option("--copies", default=0, show_default=True, type=click.IntRange(0), help="Augmented copies of each clip.")
@click.option("--pause-while", type=click.Path(path_type=Path), help="Rest while this file exists.")
def main(
    folders: tuple[Path, ...], output: Path, reserve: tuple[Path, ...], copies: int, pause_while: Path | None
) -> None:
    """Cut the clips out of the shards below FOLDERS and keep their log-mel features."""
    torch.set_num_threads(1)
    try:
        reserved = reserved_texts(reserve)
        writer = FeatureWriter(output)
        for folder in folders:
            for shard in find_shards(folder):
                for copy in range(copies + 1):
                    wait_while_exists(pause_while)
                    add_shard(writer, shard, reserved, copy)
    except Speech3nError as error:
        raise click.ClickException(str(error)) from error


def add_shard(writer: FeatureWriter, shard: Path, reserved: frozenset[str], copy: int) -> None:
    """Add a shard as it is (copy 0) or augmented, where it is not there yet."""
    name = f"{shard.stem}.{copy}" if copy else shard.stem
    if writer.has(name):
        return
    clips = [each for each in cut_clips(shard) if not is_reserved(each[0], reserved)]
    frames = writer.add(name, _augmented(clips, name) if copy else clips)
    click.echo(f"{name}: {len(clips)} clips, {frames / 100:.0f} s", err=True)


def is_reserved(clip: ShardClip, reserved: frozenset[str]) -> bool:
    """Whether what is said, or its translation, is kept for measuring."""
    return not reserved.isdisjoint({fingerprint(clip.text), fingerprint(clip.translation_en or clip.text)})


def _augmented(clips: list[tuple[ShardClip, Waveform]], name: str) -> Iterator[tuple[ShardClip, Waveform]]:
    """The clips as another recording has them; how, depends on the name of the copy."""
    random = np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
    waveforms = [waveform for _, waveform in clips]
    for clip, waveform in clips:
        yield clip, augment_waveform(waveform, waveforms, WaveformAugmentation(), random)


if __name__ == "__main__":
    main()
