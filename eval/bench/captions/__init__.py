"""Live captions in special cases: a busy core, real time, sounds without speech, an hour."""
