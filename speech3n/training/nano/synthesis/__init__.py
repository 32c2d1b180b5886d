"""Making speech from sentences: what is said, by whom, and the shards that it goes into."""
