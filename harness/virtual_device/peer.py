"""Whether a connection on this host comes from a certain process.

Any local user may connect to a port of 127.0.0.1. On Linux `/proc/net/tcp` names the socket at
the other end, and the process's own folder names its sockets; elsewhere nothing is known.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

_TABLE = Path("/proc/net/tcp")


def comes_from(connection: socket.socket, pid: int) -> bool:
    """Tell whether a process is at the other end; True as well where the system cannot say."""
    inode = _socket_at(connection.getpeername(), connection.getsockname())
    try:
        return inode is None or inode in _sockets_of(pid)
    except OSError:
        return False  # the process is gone, or is not ours


def _socket_at(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    try:
        rows = [line.split() for line in _TABLE.read_text().splitlines()[1:]]
    except OSError:
        return None
    ends = [_as_in_table(local), _as_in_table(remote)]
    for row in rows:
        if len(row) > 9 and row[1:3] == ends:
            return int(row[9])
    return None


def _as_in_table(address: tuple[str, int]) -> str:
    # The kernel prints the address as a word of this host, the port as a number.
    (word,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{word:08X}:{address[1]:04X}"


def _sockets_of(pid: int) -> set[int]:
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - names are all there is to list
        with suppress(OSError):  # one that was closed meanwhile
            target = os.readlink(f"/proc/{pid}/fd/{name}")  # noqa: PTH115 - no path: socket:[N]
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
    return found
