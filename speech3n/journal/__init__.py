"""What survives a crash: the sound of a session and its events."""
