"""The pattern of every benchmark: which parts run, and where the tables go."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from speech3n.errors import UsageError
from speech3n.eval.bench.benchmark import Benchmark, BenchRequest, run_benchmark
from speech3n.eval.bench.store import ResultStore


class Counting:
    """Two parts that count how often they were computed."""

    def __init__(self, *pages: Path) -> None:
        self.computed: list[str] = []
        self.benchmark = Benchmark(("one", "two"), self._measure, self._render, "counts", pages)

    def _measure(self, store: ResultStore, parts: Sequence[str]) -> None:
        for part in parts:
            store.part(part, {}, lambda part=part: self.computed.append(part))

    def _render(self, store: ResultStore) -> str:
        return " and ".join(store.load())


def test_parts_run_once_and_the_tables_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counting = Counting()
    assert run_benchmark(counting.benchmark, BenchRequest(out=tmp_path, only=("two",))) == 0
    assert (counting.computed, capsys.readouterr().out) == (["two"], "two\n")
    run_benchmark(counting.benchmark, BenchRequest(out=tmp_path))
    assert (counting.computed, capsys.readouterr().out) == (["two", "one"], "one and two\n")
    run_benchmark(counting.benchmark, BenchRequest(out=tmp_path, only=("one",), fresh=True))
    assert counting.computed == ["two", "one", "one"]


def test_a_part_that_there_is_not_is_told_the_others_and_nothing_runs(tmp_path: Path) -> None:
    counting = Counting()
    with pytest.raises(UsageError, match=r"There is no part 'three'\. There are: one, two\."):
        run_benchmark(counting.benchmark, BenchRequest(out=tmp_path, only=("one", "three")))
    assert counting.computed == []


@pytest.mark.parametrize("how", ["table", "update_readme"])
def test_tables_of_what_there_is_run_nothing(tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    pages = [tmp_path / "README.md", tmp_path / "card.md"]
    for page in pages:
        page.write_text("a\n<!-- counts:start -->\n<!-- counts:end -->\n")
    counting = Counting(*pages)
    ResultStore(tmp_path / "results").part("one", {}, lambda: 1)
    run_benchmark(counting.benchmark, BenchRequest(out=tmp_path / "results", **{how: True}))
    assert counting.computed == []
    assert (capsys.readouterr().out == "one\n") is (how == "table")
    assert all(("\none\n" in page.read_text()) is (how == "update_readme") for page in pages)
