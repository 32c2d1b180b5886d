"""From an open container to samples: packets decoded past damage, as float32, with weights to mix the channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.media import Media, reason

if TYPE_CHECKING:
    import av

_FAILED_READS_IN_A_ROW = 10
"""Reads that may fail one after the other before the rest of a file is given up."""

# ITU-R BS.775, 3 dB lower, so that a front pair gives its mean, as plain stereo does. The centre, where the
# dialogue is, comes out loudest; effects are left out.
_CHANNEL_WEIGHTS = {"FL": 0.5, "FR": 0.5, "FC": 0.5**0.5, "LFE": 0.0, "LFE2": 0.0}
_SURROUND_WEIGHT = 0.5**1.5


def decode(media: Media, warnings: list[str]) -> Iterator[av.AudioFrame]:
    """Yield all frames that can be decoded; what is damaged is skipped, and `warnings` says so at the end."""
    import av

    damaged = 0
    try:
        for packet in _packets(media):
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                damaged += 1
                continue
            yield from frames
    except (av.FFmpegError, ValueError) as error:
        warnings.append(f"Reading stopped early: {reason(error)}.")
    if damaged:
        warnings.append(f"{damaged} damaged packet{'s' if damaged > 1 else ''} skipped.")


def _packets(media: Media) -> Iterator[av.Packet[av.AudioStream]]:
    import av

    failures = 0
    packets = media.container.demux(media.stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, ValueError) as error:
            failures += 1
            if failures == _FAILED_READS_IN_A_ROW or isinstance(error, OSError):
                raise
            # A generator that raised is spent; a new one goes on where the file was left.
            packets = media.container.demux(media.stream)
            continue
        if packet is None:
            return
        failures = 0
        yield packet


def samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Return the samples of a frame as float32 [T, C], full scale -1..1."""
    pcm = frame.to_ndarray()
    pcm = pcm.T if frame.format.is_planar else pcm.reshape(-1, frame.layout.nb_channels)
    sound: NDArray[np.float32] = pcm.astype(np.float32, copy=False)
    if pcm.dtype == np.uint8:
        return (sound - np.float32(128)) / np.float32(128)
    if np.issubdtype(pcm.dtype, np.integer):
        return sound / np.float32(2 ** (8 * pcm.dtype.itemsize - 1))
    return sound


def mix_weights(layout: av.AudioLayout) -> list[float]:
    """Return what each channel adds to mono: the mean, or the mono row of ITU-R BS.775 for surround sound."""
    names = [channel.name for channel in layout.channels]
    weights = [_CHANNEL_WEIGHTS.get(name, _SURROUND_WEIGHT) for name in names]
    # Several channels without names are the tracks of a recorder, not loudspeakers.
    if len(names) < 3 or len(names) != layout.nb_channels or not {"FL", "FC"} & set(names):
        return [1 / layout.nb_channels] * layout.nb_channels
    return weights
