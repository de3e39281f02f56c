"""Getting one device back that went away; the server and its other devices are left alone."""

from __future__ import annotations

from harness.errors import TargetNotFound
from harness.transports.adb.connection import AdbServer
from harness.transports.adb.server import devices, reconnect
from harness.transports.adb.states import unready


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
