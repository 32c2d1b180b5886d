"""The table of `speech3n bench`, and the turns in which two things are timed."""

from click.testing import CliRunner

from speech3n.eval.bench.gemma3n.tables import render
from speech3n.eval.bench.turns import in_turns
from speech3n.eval.cli_bench import bench

_TIMING = {"ours": [1.0, 9.0, 2.0], "reference": [4.0, 4.0, 4.0]}
_ENVIRONMENT = {"cpu": "a processor", "usable_cores": 2, "python": "3.11", "versions": {"speech3n": "0"}}


def record(result: dict[str, object], dtype: str = "bf16") -> dict[str, object]:
    return {
        "settings": {"dtype": dtype, "threads": 2, "rounds": 3},
        "environment": _ENVIRONMENT,
        "finished_at": "2026-01-01T00:00:00",
        "result": result,
    }


def test_the_table_shows_medians_and_how_many_times_as_fast_we_are() -> None:
    text = render(
        {
            "exactness-e2b": record({"soft_tokens": 1e-6, "logits": 2e-6}, "fp32"),
            "encoder-e2b": record({"timing": _TIMING, "steps_s": {"160": 6.0}, "audio_s": 30}),
            "prefill-e2b": record({"timing": _TIMING, "positions": 220}),
            "decode-e4b-depth": record({"timing": _TIMING, "tokens": 16}),
        }
    )
    lines = text.splitlines()
    assert "| audio encoder, 30 s clip | 4.00 s | 2.00 s | 2.00 |" in lines
    assert "| the same, streamed in steps of 160 ms | - | 6.0 s (RTF 0.20) | cost 3.0 |" in lines
    assert "| prefill of 220 positions | 55.0 tokens/s | 110.0 tokens/s | 2.00 |" in lines
    assert "| decoding | 4.0 tokens/s | 8.0 tokens/s | 2.00 |" in lines
    assert "bf16, 2 threads" in text
    assert "soft tokens differ by 1e-06" in text
    assert "a processor, 2 cores" in text


def test_no_results_make_no_table(tmp_path) -> None:
    result = CliRunner().invoke(bench, ["--table", "--out", str(tmp_path)])
    assert (result.exit_code, result.output.strip()) == (0, "")


def test_each_round_runs_everything_in_turns_and_the_first_does_not_count() -> None:
    order: list[str] = []
    seconds = in_turns([lambda: order.append("a"), lambda: order.append("b")], rounds=2)
    assert order == ["a", "b"] * 3
    assert [len(taken) for taken in seconds] == [2, 2]
