"""Gemma 3n as a recogniser."""
