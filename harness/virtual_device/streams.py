"""The streams that share one adb connection, one piece in flight each way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harness.virtual_device.packets import CLSE, OKAY, WRTE, Packet

Send = Callable[[Packet], None]


class Stream:
    """One stream: what its service reads and writes. The service's task is cancelled when
    the other side closes it.
    """

    def __init__(self, local: int, remote: int, send: Send, max_payload: int) -> None:
        self._local = local
        self._remote = remote
        self._send = send
        self._max_payload = max_payload
        self._received: asyncio.Queue[bytes] = asyncio.Queue()
        self._acknowledged = asyncio.Event()
        self._acknowledged.set()
        self._rest = bytearray()

    async def read(self) -> bytes:
        """Return what came next, at least one byte."""
        if not self._rest:
            await self._take()
        taken = bytes(self._rest)
        self._rest.clear()
        return taken

    async def read_exactly(self, count: int) -> bytes:
        """Return `count` bytes, and keep what came beyond them."""
        while len(self._rest) < count:
            await self._take()
        taken = bytes(self._rest[:count])
        del self._rest[:count]
        return taken

    def left(self) -> bytes:
        """Return what came and was not read, for one whose other side has closed."""
        while not self._received.empty():
            self._rest += self._received.get_nowait()
        taken = bytes(self._rest)
        self._rest.clear()
        return taken

    async def _take(self) -> None:
        self._rest += await self._received.get()
        # Only now may the other side send more: what waits here is bounded.
        self._send(Packet(OKAY, self._local, self._remote))

    async def write(self, data: bytes) -> None:
        """Send everything, each piece after the one before was taken."""
        for at in range(0, len(data), self._max_payload):
            await self._acknowledged.wait()
            self._acknowledged.clear()
            piece = data[at : at + self._max_payload]
            self._send(Packet(WRTE, self._local, self._remote, piece))

    async def close(self) -> None:
        """Say that nothing follows, once the last piece was taken."""
        await self._acknowledged.wait()
        self._send(Packet(CLSE, self._local, self._remote))

    def acknowledged(self) -> None:
        """Note that the other side took a piece."""
        self._acknowledged.set()

    def received(self, data: bytes) -> None:
        """Note what the other side sent."""
        self._received.put_nowait(data)
