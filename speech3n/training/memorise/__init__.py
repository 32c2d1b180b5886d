"""A tiny Gemma 3n that knows a few recordings by heart: the checkpoint that the tests caption with."""
