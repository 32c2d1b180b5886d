"""From an open container to samples: packets decoded past damage, as float32, with weights to mix the channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from speech3n.audio.media import Media, reason
from speech3n.audio.timeline import Place
from speech3n.errors import AudioError

if TYPE_CHECKING:
    import av

_FAILED_READS_IN_A_ROW = 10
"""Reads that may fail one after the other before the rest of a file is given up."""

# ITU-R BS.775, 3 dB lower, so that a front pair gives its mean, as plain stereo does. The centre, where the
# dialogue is, comes out loudest; effects are left out.
_CHANNEL_WEIGHTS = {"FL": 0.5, "FR": 0.5, "FC": 0.5**0.5, "LFE": 0.0, "LFE2": 0.0}
_SURROUND_WEIGHT = 0.5**1.5


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound of one decoded frame: float32 [T, C], full scale -1..1, and where in the container it stood."""

    samples: NDArray[np.float32]
    rate: int
    layout: str
    weights: tuple[float, ...]
    stamp_s: float | None
    """Its time by the container's clock."""
    place: Place | None
    """Its packet's, None where that is unknown."""

    @property
    def duration_s(self) -> float:
        """How long it sounds."""
        return len(self.samples) / self.rate


def decode(media: Media, warnings: list[str]) -> Iterator[Piece]:
    """Yield all that can be decoded; what is damaged is skipped, and `warnings` says so at the end."""
    damaged = 0
    unpacker = _Unpacker()
    try:
        for packet in _packets(media):
            try:
                pieces = [unpacker.unpack(frame, packet) for frame in packet.decode() if frame.samples]
            except Exception:  # Damage makes PyAV raise whatever it likes: IndexError, EOFError, PermissionError ...
                damaged += 1
                continue
            yield from pieces
    except AudioError:
        raise
    except Exception as error:
        warnings.append(f"Reading stopped early: {reason(error)}.")
    if damaged:
        warnings.append(f"{damaged} damaged packet{'s' if damaged > 1 else ''} skipped.")


def _packets(media: Media) -> Iterator[av.Packet[av.AudioStream]]:
    failures = 0
    packets = media.container.demux(media.stream)
    while True:
        try:
            packet = next(packets, None)
        except AudioError:
            raise
        except Exception as error:
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


class _Unpacker:
    """Frames of any sample format made packed float32 by FFmpeg.

    PyAV reads planes one after the other until it finds no more, and with 8 channels or more reads on behind the
    last: that ends the process. Packed there is one plane.
    """

    def __init__(self) -> None:
        self._resampler: av.AudioResampler | None = None
        self._format: tuple[str, str, int] | None = None

    def unpack(self, frame: av.AudioFrame, packet: av.Packet[av.AudioStream]) -> Piece:
        """The sound of a frame."""
        import av

        layout = frame.layout
        format_ = (frame.format.name, layout.name, frame.sample_rate)
        if self._resampler is None or self._format != format_:
            # The rate stays: resampling is not FFmpeg's work here, and a frame comes out for each that goes in.
            self._resampler = av.AudioResampler("flt", layout, frame.sample_rate)
            self._format = format_
        stamp_s = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
        (packed,) = self._resampler.resample(frame)
        return Piece(
            samples=np.asarray(packed.to_ndarray().reshape(-1, layout.nb_channels), np.float32),
            rate=frame.sample_rate,
            layout=layout.name,
            weights=tuple(mix_weights(layout)),
            stamp_s=stamp_s,
            place=None if packet.pos is None or packet.pos < 0 else Place(packet.pos, packet.size),
        )


def mix_weights(layout: av.AudioLayout) -> list[float]:
    """Return what each channel adds to mono: the mean, or the mono row of ITU-R BS.775 for surround sound."""
    names = [channel.name for channel in layout.channels]
    weights = [_CHANNEL_WEIGHTS.get(name, _SURROUND_WEIGHT) for name in names]
    # Several channels without names are the tracks of a recorder, not loudspeakers.
    if len(names) < 3 or len(names) != layout.nb_channels or not {"FL", "FC"} & set(names):
        return [1 / layout.nb_channels] * layout.nb_channels
    return weights
