"""The packets between an adb server and a device; pure.

A packet is six little-endian words (command, two arguments, payload length, payload sum,
command inverted) and the payload, as `protocol.txt` of Android's adb defines them. From
version 0x01000001 on the sum is left out, once both sides have offered that version.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

VERSION = 0x01000001
MAX_PAYLOAD = 1024 * 1024

_HEADER = struct.Struct("<6I")
_ALL_ONES = 0xFFFFFFFF


def _word(letters: bytes) -> int:
    return int.from_bytes(letters, "little")


CNXN = _word(b"CNXN")
AUTH = _word(b"AUTH")
OPEN = _word(b"OPEN")
OKAY = _word(b"OKAY")
WRTE = _word(b"WRTE")
CLSE = _word(b"CLSE")


class ProtocolError(Exception):
    """The peer sent what is no packet; nothing after it can be understood."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; `arg0` is the sender's stream (or version), `arg1` the receiver's."""

    command: int
    arg0: int
    arg1: int
    payload: bytes = b""


def encode(packet: Packet, *, summed: bool) -> bytes:
    """Return a packet's bytes, with the payload's sum where the peer still checks it."""
    total = sum(packet.payload) & _ALL_ONES if summed else 0
    header = _HEADER.pack(
        packet.command,
        packet.arg0,
        packet.arg1,
        len(packet.payload),
        total,
        packet.command ^ _ALL_ONES,
    )
    return header + packet.payload


class PacketDecoder:
    """Cuts a stream of bytes into packets, however it was split.

    While `summed` is true the payloads' sums are checked.
    """

    def __init__(self) -> None:
        self.summed = True
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Yield the packets that `data` completes.

        Raises:
            ProtocolError: the bytes are no packet.
        """
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            command, arg0, arg1, length, total, inverted = _HEADER.unpack_from(self._buffer)
            if command ^ inverted != _ALL_ONES:
                raise ProtocolError(f"0x{command:08x} is not followed by its inverse")
            if length > MAX_PAYLOAD:
                raise ProtocolError(f"a payload of {length} bytes; {MAX_PAYLOAD} were agreed on")
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            # A server that was connected before leaves out the sum of its greeting too.
            again = command == CNXN and total == 0
            if self.summed and not again and sum(payload) & _ALL_ONES != total:
                raise ProtocolError("a payload does not have its sum")
            yield Packet(command, arg0, arg1, payload)
