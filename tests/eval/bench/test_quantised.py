"""`speech3n bench --recipe`: the steady stream, processes that take turns, the accuracy, and the table of it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from click.testing import CliRunner

from speech3n.errors import UsageError
from speech3n.eval.bench.gemma3n import random_checkpoint, random_quantised
from speech3n.eval.bench.gemma3n.random_checkpoint import write_random
from speech3n.eval.bench.gemma3n.random_quantised import write_random_quantised
from speech3n.eval.bench.gemma3n.steady import UTTERANCE_S, SteadyUpdate, utterance
from speech3n.eval.bench.processes import BenchError, peak_rss_mb
from speech3n.eval.bench.quantised import ours
from speech3n.eval.bench.quantised.accuracy import measure_accuracy
from speech3n.eval.bench.quantised.ours import UTTERANCES, Ours
from speech3n.eval.bench.quantised.parts import in_turns
from speech3n.eval.bench.quantised.tables import render
from speech3n.eval.bench.quantised.worker import Worker
from speech3n.eval.cli_bench import bench
from speech3n.models.gemma3n.checkpoint import load
from speech3n.models.gemma3n.config import Gemma3nConfig
from speech3n.models.gemma3n.quantisation import RECIPES, read_formats
from speech3n.models.gemma3n.quantise import quantise_checkpoint
from tests.conftest import REPOSITORY

MEMORISED = REPOSITORY / "tests" / "data" / "gemma3n-memorised"
_ENVIRONMENT = {"cpu": "a processor", "usable_cores": 2, "python": "3.11", "versions": {"speech3n": "0"}}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights with the real vocabularies and nothing else of size."""
    folder = tmp_path_factory.mktemp("narrow") / "weights"
    text = {
        "hidden_size": 64,
        "intermediate_size": [128] * 3,
        "num_hidden_layers": 3,
        "num_kv_shared_layers": 1,
        "layer_types": ["sliding_attention", "full_attention", "full_attention"],
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "hidden_size_per_layer_input": 8,
        "laurel_rank": 4,
        "activation_sparsity_pattern": [0.0] * 3,
    }
    audio = {"hidden_size": 32, "conf_num_attention_heads": 4, "conf_num_hidden_layers": 1}
    config = Gemma3nConfig.from_dict({"audio_config": {**audio, "sscp_conv_channel_size": [8, 4]}, "text_config": text})
    with mock.patch.object(random_checkpoint, "_BLOCK", 1 << 18):
        write_random(config, folder)
    return folder


def test_each_second_brings_four_tokens_of_either_text_and_repeats_the_others() -> None:
    first, second = SteadyUpdate(1), SteadyUpdate(2)
    assert first.draft == []
    assert second.draft == first.text
    assert len(first.text) == 8
    assert second.text[:4] == first.text[:4]
    assert second.text[8:12] == first.text[4:]
    assert len(utterance()[-1].text) == 8 * UTTERANCE_S
    assert len(set(utterance()[-1].text)) == 8 * UTTERANCE_S


def test_a_steady_stream_says_its_text_and_times_each_update(narrow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "model_threads", lambda: 1)
    with torch.inference_mode():
        system = Ours(narrow)
        # Says by itself what is forced on it, or fails.
        seconds = system.live()
        system.prefill()
        single = [system.decode(), system.encode(), system.encode_steps()]
    assert len(seconds) == UTTERANCES * UTTERANCE_S
    assert all(taken > 0 for taken in [*seconds, *(taken for (taken,) in single)])


def test_a_worker_loads_answers_and_ends(narrow: Path) -> None:
    with Worker("speech3n", narrow) as worker:
        assert worker.first_token_s > 0
        (peak_mb,) = worker.ask("peak")
        assert 20 < peak_mb < peak_rss_mb() + 1000
        with pytest.raises(BenchError, match="no attribute 'nothing'"):
            worker.ask("nothing")


@pytest.mark.parametrize("recipe", RECIPES)
def test_random_numbers_in_few_bits_need_no_plain_checkpoint(narrow: Path, tmp_path: Path, recipe: str) -> None:
    config = Gemma3nConfig.read(narrow)
    with mock.patch.object(random_quantised, "_BLOCK", 1 << 18):
        write_random_quantised(config, RECIPES[recipe], tmp_path / "few")
    quantise_checkpoint(narrow, RECIPES[recipe], tmp_path / "many")
    assert read_formats(tmp_path / "few") == read_formats(tmp_path / "many")
    with torch.inference_mode():
        logits = [load(tmp_path / name)(torch.tensor([[2, 11, 12]])).float() for name in ("few", "many")]
    assert all(bool(found.isfinite().all()) for found in logits)
    assert 0.3 < float(logits[0].std() / logits[1].std()) < 3


