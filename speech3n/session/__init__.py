"""From sound to captions and transcripts: what the command line, the terminal UI and eval share."""
