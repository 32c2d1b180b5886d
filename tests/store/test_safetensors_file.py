"""Safetensors written piece by piece are those that the library reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from speech3n.store import safetensors_file
from speech3n.store.safetensors_file import TensorFileWriter, TensorSpec

TENSORS = {
    "a.bytes": torch.arange(7, dtype=torch.uint8),
    "b.matrix": torch.randn(3, 5, generator=torch.Generator().manual_seed(0)),
    "c.half": torch.randn(2, 3, generator=torch.Generator().manual_seed(1)).bfloat16(),
    "d.none": torch.zeros(0, 4),
    "e.number": torch.tensor(3.5, dtype=torch.float64),
}
NAMES = {torch.uint8: "U8", torch.float32: "F32", torch.bfloat16: "BF16", torch.float64: "F64"}
SPECS = [TensorSpec(name, NAMES[tensor.dtype], tuple(tensor.shape)) for name, tensor in TENSORS.items()]


def raw(tensor: torch.Tensor) -> bytes:
    return bytes(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())


def test_the_library_reads_what_was_written_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with TensorFileWriter(path, SPECS, {"recipe": "int4"}) as writer:
        # Whose turn it is does not matter.
        for part in (slice(None, 3), slice(3, None)):
            for name, tensor in TENSORS.items():
                writer.write(name, memoryview(raw(tensor))[part])
    found = load_file(path)
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt", "recipe": "int4"}
    header = int.from_bytes(path.read_bytes()[:8], "little")
    assert (8 + header) % 64 == 0


def test_tensors_of_whole_cache_lines_begin_one(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    specs = [TensorSpec("a", "F32", (3,)), TensorSpec("b", "I8", (4, 64)), TensorSpec("c", "BF16", (5,)),
             TensorSpec("d", "I8", (2, 64)), TensorSpec("e", "I8", (7,))]  # fmt: skip
    with TensorFileWriter(path, specs) as writer:
        for spec in specs:
            writer.write(spec.name, bytes(spec.nbytes))
    written = path.read_bytes()
    length = int.from_bytes(written[:8], "little")
    header = json.loads(written[8 : 8 + length])
    for name in ("b", "d"):
        assert (8 + length + header[name]["data_offsets"][0]) % 64 == 0
    for name, size in (("a", 4), ("c", 2)):
        assert (8 + length + header[name]["data_offsets"][0]) % size == 0


@pytest.mark.parametrize("extra", [b"", b"12"])
def test_too_few_or_too_many_bytes_are_an_error(tmp_path: Path, extra: bytes) -> None:
    spec = TensorSpec("a", "U8", (1,))
    with (
        pytest.raises(ValueError, match=r"a got \d bytes instead of 1"),
        TensorFileWriter(tmp_path / "x.safetensors", [spec]) as writer,
    ):
        writer.write("a", extra)


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        TensorFileWriter(path, [])
    assert path.read_text() == "mine"


def test_what_was_written_goes_to_the_disk_and_out_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(os, "posix_fadvise"):
        pytest.skip("this system takes no advice on files")
    done: list[str] = []
    fsync, advise = os.fsync, os.posix_fadvise
    monkeypatch.setattr(os, "fsync", lambda number: (done.append("fsync"), fsync(number)))
    monkeypatch.setattr(
        os, "posix_fadvise", lambda *arguments: (done.append(f"forget {arguments[1:3]}"), advise(*arguments))
    )
    monkeypatch.setattr(safetensors_file, "_CACHED_BYTES", 4)
    with TensorFileWriter(tmp_path / "x.safetensors", [TensorSpec("a", "U8", (9,))]) as writer:
        for part in (b"123", b"45", b"67", b"89"):
            writer.write("a", part)
    assert done == ["fsync", "forget (0, 0)"] * 3
