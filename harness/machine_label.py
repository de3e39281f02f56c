"""What this machine is called where others can read it: never by its name."""

from __future__ import annotations

import getpass
import platform
import socket
from contextlib import suppress
from hashlib import sha256
from pathlib import Path


def machine_label() -> str:
    """Return a short hash of this machine: stable, and never its name."""
    try:
        identity = Path("/etc/machine-id").read_text().strip()
    except OSError:
        identity = ""
    return "host-" + sha256(f"{identity}/{platform.node()}".encode()).hexdigest()[:6]


def machine_names() -> frozenset[str]:
    """Return the names that this machine and its user go by, to be taken out of what leaves it."""
    hosts = {platform.node(), socket.gethostname()}
    names = {*hosts, *(host.partition(".")[0] for host in hosts), Path.home().name}
    # A process whose user is in no list of users has no name.
    with suppress(OSError, KeyError, ImportError):
        names.add(getpass.getuser())
    return frozenset(names - {""})
