"""Adapting a trained Gemma 3n to a voice, an accent or a vocabulary: `speech3n finetune`."""
