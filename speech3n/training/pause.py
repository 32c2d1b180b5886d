"""Long work that makes room: it waits while somebody else needs the machine, and ends when somebody says stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

_POLL_S = 5.0


def wait_while_exists(path: Path | None, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Wait while a file exists and nobody says stop."""
    while path is not None and path.exists() and not should_stop():
        time.sleep(_POLL_S)
