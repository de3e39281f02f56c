"""Devices over adb: the one door to adbutils and to the adb program.

A server that already runs is used as it is and never ended; adbutils itself is imported only
when the first connection is made.
"""

from __future__ import annotations

from harness.transports.adb.connection import AdbServer, user_server
from harness.transports.adb.device import OUTPUT_LIMIT_BYTES, AdbDevice, ShellResult
from harness.transports.adb.failures import (
    ShellInterrupted,
    ShellOverflowed,
    ShellTimedOut,
    push_refused,
)
from harness.transports.adb.program import adb_version, find_adb
from harness.transports.adb.server import devices, ensure_running, listens, pick, server_of
from harness.transports.adb.states import DeviceState

__all__ = [
    "OUTPUT_LIMIT_BYTES",
    "AdbDevice",
    "AdbServer",
    "DeviceState",
    "ShellInterrupted",
    "ShellOverflowed",
    "ShellResult",
    "ShellTimedOut",
    "adb_version",
    "devices",
    "ensure_running",
    "find_adb",
    "listens",
    "pick",
    "push_refused",
    "server_of",
    "user_server",
]
