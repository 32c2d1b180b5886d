"""Recognisers behind one interface; `registry.open_engine` finds them by name."""
