"""The benchmark behind the tables of README.md: `python -m speech3n.eval.bench`."""
