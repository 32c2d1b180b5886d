"""Sound in: files, microphone and pipes, resampled to 16 kHz mono; voice activity and endpoints."""
