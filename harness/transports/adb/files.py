"""adb's file protocol, the host's end: send one file, receive one file.

The format is that of `file_sync_protocol.h`, version 1, which every device speaks: four
letters, a little-endian length, then the payload in pieces of at most 64 KiB.
"""

from __future__ import annotations

import stat
import struct
from typing import BinaryIO

from harness.transports.adb.connection import Closed, Wire

_HEAD = struct.Struct("<4sI")
_PIECE = 64 * 1024


class DeviceRefused(Exception):
    """The device answered FAIL with this message."""


def send_file(wire: Wire, source: BinaryIO, remote: str, *, mode: int, mtime: int) -> None:
    """Send an open file to `remote`, whose folders are made.

    Raises:
        DeviceRefused: the device did not take it.
        TimeoutError, Closed, Refused: as `Wire`.
    """
    wire.ask("sync:")
    name = f"{remote},{stat.S_IFREG | mode}".encode()
    wire.send(_HEAD.pack(b"SEND", len(name)) + name)
    while piece := source.read(_PIECE):
        wire.send(_HEAD.pack(b"DATA", len(piece)) + piece)
    wire.send(_HEAD.pack(b"DONE", mtime))
    word, length = _HEAD.unpack(wire.read_exactly(_HEAD.size))
    if word == b"FAIL":
        raise DeviceRefused(_text(wire, length))
    if word != b"OKAY":
        raise Closed(f"unknown answer {word!r}")
    wire.send(_HEAD.pack(b"QUIT", 0))


def receive_file(wire: Wire, remote: str, *, limit: int) -> tuple[bytes, bool]:
    """Return the first `limit` bytes of a file, and whether that is all of it.

    Raises:
        DeviceRefused: the device does not give it.
        TimeoutError, Closed, Refused: as `Wire`.
    """
    wire.ask("sync:")
    name = remote.encode()
    wire.send(_HEAD.pack(b"RECV", len(name)) + name)
    found = bytearray()
    while True:
        word, length = _HEAD.unpack(wire.read_exactly(_HEAD.size))
        if word == b"DONE":
            return bytes(found), True
        if word == b"FAIL":
            raise DeviceRefused(_text(wire, length))
        if word != b"DATA" or length > _PIECE:
            raise Closed(f"unknown answer {word!r}")
        found += wire.read_exactly(length)
        if len(found) > limit:
            return bytes(found[:limit]), False


def _text(wire: Wire, length: int) -> str:
    return wire.read_exactly(min(length, _PIECE)).decode(errors="replace")
