"""Gemma 3n in few bits beside transformers in bfloat16, at its real size on random weights."""
