"""Long work that makes room: it rests while somebody else needs the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

_LOOK_EVERY_S = 5.0


def rest_while(path: Path | None, is_stopped: Callable[[], bool] = lambda: False) -> float:
    """Wait while a file exists and nobody says stop; gives the seconds that it took."""
    began = time.monotonic()
    while path is not None and path.exists() and not is_stopped():
        time.sleep(_LOOK_EVERY_S)
    return time.monotonic() - began
