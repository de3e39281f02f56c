"""Who uses something on a device: a process of some host, said in a line that a device keeps."""

from __future__ import annotations

import os
import platform
import re
from functools import cache
from hashlib import sha256
from pathlib import Path

_OWNER = re.compile(r"(?P<host>[0-9a-f]{8}) (?P<pid>[0-9]+)(?: (?P<started>[0-9]+))?")


def this_process() -> str:
    """Return the line for this process: a hash of its host, its id, and when it was started."""
    return f"{_this_host()} {os.getpid()} {_started(os.getpid())}"


def is_alive(owner: str) -> bool | None:
    """Tell whether an owner still runs; None for one of another host, and for no such line."""
    match = _OWNER.fullmatch(owner.strip())
    if match is None or match["host"] != _this_host():
        return None
    pid = int(match["pid"])
    return _exists(pid) and (not match["started"] or _started(pid) == match["started"])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str:
    """Return when a process was started, in ticks since the boot, or '' where nobody says."""
    try:
        # The program's name stands in brackets and may hold anything, brackets too.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19]


@cache
def _this_host() -> str:
    try:
        identity = Path("/etc/machine-id").read_text().strip()
    except OSError:
        identity = ""
    return sha256(f"{identity}/{platform.node()}".encode()).hexdigest()[:8]
