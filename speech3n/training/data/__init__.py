"""What is trained on: manifests and shards of clips, their features on disk, augmentation, and the order of batches."""
