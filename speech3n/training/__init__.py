"""Training Gemma 3n: `nano` from nothing, `finetune` from a checkpoint, `memorise` for the tests; `data` is for all."""
