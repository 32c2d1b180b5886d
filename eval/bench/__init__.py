"""The benchmark behind the tables of README.md: `python -m eval.bench`."""
