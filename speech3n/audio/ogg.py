"""Ogg files that are chained: streams one after the other, as radio stations and recorders write them (RFC 3533).

FFmpeg reads the first link of a chain and takes the others, which may have another rate or other channels, for damage.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

_HEADER_BYTES = 27
_BEGINS_STREAM = 2
_CHUNK = 1 << 14


class Link:
    """One link of a chain as a stream of bytes."""

    def __init__(self, pages: Iterator[bytes]) -> None:
        self._pages = pages
        self._page = b""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end of the link."""
        while not self._page:
            page = next(self._pages, None)
            if page is None:
                return b""
            self._page = page
        data, self._page = self._page[:size], self._page[size:]
        return data


def links(read: Callable[[int], bytes]) -> Iterator[Link]:
    """The links of a chain, each to be read before the next one is asked for; what is left of it is then skipped."""
    pages = _pages(read)
    first = next(pages, None)
    while first is not None:
        link = _LinkPages(first, pages)
        yield Link(link)
        for _ in link:
            pass
        first = link.following


def is_chained(file: io.BufferedIOBase) -> bool:
    """Whether a file holds more than one link; only its page headers are read."""
    position, has_content = 0, False
    while True:
        file.seek(position)
        head = file.read(_HEADER_BYTES + 255)
        size = _page_bytes(head)
        if size is None:
            # The end, or damage: what comes after it FFmpeg finds by itself.
            return False
        if has_content and head[5] & _BEGINS_STREAM:
            return True
        has_content = has_content or not head[5] & _BEGINS_STREAM
        position += size


class _LinkPages(Iterator[bytes]):
    """The pages of a link; `following` is the first page of the next one, when it has come to that."""

    def __init__(self, first: bytes, pages: Iterator[bytes]) -> None:
        self.following: bytes | None = None
        self._page: bytes | None = first
        self._pages = pages
        self._has_content = False

    def __next__(self) -> bytes:
        page, self._page = self._page, None
        if page is None:
            page = None if self.following is not None else next(self._pages, None)
        if page is None:
            raise StopIteration
        begins = len(page) > 5 and page.startswith(b"OggS") and bool(page[5] & _BEGINS_STREAM)
        if begins and self._has_content:
            self.following = page
            raise StopIteration
        self._has_content = self._has_content or not begins
        return page


def _page_bytes(head: bytes) -> int | None:
    """Length of the page that begins with `head`, None where no whole header is there."""
    if len(head) < _HEADER_BYTES or not head.startswith(b"OggS") or len(head) < _HEADER_BYTES + head[26]:
        return None
    return _HEADER_BYTES + head[26] + sum(head[_HEADER_BYTES : _HEADER_BYTES + head[26]])


def _pages(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Whole pages, and what lies between them where a page is damaged."""
    buffer = b""
    while True:
        size = _page_bytes(buffer)
        if size is not None and len(buffer) >= size:
            yield buffer[:size]
            buffer = buffer[size:]
            continue
        data = read(_CHUNK)
        buffer += data
        if not data:
            if buffer:
                yield buffer
            return
        if len(buffer) >= 4 and not buffer.startswith(b"OggS"):
            found = buffer.find(b"OggS", 1)
            keep = found if found >= 0 else len(buffer) - 3
            yield buffer[:keep]
            buffer = buffer[keep:]
