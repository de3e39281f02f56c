"""One command over an open connection: stdin goes in while stdout and stderr come out."""

from __future__ import annotations

import selectors

from harness.transports.adb.connection import Closed, Wire
from harness.transports.adb.shell_v2 import Kind, ShellDecoder, ShellPacket, encode

_PIECE = 64 * 1024


class TooMuch(Exception):
    """The command said more than is kept."""


class Transcript:
    """What a command has said so far, at most `limit_bytes` of stdout and stderr together."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._left = limit_bytes

    @property
    def stdout(self) -> bytes:
        return bytes(self._stdout)

    @property
    def stderr(self) -> bytes:
        return bytes(self._stderr)

    def add(self, packet: ShellPacket) -> None:
        """Keep what fits; raises `TooMuch` when not all of it does."""
        into = self._stdout if packet.kind == Kind.STDOUT else self._stderr
        into += packet.payload[: self._left]
        self._left -= len(packet.payload)
        if self._left < 0:
            raise TooMuch


def converse(wire: Wire, command: str, transcript: Transcript, stdin: bytes) -> int:
    """Run a command over shell protocol 2 and return its exit code.

    Both directions move at once, so that a command that answers while it is being fed cannot
    block. stdin is closed after its last byte.

    Raises:
        TooMuch: the transcript is full.
        TimeoutError, Closed, Refused: as `Wire`.
    """
    wire.ask(f"shell,v2,raw:{command}")
    pending = memoryview(_stdin_packets(stdin))
    decoder = ShellDecoder()
    with selectors.DefaultSelector() as selector:
        key = wire.socket
        selector.register(key, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while True:
            ready = selector.select(wire.deadline.remaining_s())
            events = ready[0][1] if ready else 0
            if events & selectors.EVENT_WRITE:
                pending = pending[wire.send_some(pending[:_PIECE]) :]
                if not pending:
                    selector.modify(key, selectors.EVENT_READ)
            if events & selectors.EVENT_READ:
                code = _take(decoder, wire.read_some(_PIECE), transcript)
                if code is not None:
                    return code


def _take(decoder: ShellDecoder, data: bytes, transcript: Transcript) -> int | None:
    try:
        for packet in decoder.feed(data):
            if packet.kind in {Kind.STDOUT, Kind.STDERR}:
                transcript.add(packet)
            elif packet.kind == Kind.EXIT and packet.payload:
                return packet.payload[0]
    except ValueError as error:
        raise Closed(str(error)) from error
    return None


def _stdin_packets(stdin: bytes) -> bytes:
    pieces = (stdin[at : at + _PIECE] for at in range(0, len(stdin), _PIECE))
    packets = [encode(ShellPacket(Kind.STDIN, piece)) for piece in pieces]
    return b"".join([*packets, encode(ShellPacket(Kind.CLOSE_STDIN))])
