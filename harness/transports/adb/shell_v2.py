"""The packets of adb's shell protocol, version 2; pure.

A packet is one byte of kind, four bytes of length (little-endian) and the payload, as
`shell_protocol.h` of Android's adb defines them. Both ends of the harness use this module.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct("<BI")
_LARGEST = 16 * 1024 * 1024  # no adb sends more than 1 MiB at once; more is damage


class Kind(IntEnum):
    """What a packet carries."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    EXIT = 3
    CLOSE_STDIN = 4
    WINDOW_SIZE = 5


@dataclass(frozen=True, slots=True)
class ShellPacket:
    """One packet; `kind` is a number, since a newer peer may know more kinds than we do."""

    kind: int
    payload: bytes = b""


def encode(packet: ShellPacket) -> bytes:
    """Return the bytes of one packet."""
    return _HEADER.pack(packet.kind, len(packet.payload)) + packet.payload


class ShellDecoder:
    """Cuts a stream of bytes into packets, however the stream was split."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[ShellPacket]:
        """Yield the packets that `data` completes.

        Raises:
            ValueError: a length that no peer sends: the stream is damaged.
        """
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._buffer)
            if length > _LARGEST:
                raise ValueError(f"a shell packet of {length} bytes")
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            yield ShellPacket(kind, payload)
