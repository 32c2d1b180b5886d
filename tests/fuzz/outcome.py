"""What may come out of any input, and how many inputs are tried."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

from speech3n.errors import Speech3nError, printable

INPUTS = int(os.environ.get("SPEECH3N_FUZZ_INPUTS", "400"))
"""How many inputs all fuzz tests try together."""
IS_LONG = "SPEECH3N_FUZZ_INPUTS" in os.environ
KEPT = Path(__file__).resolve().parents[2] / "build" / "fuzz"
"""Where inputs are kept that gave something else."""
_LONGEST_MESSAGE = 4_000


def outcome(call: Callable[[], object]) -> object:
    """What a call gives, or the Speech3nError that it ends in; whatever else it raises comes out of here."""
    try:
        return call()
    except Speech3nError as error:
        message = str(error)
        assert message == printable(message)
        assert 0 < len(message) <= _LONGEST_MESSAGE, message
        return error


def share(part: float) -> int:
    """How many of all inputs a test tries."""
    return max(4, round(part * INPUTS))


def tries(part: float) -> settings:
    """Hypothesis with a part of all inputs: the same ones each time in the short form."""
    return settings(
        max_examples=share(part),
        derandomize=not IS_LONG,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if IS_LONG else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
