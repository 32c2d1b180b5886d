"""Layers that stream: each has a whole-sequence `forward` and a `step` with explicit state that gives the same."""
