"""What this machine is called where others can read it: never by its name."""

from __future__ import annotations

import platform
from hashlib import sha256
from pathlib import Path


def machine_label() -> str:
    """Return a short hash of this machine: stable, and never its name."""
    try:
        identity = Path("/etc/machine-id").read_text().strip()
    except OSError:
        identity = ""
    return "host-" + sha256(f"{identity}/{platform.node()}".encode()).hexdigest()[:6]
