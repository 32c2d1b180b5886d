"""The wheel: what is in it, and that it works where nothing but it and its dependencies is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY


def test_nano_is_in_the_wheel_with_its_list(tmp_path: Path) -> None:
    """What setuptools takes of a package whose weights are there."""
    shipped = ["README.md", "config.json", "model.safetensors", "speech3n.json", "tokenizer.json", ".files.json"]
    for name in (*shipped, ".verified.json"):
        (tmp_path / "nano" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "nano" / name).touch()
    code = (
        "import sys\nfrom setuptools.config.pyprojecttoml import apply_configuration\n"
        "from setuptools.dist import Distribution\n"
        "build = apply_configuration(Distribution(), 'pyproject.toml').get_command_obj('build_py')\n"
        "build.finalize_options()\n"
        "build.manifest_files = {}\n"
        "print(*build.find_data_files('speech3n', sys.argv[1]), sep='\\n')"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert sorted(found.splitlines()) == sorted(str(tmp_path / "nano" / name) for name in shipped)


def test_help_starts_without_heavy_imports() -> None:
    heavy = "torch transformers faster_whisper ctranslate2 av textual huggingface_hub sounddevice numpy".split()
    code = (
        "import sys, contextlib\nfrom speech3n.cli.main import main\n"
        "with contextlib.suppress(SystemExit):\n    main(['models', 'list'])\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
