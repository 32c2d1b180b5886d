"""Sets of clips as people have them on disk: manifests of our own, and the formats of the public speech corpora."""
