"""What nano can do, beside Whisper base: quality on speech outside its training, streaming, speed."""
