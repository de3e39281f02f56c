"""The user's adb server: what it sees, and starting it where none runs. It is never ended."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from contextlib import suppress

from harness.errors import HarnessError, TargetNotFound, TargetUnfit
from harness.model import Phone
from harness.transports.adb.connection import AdbServer, Refused, no_server, query, user_server
from harness.transports.adb.program import find_adb
from harness.transports.adb.states import DeviceState, choose, parse_devices

_ANSWER_S = 10.0
_START_S = 30.0
_ASK_S = 5.0
# The server tries for seconds to connect to an address that is silent; it goes on without us.
_CONNECT_S = 1.0
_ADDRESS = re.compile(r".+:[0-9]{1,5}")


def devices(server: AdbServer | None = None) -> tuple[DeviceState, ...]:
    """Return every device that a server (the user's own by default) sees, in its order.

    Raises:
        TargetNotFound: no adb server answers, and none could be started.
    """
    if server is None:
        server = user_server()
        ensure_running(server)
    try:
        return parse_devices(query(server, "host:devices-l", timeout_s=_ANSWER_S))
    except Refused as error:
        raise no_server(server, str(error)) from error


def pick(device: str, server: AdbServer | None = None) -> str:
    """Return the serial that a suite's `device` means: 'auto' is the one attached phone.

    One that is offline is connected to anew, so that it may be ready when asked again.

    Raises:
        TargetNotFound: there is no such device, no adb, or no adb server.
        TargetUnfit: the device is not ready (kinds `unauthorized`, `offline`,
            `no-permissions`, `target-unfit`), or `auto` could mean several.
    """
    try:
        return choose(device, devices(server))
    except TargetUnfit as error:
        if error.kind == "offline":
            reconnect(error.where, server or user_server())
        raise


def reconnect(serial: str, server: AdbServer) -> None:
    """Ask the server to drop one connection and make it again; whether it can is seen later."""
    with suppress(HarnessError, Refused):
        query(server, f"host-serial:{serial}:reconnect", timeout_s=_ASK_S)
    if _ADDRESS.fullmatch(serial):
        # A device behind an address is forgotten when its connection is dropped.
        with suppress(HarnessError, Refused):
            query(server, f"host:connect:{serial}", timeout_s=_CONNECT_S)


def server_of(phone: Phone | None) -> AdbServer | None:
    """Return the server that devices.yaml names; None is the user's own, which may be started."""
    if phone is None or phone.host is None or phone.port is None:
        return None
    return AdbServer(phone.port, phone.host)


def ensure_running(server: AdbServer) -> None:
    """Start an adb server where nothing listens; a running one is left exactly as it is.

    `adb start-server` would end and replace a server of another version, so it is run only
    when nobody answers on that port.

    Raises:
        TargetNotFound: there is no adb program, or it cannot start a server.
    """
    if listens(server):
        return
    adb = find_adb()
    environment = os.environ | {"ANDROID_ADB_SERVER_PORT": str(server.port)}
    environment.pop("ADB_SERVER_SOCKET", None)
    # A file, for the server that stays would hold a pipe open.
    with tempfile.TemporaryFile() as said:
        try:
            code = subprocess.run(
                [adb, "start-server"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=environment,
                timeout=_START_S,
                check=False,
                start_new_session=True,
            ).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _not_started(server, str(error)) from error
        if code != 0 or not listens(server):
            said.seek(0)
            raise _not_started(server, said.read(2000).decode(errors="replace").strip())


def listens(server: AdbServer) -> bool:
    """Tell whether something listens where an adb server should."""
    try:
        socket.create_connection((server.host, server.port), timeout=3).close()
    except OSError:
        return False
    return True


def _not_started(server: AdbServer, detail: str) -> TargetNotFound:
    return TargetNotFound(
        f"{server.label} could not be started: {detail}",
        hint="run `adb start-server` and look at what it says",
    )
