"""Manifests and sets of clips: for evaluation, for fine-tuning, for training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech3n.eval.sets.audio_files import write_wav
from speech3n.eval.sets.load import load_clips
from speech3n.training.data.sentences import reserved_texts
from speech3n.training.data.shards import read_shard
from speech3n.training.finetune.clips import read_clips
from tests.fuzz.damage import SPOILED, lines_of, maybe_damaged, spoil
from tests.fuzz.outcome import outcome, tries

CLIP = {
    "audio": "a.wav",
    "language": "es",
    "text": "Por favor",
    "duration_s": 0.5,
    "translation_en": "Please",
    "speaker": "s1",
    "noise": 3,
}
SHARD_CLIP = {
    "start_s": 0.0,
    "end_s": 0.4,
    "language": "es",
    "text": "Por favor",
    "translation_en": None,
    "voice": "v",
    "source": "tts",
    "speed": 1.0,
}
TABLES = {
    "test.tsv": b"client_id\tpath\tsentence\tlocale\nc1\ta.wav\tPor favor\tes\nc2\ta.wav\tUno\\\tdos\tes\n",
    "clip_durations.tsv": b"clip\tduration[ms]\na.wav\t500\n",
    "transcripts.txt": b"1_2_3\tpor favor\n1_2_4\tmarque uno\n",
    "1-2.trans.txt": b"1-2-0001 POR FAVOR\n1-2-0002 MARQUE UNO\n",
    "fleurs.tsv": b"1\ta.wav\tPor favor\tpor favor\tp o r\t8000\tMALE\n",
    "covost_v2.es_en.test.tsv": b"path\tsentence\ttranslation\tclient_id\na.wav\tPor favor\tPlease\tc1\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    for path in (folder / "a.wav", folder / "clips" / "a.wav"):
        path.parent.mkdir(exist_ok=True)
        write_wav(path, np.zeros(8_000, np.float32))
    return folder


def use(path: Path) -> None:
    """Read a manifest as each of those do that read one."""
    outcome(lambda: load_clips(path))
    outcome(lambda: load_clips(path, language="es", limit=1))
    outcome(lambda: read_clips(path, None))
    outcome(lambda: read_shard(path))
    outcome(lambda: reserved_texts([path]))


@tries(0.12)
@given(lines_of([CLIP, CLIP, SHARD_CLIP]).flatmap(maybe_damaged))
def test_manifests(folder: Path, content: bytes) -> None:
    path = folder / "clips.jsonl"
    path.write_bytes(content)
    use(path)


@tries(0.05)
@given(st.sampled_from(sorted(TABLES)).flatmap(lambda name: st.tuples(st.just(name), maybe_damaged(TABLES[name]))))
def test_tables_of_public_sets(folder: Path, table: tuple[str, bytes]) -> None:
    name, content = table
    (folder / name).write_bytes(content)
    outcome(lambda: load_clips(folder / ("test.tsv" if name == "clip_durations.tsv" else name), language="es"))


def test_what_is_no_file(folder: Path) -> None:
    path = folder / "clips.jsonl"
    for how in SPOILED:
        spoil(path, how)
        use(path)
    spoil(path, "missing")
