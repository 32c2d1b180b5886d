"""What a session is to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from speech3n.audio.endpoint import CAPTIONS, FILES, EndpointConfig
from speech3n.decoding.policy import LocalAgreement, Policy

_HOLDBACK_S = 0.3
"""A word that ends this close to the newest audio is not committed yet."""


def local_agreement() -> Policy:
    """The policy of live captions and files."""
    return LocalAgreement(_HOLDBACK_S)


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a session is to do; `language` is an ISO 639-1 code or None to detect it for every utterance.

    With `translate` there is a translation into `target_language` as well.
    """

    language: str | None = None
    translate: bool = False
    target_language: str = "en"
    interim: bool = True
    """Show text while people speak; off for files."""
    endpoint: EndpointConfig = CAPTIONS
    policy: Callable[[], Policy] = local_agreement
    """Makes the policy of a segment, which says when its words become final."""


def file_options(
    language: str | None = None, *, translate: bool = False, target_language: str = "en"
) -> SessionOptions:
    """Options for files: nobody waits, so utterances are long and each is recognised once, carefully."""
    return SessionOptions(language, translate, target_language, interim=False, endpoint=FILES)
