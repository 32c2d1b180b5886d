"""How much memory this process has taken."""

import pytest

from speech3n.eval.systems.memory import peak_memory_mib


def test_memory_is_that_of_this_process() -> None:
    pytest.importorskip("resource")
    before = peak_memory_mib()
    assert before is not None
    block = bytearray(b"x" * (64 * 2**20))
    after = peak_memory_mib()
    assert after is not None
    # An interpreter with numpy, and the peak never falls.
    assert 20 < before <= after < 2**20
    assert after >= len(block) / 2**20
