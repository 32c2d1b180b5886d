import json
from pathlib import Path

import pytest

from speech3n.errors import StorageError
from speech3n.eval.bench.processes import ProcessCost
from speech3n.eval.bench.store import ResultStore


class Counter:
    calls = 0

    def __call__(self) -> object:
        self.calls += 1
        return {"process": ProcessCost(1.0, 0.5, 300.0), "number": self.calls}


def test_a_finished_part_is_not_run_again(tmp_path: Path) -> None:
    store, compute = ResultStore(tmp_path), Counter()
    store.part("live-es", {"clips": 3}, compute)
    store.part("live-es", {"clips": 3}, compute)
    assert compute.calls == 1
    part = store.load()["live-es"]
    assert part["result"] == {"process": {"wall_s": 1.0, "cpu_s": 0.5, "peak_rss_mib": 300.0}, "number": 1}
    assert part["environment"]["versions"]["faster-whisper"]


@pytest.mark.parametrize(("settings", "fresh"), [({"clips": 4}, False), ({"clips": 3}, True)])
def test_other_settings_or_fresh_run_again(tmp_path: Path, settings: dict[str, int], fresh: bool) -> None:
    compute = Counter()
    ResultStore(tmp_path).part("live-es", {"clips": 3}, compute)
    ResultStore(tmp_path, fresh).part("live-es", settings, compute)
    assert ResultStore(tmp_path).load()["live-es"]["result"]["number"] == 2


def test_a_part_that_fails_keeps_what_is_there(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.part("a", {}, Counter())
    with pytest.raises(ZeroDivisionError):
        store.part("b", {}, lambda: 1 // 0)
    assert list(store.load()) == ["a"]


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({})[:1])
    with pytest.raises(StorageError, match=r"a\.json"):
        ResultStore(tmp_path).load()
