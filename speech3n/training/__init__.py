"""Training Gemma 3n: the step, and a tiny checkpoint that proves the road from sound to text."""
