"""The device's end of one adb connection: greeting, streams, services."""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from harness.virtual_device import sockets
from harness.virtual_device.faults import Script
from harness.virtual_device.packets import (
    AUTH,
    CLSE,
    CNXN,
    MAX_PAYLOAD,
    OKAY,
    OPEN,
    VERSION,
    WRTE,
    Packet,
    PacketDecoder,
    ProtocolError,
    encode,
)
from harness.virtual_device.reverse_service import Reverses
from harness.virtual_device.sandbox import Sandbox
from harness.virtual_device.shell_service import serve_shell
from harness.virtual_device.streams import Stream
from harness.virtual_device.sync_service import serve_sync

# Not offered, and so never asked for: delayed_ack, abb, sendrecv_v2 (compression).
_FEATURES = ("shell_v2", "cmd", "stat_v2", "ls_v2", "fixed_push_mkdir")
_AUTH_TOKEN = 1
_TOKEN = bytes(20)

_log = logging.getLogger(__name__)

Service = Callable[[Stream], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Opening:
    """A stream that the device has asked the server for, and what shall be done with it."""

    name: str
    service: Service
    refused: Callable[[], None]


class Daemon(asyncio.Protocol):
    """Serves a sandbox over one connection; `ended` is set when the connection is gone.

    `script` is what goes wrong with the device, over all of its connections.
    """

    def __init__(self, sandbox: Sandbox, python: str, script: Script | None = None) -> None:
        self.ended = asyncio.Event()
        self._script = script or Script()
        self._state = self._script.greeting()
        self._sandbox = sandbox
        self._python = python
        self._transport: asyncio.Transport | None = None
        self._decoder = PacketDecoder()
        self._max_payload = MAX_PAYLOAD
        self._streams: dict[int, Stream] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._opening: dict[int, _Opening] = {}
        self._last_stream = 0
        self._reverses = Reverses(sandbox.sockets, self._reach)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for packet in self._decoder.feed(data):
                self._handle(packet)
        except ProtocolError:
            _log.exception("the adb server's packets cannot be read")
            self._cut()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._reverses.close()
        for opening in self._opening.values():
            opening.refused()
        self._opening.clear()
        for task in self._tasks.values():
            task.cancel()
        self.ended.set()

    async def finish(self) -> None:
        """Wait until every service has ended and taken its processes with it."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _send(self, packet: Packet) -> None:
        if self._transport is not None:
            summed = self._decoder.summed or packet.command == CNXN
            self._transport.write(encode(packet, summed=summed))

    def _handle(self, packet: Packet) -> None:
        stream = self._streams.get(packet.arg1)
        if packet.command in {CNXN, AUTH}:
            self._greet(packet)
        elif packet.command == OPEN:
            self._open(packet)
        elif packet.arg1 in self._opening:
            self._opened(packet)
        elif packet.command == OKAY and stream is not None:
            stream.acknowledged()
        elif packet.command == WRTE and stream is not None:
            stream.received(packet.payload)
        elif packet.command == CLSE and stream is not None:
            self._forget(packet.arg1)
            self._send(Packet(CLSE, packet.arg1, packet.arg0))

    def _greet(self, packet: Packet) -> None:
        if self._state == "offline":
            return
        if self._state == "unauthorized":
            # Whatever key is shown, the device asks again, as one does whose owner says nothing.
            self._send(Packet(AUTH, _AUTH_TOKEN, 0, _TOKEN))
            return
        self._max_payload = min(packet.arg1, MAX_PAYLOAD)
        self._send(Packet(CNXN, VERSION, MAX_PAYLOAD, self._banner()))
        self._decoder.summed = packet.arg0 < VERSION

    def _banner(self) -> bytes:
        known = self._sandbox.properties
        names = ("ro.product.name", "ro.product.model", "ro.product.device")
        parts = [*(f"{name}={known[name]}" for name in names), f"features={','.join(_FEATURES)}"]
        return f"{self._state}::{';'.join(parts)}".encode()

    def _open(self, packet: Packet) -> None:
        name = packet.payload.rstrip(b"\0")
        service = self._service(name)
        if service is None:
            _log.info("no such service: %r", name)
            self._send(Packet(CLSE, 0, packet.arg0))
            return
        local = self._next_stream()
        self._send(Packet(OKAY, local, packet.arg0))
        self._begin(local, packet.arg0, name.decode(errors="replace"), service)

    def _reach(self, name: str, reader: StreamReader, writer: StreamWriter) -> None:
        """Ask the server for a service of its host, and carry a connection's bytes there."""
        if self._transport is None:
            writer.close()
            return
        local = self._next_stream()
        carry = partial(sockets.relay, reader=reader, writer=writer)
        self._opening[local] = _Opening(name, carry, writer.close)
        self._send(Packet(OPEN, local, 0, name.encode() + b"\0"))

    def _opened(self, packet: Packet) -> None:
        opening = self._opening.pop(packet.arg1)
        if packet.command == OKAY:
            self._begin(packet.arg1, packet.arg0, opening.name, opening.service)
        else:
            opening.refused()

    def _next_stream(self) -> int:
        self._last_stream += 1
        return self._last_stream

    def _begin(self, local: int, remote: int, name: str, service: Service) -> None:
        stream = self._script.stream(name, local, remote, self._send, self._max_payload, self._cut)
        self._streams[local] = stream
        self._tasks[local] = asyncio.create_task(self._serve(local, stream, service))

    def _cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _service(self, name: bytes) -> Service | None:
        if name.startswith((b"shell:", b"shell,", b"exec:")):
            return partial(serve_shell, service=name, sandbox=self._sandbox, python=self._python)
        if name == b"sync:":
            return partial(serve_sync, sandbox=self._sandbox, take=self._script.take)
        if name.startswith(b"reverse:"):
            request = name.removeprefix(b"reverse:").decode(errors="replace")
            return partial(self._reverses.serve, request=request)
        if name.startswith(b"localabstract:"):
            return self._abstract_socket(name.decode(errors="replace"))
        return None

    def _abstract_socket(self, name: str) -> Service | None:
        try:
            connected = sockets.connect(name, self._sandbox.sockets)
        except OSError:
            return None
        return partial(sockets.relay_to_socket, connected=connected)

    async def _serve(self, local: int, stream: Stream, service: Service) -> None:
        try:
            try:
                await service(stream)
            except Exception:  # noqa: BLE001 - logged; one stream must not end the others
                _log.exception("stream %d ended badly", local)
            await stream.close()
        finally:
            self._streams.pop(local, None)
            self._tasks.pop(local, None)

    def _forget(self, local: int) -> None:
        self._streams.pop(local, None)
        task = self._tasks.get(local)
        if task is not None:
            task.cancel()


async def accept_one(
    listener: socket.socket,
    admits: Callable[[socket.socket], bool],
    make: Callable[[], Daemon],
) -> Daemon:
    """Wait for the one connection that is admitted, then stop listening."""
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    with listener:
        while True:
            connection, _ = await loop.sock_accept(listener)
            if admits(connection):
                break
            connection.close()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _, daemon = await loop.connect_accepted_socket(make, connection)
    return daemon