def test_workers_take_turns_and_a_first_round_among_several_does_not_count() -> None:
    asked: list[str] = []

    class Counting:
        def __init__(self, name: str, answer: list[float]) -> None:
            self.name, self.answer = name, answer

        def ask(self, what: str) -> list[float]:
            asked.append(self.name)
            return self.answer

    workers: Any = {"a": Counting("a", [1.0]), "b": Counting("b", [])}
    assert in_turns(workers, "decode", 2) == {"a": [[1.0], [1.0]], "b": []}
    assert asked == ["a", "b"] * 3
    assert in_turns(workers, "live", 1) == {"a": [[1.0]], "b": []}
    assert asked[6:] == ["a", "b"]


def test_rounding_is_scored_on_the_clips_that_the_checkpoint_knows() -> None:
    result = measure_accuracy(MEMORISED, ["int4"])
    plain, rounded = result["systems"]["bf16"], result["systems"]["int4"]
    assert result["clips"] == 12
    assert (plain["word_edits"], plain["tokens_agreeing"]) == (0, plain["tokens"])
    assert plain["words"] > 100
    assert plain["tokens"] > 300
    assert rounded["tokens_agreeing"] > 0.9 * plain["tokens"]
    assert 0 < rounded["in_four_bits"] < rounded["matrices"]


def record(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "settings": {"recipes": ["int4"], "group": 128, "threads": 2, "rounds": 3},
        "environment": _ENVIRONMENT,
        "finished_at": "2026-01-01T00:00:00",
        "result": result,
    }


def test_the_table_shows_the_goals_beside_what_was_measured() -> None:
    footprint = {"peak_mb": 1876.0, "first_token_s": 1.24}
    words = {"word_edits": 1, "words": 50, "tokens_agreeing": 99, "tokens": 100}
    text = render(
        {
            "footprint": record({"transformers": {"peak_mb": 11_500.0, "first_token_s": 20.0}, "int4": footprint}),
            "footprint-e4b": record({"int4": {"peak_mb": 2940.0, "first_token_s": 5.0}}),
            "decode": record({"transformers": [[4.0], [4.0], [8.0]], "int4": [[1.0], [0.5], [0.8]]}),
            "encode_steps": record({"transformers": [], "int4": [[3.0]]}),
            "live": record({"transformers": [[1.0, 9.0]], "int4": [[0.1] * 10 + [0.9] * 10]}),
            "accuracy": record({"clips": 12, "systems": {"bf16": words, "int4": {**words, "in_four_bits": 0}}}),
        }
    )
    lines = text.splitlines()
    assert "| E2B's shape | goal | transformers, bf16 | speech3n, int4 |" in lines
    assert "| peak memory | 2.0 GB | 11.50 GB | 1.88 GB |" in lines
    assert "| the same of E4B's shape | 3.0 GB | - | 2.94 GB |" in lines
    assert "| load to first token | 3 s | 20.0 s | 1.2 s |" in lines
    assert "| decoding | 20 tokens/s | 4.0 tokens/s | 20.0 tokens/s |" in lines
    assert "| in steps of 160 ms | RTF 0.10 | - | RTF 0.100 |" in lines
    assert (
        "| live captions with translation | RTF 0.6, p95 0.9 s | RTF 5.00, p95 8.60 s | RTF 0.50, p95 0.90 s |" in lines
    )
    assert "| tokens as in bf16 | - | 99.0 % | 99.0 % |" in lines
    assert "| WER | - | 2.0 % | 2.0 % |" in lines
    assert "int4 in groups of 128" in text
    assert "E4B's shape: numbers in few bits drawn as such" in text
    assert "a processor, 2 cores" in text


def test_a_wrong_part_is_told_the_others_and_no_results_make_no_table(tmp_path: Path) -> None:
    arguments = ["--recipe", "int4", "--out", str(tmp_path)]
    result = CliRunner().invoke(bench, [*arguments, "--only", "update"])
    assert isinstance(result.exception, UsageError)
    assert "footprint" in str(result.exception)
    result = CliRunner().invoke(bench, [*arguments, "--table"])
    assert (result.exit_code, result.output.strip()) == (0, "")
