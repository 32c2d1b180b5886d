"""Models that the hub gives only to people who accepted a licence: listed when fetched, checked ever after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from speech3n import store
from speech3n.errors import ModelError
from speech3n.store import catalogue, listing
from tests.store.hub_double import HubDouble, serve
from tests.toy_model import GATED, GATED_FILES, SHARDS, UNWANTED, WEIGHTS, fill_cache, link_cache, point_to

NAME = GATED.name
TOKEN = "hf_toyTOYtoyTOYtoyTOYtoy"
SHARD = next(iter(SHARDS))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue of one gated model, an empty store, an empty hub cache, no hub and nobody logged in."""
    from huggingface_hub import close_session, constants

    monkeypatch.setattr(catalogue, "CATALOGUE", {NAME: GATED})
    monkeypatch.setenv("SPEECH3N_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    point_to(monkeypatch, "http://127.0.0.1:9")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    close_session()
    yield tmp_path / "models" / NAME
    close_session()


@pytest.fixture
def gated_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubDouble]:
    """A hub that has the model, and a user who may have it."""
    with serve(HubDouble({**GATED_FILES, **UNWANTED})) as double:
        double.token = TOKEN
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        point_to(monkeypatch, double.endpoint)
        yield double


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def _refusal(why: str) -> None:
    """Pulling fails in one line that says why and all that a person has to do, and does not show the token."""
    with pytest.raises(ModelError) as caught:
        store.pull(NAME)
    text = str(caught.value)
    assert why in text
    assert "\n" not in text
    assert TOKEN not in text
    steps = ("huggingface.co/someone/toy", "accept the licence", "hf auth login", "HF_TOKEN", "--model DIR")
    for step in (*steps, f"speech3n models pull {NAME}"):
        assert step in text


def test_the_hub_gives_what_the_engine_reads_and_nothing_else(folder: Path, gated_hub: HubDouble) -> None:
    assert store.state(NAME) is store.State.MISSING
    assert store.pull(NAME) == folder
    assert _content(folder) == GATED_FILES
    assert store.state(NAME) is store.State.INSTALLED
    assert store.installed_folder(NAME) == folder
    assert store.local_spec(NAME).size == sum(map(len, GATED_FILES.values()))


