"""Gemma 3n at its real sizes on random weights, beside transformers."""
