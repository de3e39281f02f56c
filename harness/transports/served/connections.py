"""Connections from elsewhere: bounded in number and in time, and encrypted where asked for."""

from __future__ import annotations

import io
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from harness.errors import SuiteError
from harness.transports.server import PageHandler, PageListener

_MOST_CONNECTIONS = 64
_HANDSHAKE_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a session listens, and by which name browsers reach it there; port 0: any free one."""

    ip: str
    name: str
    port: int = 0

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.ip).is_loopback

    @property
    def in_url(self) -> str:
        return f"[{self.name}]" if ":" in self.name else self.name


def address_of(host: str, port: int) -> Address:
    """Return where to listen so that browsers reach `host`, an address or name of this machine.

    Raises:
        SuiteError: it is no such thing, or stands for all addresses.
    """
    try:
        ip = str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise SuiteError(
            f"there is no address {host!r}: {error.strerror}",
            hint=f"name one of this machine, such as {_outward()}",
        ) from error
    if ipaddress.ip_address(ip).is_unspecified:
        raise SuiteError(
            f"{host} stands for all addresses, and no browser can open it",
            hint=f"name the one by which the device reaches this machine, such as {_outward()}",
        )
    return Address(ip, host, port)


def _outward() -> str:
    """Return this machine's address on the way out; asking for it sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, suppress(OSError):
        asking.connect(("192.0.2.1", 9))
        return str(asking.getsockname()[0])
    return "127.0.0.1"


class DeadlineReader(io.RawIOBase):
    """Reads a socket until a point in time, however slowly the bytes come in."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = 0.0
        self.has_begun = False

    def begin(self, within_s: float) -> None:
        """Give what comes next so much time as a whole; nothing of it has come yet."""
        self._deadline = time.monotonic() + within_s
        self.has_begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline for reading has passed")
        self._connection.settimeout(left)
        received = self._connection.recv_into(buffer)
        self.has_begun = self.has_begun or received > 0
        return received


class ServedListener(PageListener):
    """Listens where asked; whoever comes when too many are here is hung up on."""

    def __init__(
        self, address: Address, handler: type[PageHandler], tls: ssl.SSLContext | None
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._tls = tls
        super().__init__((address.ip, address.port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            with suppress(OSError):
                request.close()
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection; the handshake is made here, where it blocks nobody else."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(_HANDSHAKE_WITHIN_S)
        with self._tls.wrap_socket(request, server_side=True) as encrypted:
            self._connections.add(encrypted)
            try:
                super().finish_request(encrypted, client_address)
            finally:
                self._connections.discard(encrypted)