def test_what_was_fetched_is_checked_without_the_hub(
    folder: Path, gated_hub: HubDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pull(NAME)
    point_to(monkeypatch, "http://127.0.0.1:9")
    assert store.verify(NAME) == []
    (folder / SHARD).write_bytes(b"x" * len(WEIGHTS))
    (folder / "config.json").write_bytes(GATED_FILES["config.json"].upper())
    (folder / "tokenizer.json").unlink()
    assert sorted(store.verify(NAME)) == [
        "config.json: not the published file (its checksum differs)",
        f"{SHARD}: not the published file (its checksum differs)",
        "tokenizer.json: missing",
    ]
    with pytest.raises(ModelError, match="accept the licence"):
        store.installed_folder(NAME)


def test_only_what_is_damaged_is_fetched_again(folder: Path, gated_hub: HubDouble) -> None:
    store.pull(NAME)
    (folder / SHARD).write_bytes(b"x" * len(WEIGHTS))
    gated_hub.requests.clear()
    store.pull(NAME)
    assert gated_hub.downloads() == [(SHARD, None)]
    assert _content(folder) == GATED_FILES


@pytest.mark.parametrize("name", [SHARD, "config.json"])
def test_a_file_that_is_not_the_listed_one_is_refused(folder: Path, gated_hub: HubDouble, name: str) -> None:
    gated_hub.listing = gated_hub.list_files()
    gated_hub.files[name] = b"x" * len(GATED_FILES[name])
    with pytest.raises(ModelError, match=f"{name} from the hub is refused"):
        store.pull(NAME)
    assert name not in _content(folder)
    assert store.state(NAME) is store.State.INCOMPLETE


def test_a_lost_connection_is_taken_up_where_it_broke(folder: Path, gated_hub: HubDouble) -> None:
    gated_hub.break_after[SHARD] = 1000
    with pytest.raises(ModelError):
        store.pull(NAME)
    gated_hub.break_after.clear()
    gated_hub.requests.clear()
    store.pull(NAME)
    assert _content(folder) == GATED_FILES
    assert (SHARD, None) not in gated_hub.downloads()


def test_nobody_logged_in(gated_hub: HubDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    _refusal("you are not logged in")


def test_a_token_that_the_hub_does_not_know(gated_hub: HubDouble) -> None:
    gated_hub.token = "another"
    _refusal("does not accept your token")


def test_a_licence_that_is_not_accepted(gated_hub: HubDouble) -> None:
    gated_hub.forbidden = {"X-Error-Code": "GatedRepo"}
    _refusal("its licence is not accepted yet")


def test_a_token_that_may_not_read_gated_models(gated_hub: HubDouble) -> None:
    gated_hub.forbidden = {"X-Error-Message": "Please enable access to public gated repositories"}
    _refusal("fine-grained token must allow public gated repositories")


@pytest.mark.parametrize("token", [f"{TOKEN}\n\x07{TOKEN}", f"{TOKEN}é"], ids=["control", "accent"])
def test_a_token_that_cannot_be_sent_is_not_shown(
    gated_hub: HubDouble, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    _refusal("holds characters that no token has")


def test_after_a_refusal_the_steps_lead_to_the_model(folder: Path, gated_hub: HubDouble) -> None:
    gated_hub.forbidden = {"X-Error-Code": "GatedRepo"}
    _refusal("licence")
    gated_hub.forbidden = None
    store.pull(NAME)
    assert _content(folder) == GATED_FILES


def test_a_hub_out_of_reach_is_not_called_a_refusal(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be reached .*Check the network .*--model DIR") as caught:
        store.pull(NAME)
    assert "\n" not in str(caught.value)
    assert "licence" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>Log in to the hotel</html>", "list of its files"),
        (b"[]", "list of files"),
        (b'{"id": "someone/toy"}', "has no config.json"),
        (b'{"id": "a", "siblings": [{"rfilename": "config.json"}]}', "checksums"),
        (b'{"id": "a", "siblings": [{"rfilename": "config.json", "size": 1, "blobId": "../x"}]}', "checksums"),
    ],
    ids=["a portal", "a list", "nothing", "no checksums", "a wrong checksum"],
)
def test_a_hub_that_does_not_list_a_model(folder: Path, gated_hub: HubDouble, body: bytes, why: str) -> None:
    gated_hub.listing = body
    with pytest.raises(ModelError, match=why):
        store.pull(NAME)
    assert store.state(NAME) is store.State.MISSING


def test_a_repository_without_safetensors_is_refused(gated_hub: HubDouble) -> None:
    for name in SHARDS:
        del gated_hub.files[name]
    with pytest.raises(ModelError, match="no weights in safetensors"):
        store.pull(NAME)


@pytest.mark.parametrize("with_links", [True, False], ids=["links", "no links"])
def test_a_model_in_the_cache_is_used_offline(folder: Path, tmp_path: Path, with_links: bool) -> None:
    snapshot = fill_cache(tmp_path, {**GATED_FILES, "README.md": b"# A toy"})
    if with_links:
        link_cache(snapshot)
    assert store.ensure(NAME, download=False) == folder
    assert _content(folder) == GATED_FILES
    assert store.verify(NAME) == []


def test_a_cache_of_another_commit_is_used_and_recorded(folder: Path, tmp_path: Path) -> None:
    commit = "f" * 40
    snapshot = fill_cache(tmp_path, GATED_FILES, commit)
    refs = snapshot.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text(commit)
    assert store.ensure(NAME, download=False) == folder
    assert store.local_spec(NAME).revision == commit


@pytest.mark.parametrize("lacking", [SHARD, "tokenizer.json"])
def test_a_cache_that_is_not_whole_is_completed_by_the_hub(
    folder: Path, tmp_path: Path, gated_hub: HubDouble, lacking: str
) -> None:
    fill_cache(tmp_path, {name: content for name, content in GATED_FILES.items() if name != lacking})
    with pytest.raises(ModelError, match="accept the licence"):
        store.ensure(NAME, download=False)
    assert gated_hub.requests == []
    store.pull(NAME)
    assert _content(folder) == GATED_FILES
    assert gated_hub.downloads() == [("(list)", None), (lacking, None)]


def test_a_damaged_file_of_the_cache_is_replaced_by_the_hub(folder: Path, tmp_path: Path, gated_hub: HubDouble) -> None:
    snapshot = fill_cache(tmp_path, GATED_FILES)
    link_cache(snapshot)
    (snapshot / SHARD).resolve().write_bytes(b"x" * len(WEIGHTS))
    store.pull(NAME)
    assert _content(folder) == GATED_FILES
    assert gated_hub.downloads() == [(SHARD, None)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps({"revision": "a", "files": [{"name": "../../config.json", "size": 1, "checksum": "a" * 64}]}),
        json.dumps({"revision": "a", "files": [{"name": "config.json", "size": None, "checksum": "a" * 64}]}),
        json.dumps({"revision": "a", "files": [{"name": "config.json", "size": 1, "checksum": "sesame"}]}),
    ],
)
def test_a_broken_record_of_files_is_no_record(folder: Path, gated_hub: HubDouble, text: str) -> None:
    store.pull(NAME)
    (record,) = [path for path in folder.iterdir() if path.suffix == ".json" and path.name.startswith(".files")]
    record.write_text(text)
    assert store.state(NAME) is store.State.MISSING
    assert store.verify(NAME) == ["not installed"]
    gated_hub.requests.clear()
    store.pull(NAME)
    assert gated_hub.downloads() == [("(list)", None)]
    assert store.verify(NAME) == []


def test_the_record_is_written_in_one_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: object) -> None:
        raise OSError(28, "no space")

    folder.mkdir(parents=True)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        listing.record_listing(GATED, folder)
    assert listing.with_files(GATED, folder).files == ()


def test_a_record_that_may_not_be_read_is_no_record(
    folder: Path, gated_hub: HubDouble, unreadable: Callable[[Path], None]
) -> None:
    store.pull(NAME)
    for path in folder.glob(".files*"):
        unreadable(path)
    assert store.state(NAME) is store.State.MISSING
