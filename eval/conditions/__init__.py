"""How much worse it gets: clips under noise, reverberation, telephone, gain and silence, the same every time."""
