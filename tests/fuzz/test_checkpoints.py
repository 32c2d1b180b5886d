"""Checkpoints with changed members in their JSON files and damaged weights, opened and asked for words."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from speech3n.engines.base import StreamOptions
from speech3n.engines.registry import open_engine, resolve_model
from speech3n.types import SAMPLE_RATE
from tests.fuzz.child import try_all
from tests.fuzz.damage import SPOILED, as_json, changed, damaged, maybe_damaged, spoil
from tests.fuzz.outcome import tries

CHECKPOINT = Path(__file__).parents[1] / "data" / "gemma3n-memorised"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
CAPABILITIES = {"languages": ["en", "es"], "translates_to": ["en"], "max_utterance_s": 9, "sizes": {"a": {"ffn": 8}}}
INDEX = {"metadata": {"total_size": 1}, "weight_map": {"model.language_model.norm.weight": WEIGHTS}}
_BATCH = 25


def use(folder: Path) -> None:
    """Open a checkpoint and have it recognise a second of noise."""
    pcm = np.random.default_rng(5).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    with closing(
        open_engine(resolve_model(str(folder), "a" if (folder / "speech3n.json").exists() else None))
    ) as engine:
        stream = engine.open_stream(StreamOptions(language="es", translate=True))
        stream.accept_waveform(pcm)
        stream.input_finished()
        stream.decode()


def _contents() -> dict[str, Any]:
    """The JSON files of a checkpoint, and those that it might have."""
    names = (*(f"{name}_config.json" for name in ("generation", "preprocessor", "tokenizer")), "config.json", TOKENIZER)
    contents = {name: json.loads((CHECKPOINT / name).read_text("utf-8")) for name in names}
    return contents | {"speech3n.json": CAPABILITIES, f"{WEIGHTS}.index.json": INDEX}


CONTENTS = _contents()


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, bytes | str]:
    """A file of the checkpoint, and what is in it now, or what is in its place."""
    name = draw(st.sampled_from(["config.json"] * 6 + [*CONTENTS, WEIGHTS, WEIGHTS, WEIGHTS]))
    if draw(st.integers(0, 19)) == 0:
        return name, draw(st.sampled_from(SPOILED))
    if name in CONTENTS:
        return name, draw(maybe_damaged(as_json(draw(changed(CONTENTS[name])))))
    content = (CHECKPOINT / name).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    match draw(st.sampled_from(["header", "bytes of the header", "bytes"])):
        case "header":
            text = as_json(draw(changed(header)))
            return name, len(text).to_bytes(8, "little") + text + content[8 + length :]
        case "bytes of the header":
            chance = random.Random(draw(st.integers(0, 2**32)))
            return name, damaged(content[: 8 + length], chance) + content[8 + length :]
        case _:
            return name, damaged(content, random.Random(draw(st.integers(0, 2**32))))


def test_checkpoints(tmp_path: Path) -> None:
    batch: list[Path] = []
    failures: list[str] = []

    def try_batch() -> None:
        failures.extend(try_all(__name__, batch))
        for folder in batch:
            shutil.rmtree(folder)
        batch.clear()

    @tries(0.1)
    @given(changes())
    def gather(change: tuple[str, bytes | str]) -> None:
        name, content = change
        folder = tmp_path / f"checkpoint-{len(batch)}"
        folder.mkdir()
        for path in CHECKPOINT.iterdir():
            (folder / path.name).symlink_to(path)
        spoil(folder / name, content if isinstance(content, str) else "missing")
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        batch.append(folder)
        if len(batch) == _BATCH:
            try_batch()

    gather()
    try_batch()
    assert not failures, "\n\n".join(failures)
