"""JSON lines with a checksum, so that a damaged one is known: `{"type": ..., "crc": "0a1b2c3d"}`.

The checksum is the CRC-32 (ISO 3309, zlib) of the object without it.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable
from typing import Any

_SEALED = re.compile(rb'(\{.*), "crc": "([0-9a-f]{8})"\}', re.DOTALL)


def seal(record: dict[str, Any]) -> bytes:
    """The line of a JSON object that has at least one member."""
    body = json.dumps(record, ensure_ascii=False).encode(errors="backslashreplace")
    return b'%s, "crc": "%08x"}\n' % (body[:-1], zlib.crc32(body))


def unseal(lines: Iterable[bytes]) -> list[bytes | None]:
    """The JSON objects in lines, None for damaged ones; lines that an older version wrote have no checksums at all."""
    found = [(line, _SEALED.fullmatch(line)) for line in lines]
    if not any(match for _, match in found):
        return [line for line, _ in found]
    return [match[1] + b"}" if match and _is_whole(match) else None for _, match in found]


def _is_whole(match: re.Match[bytes]) -> bool:
    return zlib.crc32(match[1] + b"}") == int(match[2], 16)
