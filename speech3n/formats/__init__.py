"""Transcripts as files: text, subtitles, tables, JSON."""
