"""A private adb server: started in the foreground, on a port of its own, with nothing but us.

It looks for no USB devices, emulators or network devices, so it never takes a phone away from
the user's own server, and its keys and logs stay in a folder of ours.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import TargetUnfit
from harness.virtual_device.process_tree import die_with_parent

# adb's own port, and those where an adb server looks for emulators.
_TAKEN = frozenset({5037, *range(5554, 5586)})
_ATTEMPTS = 5
_START_S = 15.0
_CONNECT_S = 15.0
_PAUSE_S = 0.01
_HINT = "try another adb: point ADBUTILS_ADB_PATH at one"


class ServerRefused(Exception):
    """The adb server answered FAIL, or went away, with this message."""


@dataclass(frozen=True, slots=True)
class PrivateServer:
    """A running server of ours."""

    port: int
    process: subprocess.Popen[bytes]

    def ask(self, request: str, timeout_s: float) -> str:
        """Return the server's answer to a `host:` request."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout_s)) as link:
            data = request.encode()
            link.sendall(b"%04x" % len(data) + data)
            with link.makefile("rb") as answer:
                status = answer.read(4)
                text = answer.read(int(answer.read(4) or b"0", 16)).decode(errors="replace")
        if status != b"OKAY":
            raise ServerRefused(text)
        return text


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on 127.0.0.1, on a free port away from adb's own, or that."""
    while True:
        listener = socket.create_server(("127.0.0.1", port), backlog=1)
        if listener.getsockname()[1] not in _TAKEN:
            return listener
        listener.close()


def start(adb: Path, home: Path) -> PrivateServer:
    """Start a server whose keys and log are kept in `home`.

    Raises:
        TargetUnfit: it does not start, several ports were tried.
    """
    log = home / "log.txt"
    for _ in range(_ATTEMPTS):
        with listen() as free:
            port: int = free.getsockname()[1]
        with log.open("ab") as said:
            process = subprocess.Popen(
                [adb, "-P", str(port), "nodaemon", "server"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=home,
                env=_environment(home, port),
                # Safe: the supervisor has a single thread.
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )
        server = PrivateServer(port, process)
        if _answers(server):
            return server
        process.kill()
        process.wait()
    raise TargetUnfit(f"{adb} cannot start a server: {_tail(log)}", hint=_HINT)


def connect(server: PrivateServer, device_port: int, *, until: str = "device") -> str:
    """Make the server connect to a device on this host, and return its serial.

    `until` is the state that is waited for, in the server's words.

    Raises:
        TargetUnfit: the server does not see the device in that state.
    """
    serial = f"127.0.0.1:{device_port}"
    end = time.monotonic() + _CONNECT_S
    said = ""
    try:
        # The server answers for a silent device only when it gives up; it is listed at once.
        with suppress(TimeoutError):
            said = server.ask(f"host:connect:{serial}", 0.1 if until == "offline" else _CONNECT_S)
        while time.monotonic() < end:
            said = _state(server, serial)
            if said == until:
                return serial
            time.sleep(_PAUSE_S)
    except (OSError, ServerRefused, ValueError) as error:
        said = str(error)
    raise TargetUnfit(f"adb does not see the virtual device as ready: {said}", hint=_HINT)


def _state(server: PrivateServer, serial: str) -> str:
    listed = server.ask("host:devices", _CONNECT_S)
    states = dict(line.split("\t", 1) for line in listed.splitlines())
    return states.get(serial, "not there")


def _answers(server: PrivateServer) -> bool:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and server.process.poll() is None:
        try:
            server.ask("host:version", _START_S)
        except (OSError, ServerRefused, ValueError):
            time.sleep(_PAUSE_S)
        else:
            # On a port that was taken meanwhile it is another server that answers.
            return server.process.poll() is None
    return False


def _environment(home: Path, port: int) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(home),
        "ANDROID_ADB_SERVER_PORT": str(port),
        "ADB_MDNS": "0",
        "ADB_USB": "0",
        "ADB_EMU": "0",
    }


def _tail(log: Path) -> str:
    return log.read_bytes()[-500:].decode(errors="replace").strip() or "it says nothing"
