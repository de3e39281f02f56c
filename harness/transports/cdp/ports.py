"""The forwards and reverses of a session, which are gone when it is, however it ends.

What is about to be made is written down on this host first, with who makes it. After `kill -9`
the next session on that phone finds the note of a process that has ended, and takes away what it
names; nothing that somebody else made is touched.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness import locations
from harness.errors import HarnessError, TargetUnfit
from harness.serials import hashed
from harness.transports.adb import AdbDevice, owners
from harness.transports.adb.ports import DevicePorts, PortTaken

_TRIES = 5


@dataclass(slots=True)
class SessionPorts:
    """The ports of one session with one phone.

    `_reverses` is port of this host → port of the phone; None while it is being made.
    """

    _ports: DevicePorts
    _note: Path
    _forward: tuple[int, str] | None = None
    _reverses: dict[int, int | None] = field(default_factory=dict)

    @contextmanager
    def forward(self, remote: str) -> Iterator[int]:
        """Give a port of this host that leads to a socket of the phone."""
        port = self._make_forward(remote)
        try:
            yield port
        finally:
            with suppress(HarnessError):
                self._ports.remove_forward(port)
            self._forward = None
            self._write()

    def reverse(self, port: int) -> int:
        """Return the port of the phone that leads to a port of this host.

        Raises:
            TargetUnfit: the phone does not tell which one it took.
            TargetLost: it went away.
        """
        self._reverses[port] = None
        self._write()
        chosen = self._ports.reverse("tcp:0", f"tcp:{port}")
        if chosen is None:
            raise TargetUnfit(
                "the phone does not tell which port it took for `adb reverse`",
                hint="use a phone with Android 8 or newer",
            )
        self._reverses[port] = chosen
        return chosen

    def renew(self) -> None:
        """Make the reverses again, which end when the phone is away for a moment."""
        for port, chosen in self._reverses.items():
            self._ports.reverse(f"tcp:{chosen}", f"tcp:{port}")

    def close(self) -> None:
        """Take everything away; a phone that is gone has none of it any more."""
        with suppress(HarnessError):
            _remove_reverses(self._ports, self._reverses)
        self._reverses.clear()
        self._note.unlink(missing_ok=True)

    def _make_forward(self, remote: str) -> int:
        for _ in range(_TRIES):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port: int = free.getsockname()[1]
            self._forward = (port, remote)
            self._write()
            try:
                self._ports.forward(port, remote)
            except PortTaken:
                continue
            return port
        raise TargetUnfit(
            "no port of this host could be forwarded",
            hint="look at `adb forward --list`",
            kind="port-taken",
        )

    def _write(self) -> None:
        said = {
            "owner": owners.this_process(),
            "forward": self._forward,
            "reverses": list(self._reverses),
        }
        self._note.parent.mkdir(parents=True, exist_ok=True)
        part = self._note.with_suffix(".part")
        part.write_text(json.dumps(said))
        part.replace(self._note)


def session_ports(device: AdbDevice) -> SessionPorts:
    """Take away what dead sessions left of this phone's ports, and begin anew.

    The phone must be leased: then what is left there is nobody's.
    """
    folder = locations.runtime() / "ports"
    phone = hashed(device.serial)
    for note in folder.glob(f"{phone}-*.json"):
        _sweep(device.ports, note)
    return SessionPorts(device.ports, folder / f"{phone}-{secrets.token_hex(8)}.json")


def _sweep(ports: DevicePorts, note: Path) -> None:
    try:
        said = json.loads(note.read_text())
        owner, forward, reverses = str(said["owner"]), said["forward"], set(said["reverses"])
    except (OSError, ValueError, LookupError, TypeError):
        note.unlink(missing_ok=True)
        return
    if owners.is_alive(owner):
        return
    with suppress(HarnessError):
        if forward and (f"tcp:{forward[0]}", forward[1]) in ports.forwards():
            ports.remove_forward(int(forward[0]))
        _remove_reverses(ports, reverses)
    note.unlink(missing_ok=True)


def _remove_reverses(ports: DevicePorts, to: Iterable[int]) -> None:
    """Remove every reverse that leads to one of these ports of this host."""
    ours = {f"tcp:{port}" for port in to}
    for local, remote in ports.reverses():
        if remote in ours:
            ports.remove_reverse(local)
