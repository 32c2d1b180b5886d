"""What nano can do, beside Whisper base: quality on speech it never heard, streaming, speed."""
