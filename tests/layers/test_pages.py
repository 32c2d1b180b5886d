"""Advice about mapped tables: taken by the system, and without any effect on what is in them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from speech3n.layers import pages

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="madvise is asked on Linux only")


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_LARGE_BYTES", 1)


def test_a_mapped_table_takes_advice_and_keeps_its_numbers(tmp_path: Path) -> None:
    table = torch.arange(40_000, dtype=torch.float32).view(400, 100)
    save_file({"table": table}, tmp_path / "table.safetensors")
    with safe_open(tmp_path / "table.safetensors", "pt") as file:
        mapped = file.get_tensor("table")
    assert pages.advise_single_rows(mapped)
    start = mapped.data_ptr() - mapped.data_ptr() % 4096
    flags = mapping_flags(start)
    assert "rr" in flags
    pages.prefetch_rows(mapped, torch.tensor([[3, 399], [0, 3]]))
    assert torch.equal(mapped, table)


def mapping_flags(address: int) -> list[str]:
    """What the system says of the mapping that holds an address."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first:
            start, _, end = first.partition("-")
            inside = int(start, 16) <= address < int(end, 16)
        elif inside and first == "VmFlags:":
            return line.split()[1:]
    return []


def test_each_row_is_asked_for_once_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(pages, "_advise", lambda address, nbytes, advice: asked.append((address, nbytes)))
    table = torch.zeros(10, 8, dtype=torch.int8)
    pages.prefetch_rows(table, torch.tensor([7, 2, 7]))
    assert asked == [(table.data_ptr() + 16, 8), (table.data_ptr() + 56, 8)]


def test_nothing_is_asked_of_an_empty_table_or_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not pages.advise_single_rows(torch.empty(0, 4))
    monkeypatch.setattr(pages, "_LARGE_BYTES", 1 << 24)
    assert not pages.advise_single_rows(torch.empty(4, 4))
