"""The machine: threads, cores, memory."""
