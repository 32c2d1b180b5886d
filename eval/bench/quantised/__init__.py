"""Gemma 3n in few bits beside transformers in bfloat16: what issue 5 asks for, and what a machine gives."""
