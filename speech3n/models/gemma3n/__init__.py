"""Gemma 3n for speech: our own implementation, made for streaming."""
