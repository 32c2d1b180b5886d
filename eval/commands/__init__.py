"""What `speech3n eval run` and `eval session` do."""
