"""What is measured: word errors, BLEU, delays, lagging, steadiness, and whether a difference is chance."""
