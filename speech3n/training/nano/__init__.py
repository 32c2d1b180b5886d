"""Training nano from nothing: synthetic speech, the encoder by CTC, the decoder on phonemes, then both together."""
