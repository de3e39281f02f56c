"""The lobby of a session: the server, its one-time token, and the one device that came in."""

from __future__ import annotations

import secrets
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape

from harness.errors import SuiteError, TargetNotFound
from harness.transports.served.connections import Address, ServedListener
from harness.transports.served.device import ConnectedDevice, Joining
from harness.transports.served.exchange import Exchange
from harness.transports.served.handler import ServedHandler
from harness.transports.server import PageServer

_SAYS_GOODBYE_WITHIN_S = 3.0
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MOST_REFUSALS_TOLD = 50


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the session is, as the lobby's page shows it."""

    done: int = 0
    total: int = 0
    now: str = ""


class Lobby:
    """Lets one browser in and hands it its work; safe to be called from the server's threads.

    `notice` is told in one line about whatever was refused. `expected` is the slug of the device
    that a session began with, '' for a new one.
    """

    def __init__(
        self,
        address: Address,
        *,
        suite: str,
        notice: Callable[[str], None],
        tls: ssl.SSLContext | None = None,
        expected: str = "",
    ) -> None:
        self.suite = suite
        self.expected = expected
        self.progress = Progress()
        self.device: ConnectedDevice | None = None
        self.exchange = Exchange()
        self._notice = notice
        self._joined = threading.Condition()
        self._refused: set[str] = set()
        self._token = secrets.token_urlsafe(16)
        self._secret = secrets.token_urlsafe(32)
        listener = self._listener(address, tls)
        self.pages = PageServer(listener)
        listener.lobby = self
        self.origin = _origin("https" if tls else "http", address, self.pages.port)
        self.is_isolated = tls is not None or address.is_loopback
        self.pages.admit(self.origin)

    def _listener(self, address: Address, tls: ssl.SSLContext | None) -> LobbyListener:
        try:
            return LobbyListener(address, ServedHandler, tls)
        except OSError as error:
            raise SuiteError(
                f"cannot listen on {address.name} port {address.port}: {error.strerror}",
                hint="name an address of this machine, and a port that is free",
            ) from error

    @property
    def address(self) -> str:
        """The address that lets the first browser in that uses it."""
        return f"{self.origin}/t/{self._token}/"

    @property
    def cookie(self) -> str:
        """The name of our cookie; cookies do not tell ports apart."""
        return f"edgebench_{self.pages.port}"

    def knows_token(self, token: str) -> bool:
        """Tell whether this is the token of the address, in constant time."""
        return secrets.compare_digest(token.encode(), self._token.encode())

    def knows_secret(self, secret: str) -> bool:
        """Tell whether this is the cookie of the browser that came in, in constant time."""
        return self.device is not None and secrets.compare_digest(
            secret.encode(), self._secret.encode()
        )

    def join(self, joining: Joining) -> str:
        """Let a browser in and return its cookie's value, '' if another one was first.

        Raises:
            SuiteError: the session was begun with another device.
        """
        device = ConnectedDevice(joining)
        if self.expected and device.slug != self.expected:
            raise SuiteError(
                f"this session was begun on a device named {self.expected}",
                hint=f"name it {self.expected} again if it is the same device",
            )
        with self._joined:
            if self.device is not None:
                return ""
            self.device = device
            self._joined.notify_all()
        return self._secret

    def wait_for_device(self) -> ConnectedDevice:
        """Wait until a browser has come in."""
        with self._joined:
            while self.device is None:
                self._joined.wait()
            return self.device

    def refuse(self, what: str, where_from: str) -> None:
        """Tell what was refused; the same of the same host once, and at most fifty."""
        line = f"refused {what} from {where_from}"
        with self._joined:
            if line in self._refused or len(self._refused) >= _MOST_REFUSALS_TOLD:
                return
            self._refused.add(line)
        self._notice(line)

    def filled(self, text: str) -> str:
        """Return a page with this session's words in it."""
        words = {"SUITE": self.suite, "LABEL": self.device.label if self.device else self.expected}
        for name, value in words.items():
            text = text.replace(f"${name}$", escape(value))
        return text

    def close(self) -> None:
        """Tell the device that all is done, and end the server."""
        self.exchange.end()
        if self.device is not None:
            self.exchange.said_goodbye.wait(_SAYS_GOODBYE_WITHIN_S)
        self.pages.close()


class LobbyListener(ServedListener):
    """The listener of a lobby; its handlers find the lobby through it."""

    lobby: Lobby


def _origin(scheme: str, address: Address, port: int) -> str:
    shown = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    return f"{scheme}://{address.in_url}{shown}"


_open: list[Lobby] = []


@contextmanager
def opened(lobby: Lobby) -> Iterator[Lobby]:
    """Make this the lobby that targets with `browser: served` use, and close it in the end."""
    _open.append(lobby)
    try:
        yield lobby
    finally:
        _open.remove(lobby)
        lobby.close()


def opened_lobby() -> Lobby | None:
    """Return the lobby of this process, if there is one."""
    return _open[-1] if _open else None


def current() -> tuple[Lobby, ConnectedDevice]:
    """Return the lobby of this process with the device that is in it.

    Raises:
        TargetNotFound: not-served: nothing is served here.
    """
    lobby = opened_lobby()
    if lobby is None or lobby.device is None:
        raise TargetNotFound(
            "this target waits for a browser that comes by itself",
            hint="run: edgebench serve SUITE, and open the address that it prints",
            kind="not-served",
        )
    return lobby, lobby.device
