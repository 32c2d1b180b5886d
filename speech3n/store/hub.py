"""Files from the Hugging Face hub: out of the cache that a user already has, or over the network.

huggingface_hub says where files are and how to ask for them. The bytes are fetched here, because its own
download starts again from nothing after an interruption, and the checksum is computed while they arrive.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech3n.store.catalogue import FileSpec, ModelSpec

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

_PROBE_S = 3.0
_CONNECT_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 15.0
_FAILURES = 3
_BLOCK = 1 << 20
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416


class SourceError(Exception):
    """Why a source could not give a file, in words for people."""


class AccessError(SourceError):
    """The hub would give the files, but not to this user."""


def cached_file(spec: ModelSpec, file: FileSpec) -> Path | None:
    """Where the user's hub cache holds a file, judged by its size; None where it does not."""
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(spec.hub_repo, file.name, revision=spec.revision)
    if not isinstance(cached, str):
        return None
    source = Path(cached).resolve()
    return source if source.is_file() and source.stat().st_size == file.size else None


def copy_from_cache(source: Path, target: Path) -> None:
    """Link or copy a file of the cache to `target`."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # Another disk, or a file system without links.
        shutil.copyfile(source, target)


def check_reachable(spec: ModelSpec) -> None:
    """Raise SourceError where the hub is switched off or does not answer within three seconds."""
    from huggingface_hub import constants, get_session

    if constants.is_offline_mode():
        raise SourceError("switched off by HF_HUB_OFFLINE")
    answers: list[str] = []

    def probe() -> None:
        try:
            response = get_session().head(_url(spec, "config.json"), timeout=_PROBE_S, follow_redirects=False)
        except _network_errors() as error:
            answers.append(_reason(error))
        else:
            answers.append(f"HTTP status {response.status_code}" if response.status_code >= 500 else "")

    # A thread, because looking up a name has no timeout of its own.
    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(_PROBE_S)
    problem = answers[0] if answers else f"no answer within {_PROBE_S:.0f} s"
    if problem:
        raise SourceError(f"{constants.ENDPOINT} cannot be reached ({problem})")


def repository(spec: ModelSpec) -> ModelInfo:
    """What the hub says about a model at its commit: the names, sizes and checksums of all files.

    Raises SourceError, or AccessError where only this user is refused.
    """
    from huggingface_hub import HfApi

    try:
        _check_token()
        return HfApi().model_info(spec.hub_repo, revision=spec.revision, files_metadata=True, timeout=_READ_TIMEOUT_S)
    except _network_errors() as error:
        raise _source_error("the list of its files", error) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise SourceError("it did not answer with a list of files") from error


def download(spec: ModelSpec, file: FileSpec, partial: Path, report: Callable[[int], None]) -> str:
    """Fetch a file into `partial`, after what is already in it, and return the checksum of the whole.

    `report` gets the bytes that are there. Raises SourceError where the hub fails, AccessError where it refuses
    this user; `partial` then keeps what arrived, so that the next call goes on from there. Raises OSError where
    the disk fails.
    """
    best = -1
    failures = 0
    while True:
        try:
            return _download_rest(spec, file, partial, report)
        except _network_errors() as error:
            arrived = partial.stat().st_size if partial.exists() else 0
            # As long as every attempt brings more, the connection is merely bad.
            failures = 0 if arrived > best else failures + 1
            best = max(best, arrived)
            if failures >= _FAILURES or _is_refusal(error):
                raise _source_error(file.name, error) from error


def _download_rest(spec: ModelSpec, file: FileSpec, partial: Path, report: Callable[[int], None]) -> str:
    import httpx2
    from huggingface_hub import get_session, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    _check_token()
    digest, done = _digest_so_far(partial, file)
    report(done)
    if done == file.size:
        return str(digest.hexdigest())
    # Compressed answers have no byte ranges to go on from.
    headers = {**build_hf_headers(library_name="speech3n"), "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    timeout = httpx2.Timeout(_READ_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
    with get_session().stream(
        "GET", _url(spec, file.name), headers=headers, timeout=timeout, follow_redirects=True
    ) as response:
        if response.status_code == _RANGE_NOT_SATISFIABLE:
            partial.unlink(missing_ok=True)
        hf_raise_for_status(response)
        resumed = response.status_code == _PARTIAL_CONTENT
        if not resumed:
            digest, done = file.hasher(), 0
        with partial.open("ab" if resumed else "wb") as stream:
            for block in response.iter_bytes():
                stream.write(block)
                digest.update(block)
                done += len(block)
                report(done)
                if done > file.size:
                    break
    if done != file.size:
        partial.unlink(missing_ok=True)
        raise SourceError(f"{file.name}: the hub sent a file of another size")
    return str(digest.hexdigest())


def _digest_so_far(partial: Path, file: FileSpec) -> tuple[Any, int]:
    digest, done = file.hasher(), 0
    if partial.exists() and partial.stat().st_size > file.size:
        partial.unlink()
    with suppress(FileNotFoundError), partial.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            done += len(block)
    return digest, done


def _url(spec: ModelSpec, name: str) -> str:
    from huggingface_hub import hf_hub_url

    return hf_hub_url(spec.hub_repo, name, revision=spec.revision)


def _network_errors() -> tuple[type[Exception], ...]:
    import httpx2

    # HfHubHTTPError is an HTTPError. The last three are what a proxy gives that is set wrongly or is a SOCKS
    # proxy, for which a package is needed.
    return (httpx2.HTTPError, ConnectionError, httpx2.InvalidURL, ValueError, ImportError)


def _is_refusal(error: Exception) -> bool:
    return 400 <= _status(error) < 500 and _status(error) != _RANGE_NOT_SATISFIABLE


def _status(error: Exception) -> int:
    return getattr(getattr(error, "response", None), "status_code", 0)


def _check_token() -> None:
    """Raise AccessError for a token that cannot be sent: the error of whoever tried would show it."""
    from huggingface_hub import get_token

    token = get_token() or ""
    if not (token.isascii() and token.isprintable()):
        raise AccessError("your token (HF_TOKEN, or that of `hf auth login`) holds characters that no token has")


def _source_error(what: str, error: Exception) -> SourceError:
    """Why `what` did not come, told apart by whether the user can do something about it."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import GatedRepoError

    match _status(error), isinstance(error, GatedRepoError):
        case 401, _ if not get_token():
            return AccessError("you are not logged in")
        case 401, _:
            return AccessError("it does not accept your token")
        case 403, True:
            return AccessError("your account has not been given access: its licence is not accepted yet")
        case 403, False:
            return AccessError("your token may not read it: a fine-grained token must allow public gated repositories")
        case _:
            return SourceError(f"{what}: {_reason(error)}")


def _reason(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__
