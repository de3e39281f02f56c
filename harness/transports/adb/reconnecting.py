"""Getting one device back that went away; the server and its other devices are left alone."""

from __future__ import annotations

import re
from contextlib import suppress

from harness.errors import HarnessError, TargetNotFound
from harness.transports.adb.connection import AdbServer, Refused, query
from harness.transports.adb.server import devices
from harness.transports.adb.states import unready

_ASK_S = 5.0
# The server tries for seconds to connect to an address that is silent; it goes on without us.
_CONNECT_S = 1.0
_ADDRESS = re.compile(r".+:[0-9]{1,5}")


def reach(serial: str, server: AdbServer) -> None:
    """Return if a device is ready; else ask the server to connect to it anew.

    Raises:
        TargetNotFound: the server does not know it, or does not answer.
        TargetUnfit: it is there and not ready; the class is that of its state.
    """
    known = {each.serial: each for each in devices(server)}
    seen = known.get(serial)
    if seen is not None and seen.ready:
        return
    if seen is None or seen.state == "offline":
        reconnect(serial, server)
    if seen is None:
        raise TargetNotFound(
            f"{server.label} does not see the device any more",
            where=serial,
            hint="check its cable or its network, and look at `adb devices -l`",
        )
    raise unready(seen)


def reconnect(serial: str, server: AdbServer) -> None:
    """Ask the server to drop one connection and make it again; whether it can is seen later."""
    with suppress(HarnessError, Refused):
        query(server, f"host-serial:{serial}:reconnect", timeout_s=_ASK_S)
    if _ADDRESS.fullmatch(serial):
        # A device behind an address is forgotten when its connection is dropped.
        with suppress(HarnessError, Refused):
            query(server, f"host:connect:{serial}", timeout_s=_CONNECT_S)
