"""What is said when a session is over: where it is kept."""

from __future__ import annotations

from speech3n.session.live import LiveSession


def saved_line(live: LiveSession) -> str:
    """Where a session that was closed is kept."""
    if not live.paths:
        return "Nothing was heard, so nothing was kept."
    names = ", ".join(path.name for path in live.paths)
    return f"Session kept in {live.folder} ({names})"
