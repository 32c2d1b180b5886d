"""The machine, and what comes from outside: threads, cores, memory, signals, extras, files that others wrote."""
