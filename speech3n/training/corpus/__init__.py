"""What is trained on: clips cut from shards, their features on disk, and the order in which they come."""
