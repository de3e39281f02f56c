"""Keep a Chromium, and carry an abstract socket's connections to its DevTools port.

    devtools_socket.py SOCKET FOLDER PROGRAM [ARGUMENT…]

Chrome on Android listens on an abstract socket itself; on a desktop Chromium listens on a port of
its choice and writes it to `DevToolsActivePort` in its profile. This ends when Chromium does.
FOLDER gets `keeper` and `pid`, the numbers of this process and of Chromium's, and the profile.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

_PIECE = 64 * 1024
_POLL_S = 0.01


def main(name: str, folder: Path, command: list[str]) -> None:
    """Start Chromium and serve the socket until it ends."""
    (folder / "keeper").write_text(str(os.getpid()))
    with (folder / "log.txt").open("wb") as log:
        chromium = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # It puts a socket into its folder for temporary files, and a socket's path has to be
            # short, which that of a virtual device seldom is.
            cwd=folder,
            env={**os.environ, "TMPDIR": "/proc/self/cwd"},
        )
    written = folder / "pid.part"
    written.write_text(str(chromium.pid))
    written.rename(folder / "pid")
    threading.Thread(target=_serve, args=(name, folder, chromium), daemon=True).start()
    chromium.wait()


def _serve(name: str, folder: Path, chromium: subprocess.Popen[bytes]) -> None:
    port = _port(folder / "profile" / "DevToolsActivePort", chromium)
    listening = _listening(name, chromium)
    while True:
        near, _ = listening.accept()
        try:
            far = socket.create_connection(("127.0.0.1", port))
        except OSError:
            near.close()
            continue
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=_carry, args=(source, sink), daemon=True).start()


def _port(file: Path, chromium: subprocess.Popen[bytes]) -> int:
    while chromium.poll() is None:
        with suppress(OSError, ValueError):
            # The address behind the number says that the number is whole.
            number, _ = file.read_text().split()
            return int(number)
        time.sleep(_POLL_S)
    raise SystemExit


def _listening(name: str, chromium: subprocess.Popen[bytes]) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    while chromium.poll() is None:
        # A keeper that was just killed may hold the name for a moment.
        with suppress(OSError):
            listening.bind(f"\0{name}")
            listening.listen()
            return listening
        time.sleep(_POLL_S)
    raise SystemExit


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes one way; when they end, both sockets do."""
    with suppress(OSError):
        while data := source.recv(_PIECE):
            sink.sendall(data)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
