"""Augmentation: waveforms once, before features are kept; features anew in each pass, because that is cheap."""
