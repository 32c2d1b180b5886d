"""What `pip install speech3n` brings, with extras or without, found among what is installed here."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY

PYPROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]


def declared(*extras: str) -> dict[str, Requirement]:
    """The requirements that pyproject.toml declares, by canonical name; an extra's extras are followed."""
    texts = list(PYPROJECT["project"]["dependencies"]) if not extras else []
    for extra in extras:
        texts += EXTRAS[extra]
    found: dict[str, Requirement] = {}
    for requirement in map(Requirement, texts):
        if requirement.name == "speech3n":
            found |= declared(*sorted(requirement.extras))
        else:
            found[canonicalize_name(requirement.name)] = requirement
    return found


def installed_with(*extras: str) -> dict[str, metadata.Distribution]:
    """All distributions that come with speech3n and these extras, by canonical name; one that is missing here fails."""
    wanted = [(requirement, "") for requirement in {**declared(), **declared(*extras)}.values()]
    found: dict[str, metadata.Distribution] = {}
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement, asked = wanted.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": asked}):
            continue
        name = canonicalize_name(requirement.name)
        found[name] = metadata.distribution(name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                wanted += [(Requirement(text), extra) for text in found[name].requires or []]
    return found


def link(distributions: dict[str, metadata.Distribution], folder: Path) -> None:
    """Make a folder for sys.path that holds these distributions and no others, as links to where they are."""
    folder.mkdir()
    for distribution in distributions.values():
        tops = {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(distribution.locate_file(top))).resolve())
