"""speech3n: streaming speech recognition and translation.

What programs need is here, and imported when it is first asked for: `transcribe_file` for a recording, `open_live` for
captions while people speak, `open_engine` and `Session` to build something else, and the types that they give.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speech3n.engines.base import Engine, EngineInfo
    from speech3n.engines.registry import open_engine
    from speech3n.errors import Speech3nError
    from speech3n.session.feed import open_feed
    from speech3n.session.live import LiveRequest, LiveSession, open_live
    from speech3n.session.offline import Interrupted, transcribe_file
    from speech3n.session.options import SessionOptions
    from speech3n.session.session import Session
    from speech3n.types import (
        SAMPLE_RATE,
        End,
        Event,
        Gap,
        ModelSize,
        Notice,
        Segment,
        Status,
        Transcript,
        Update,
        Waveform,
        Word,
    )

__version__ = "0.1.0"

__all__ = [
    "SAMPLE_RATE",
    "End",
    "Engine",
    "EngineInfo",
    "Event",
    "Gap",
    "Interrupted",
    "LiveRequest",
    "LiveSession",
    "ModelSize",
    "Notice",
    "Segment",
    "Session",
    "SessionOptions",
    "Speech3nError",
    "Status",
    "Transcript",
    "Update",
    "Waveform",
    "Word",
    "open_engine",
    "open_feed",
    "open_live",
    "transcribe_file",
]

_MODULES = {
    "speech3n.engines.base": ("Engine", "EngineInfo"),
    "speech3n.engines.registry": ("open_engine",),
    "speech3n.errors": ("Speech3nError",),
    "speech3n.session.feed": ("open_feed",),
    "speech3n.session.live": ("LiveRequest", "LiveSession", "open_live"),
    "speech3n.session.offline": ("Interrupted", "transcribe_file"),
    "speech3n.session.options": ("SessionOptions",),
    "speech3n.session.session": ("Session",),
}


def __getattr__(name: str) -> Any:
    """Import a name of `__all__` when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'speech3n' has no attribute '{name}'")
    module = next((module for module, names in _MODULES.items() if name in names), "speech3n.types")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
