"""A session's forwards and reverses: gone at its end, and after `kill -9` with the next one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from adb_parts import needed_adb

from harness import locations
from harness.errors import TargetUnfit
from harness.transports.adb import AdbDevice, AdbServer
from harness.transports.adb.ports import PortTaken
from harness.transports.cdp.ports import session_ports
from harness.transports.virtual_device_process import start_virtual_device

pytestmark = pytest.mark.adb

SOCKET = "localabstract:chrome_devtools_remote"
KILLED = """
import os, signal, sys
from harness.transports.adb import AdbDevice, AdbServer
from harness.transports.cdp.ports import session_ports
ports = session_ports(AdbDevice(sys.argv[1], AdbServer(int(sys.argv[2]))))
ports.reverse(4711)
with ports.forward("localabstract:chrome_devtools_remote"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbDevice]:
    with start_virtual_device(tmp_path_factory.mktemp("ports"), adb=needed_adb()) as handle:
        yield AdbDevice(handle.serial, AdbServer(handle.adb_port))


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def notes() -> list[Path]:
    return list((locations.runtime() / "ports").glob("*"))


def test_nothing_stays_of_a_session_that_ends(device: AdbDevice) -> None:
    ports = session_ports(device)
    chosen = ports.reverse(4711)

    def interrupted() -> None:
        with ports.forward(SOCKET) as port:
            assert device.ports.forwards() == ((f"tcp:{port}", SOCKET),)
            assert device.ports.reverses() == ((f"tcp:{chosen}", "tcp:4711"),)
            assert len(notes()) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert device.ports.forwards() == ()
    ports.close()
    assert device.ports.reverses() == ()
    assert notes() == []


def test_what_a_killed_session_left_is_swept_and_nothing_else(device: AdbDevice) -> None:
    foreign = device.ports
    foreign.forward(_free_port(), SOCKET)
    foreign.reverse("tcp:0", "tcp:9")
    others = foreign.forwards(), foreign.reverses()
    server = str(device._link.server.port)
    ended = subprocess.run([sys.executable, "-c", KILLED, device.serial, server], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(foreign.forwards()) == len(foreign.reverses()) == 2
    session_ports(device).close()
    assert (foreign.forwards(), foreign.reverses()) == others
    assert notes() == []
    for (local, _), (reversed_, _) in zip(*others, strict=True):
        foreign.remove_forward(int(local.removeprefix("tcp:")))
        foreign.remove_reverse(reversed_)


def test_the_ports_of_a_session_that_lives_are_left_alone(device: AdbDevice) -> None:
    first = session_ports(device)
    first.reverse(4711)
    session_ports(device).close()
    assert [remote for _, remote in device.ports.reverses()] == ["tcp:4711"]
    first.close()
    assert device.ports.reverses() == ()


def test_a_damaged_note_is_thrown_away(device: AdbDevice) -> None:
    session = session_ports(device)
    session.reverse(4711)
    (note,) = notes()
    note.write_text('{"owner": 1')
    session_ports(device).close()
    assert notes() == []
    session.close()


def test_reverses_are_made_again_under_the_port_that_the_page_knows(device: AdbDevice) -> None:
    session = session_ports(device)
    chosen = session.reverse(4711)
    device.ports.remove_reverse(f"tcp:{chosen}")
    session.renew()
    session.renew()
    assert device.ports.reverses() == ((f"tcp:{chosen}", "tcp:4711"),)
    session.close()


def test_refusals_of_the_server_and_of_the_device_have_classes(device: AdbDevice) -> None:
    port = _free_port()
    device.ports.forward(port, SOCKET)
    with pytest.raises(PortTaken):
        device.ports.forward(port, SOCKET)
    device.ports.remove_forward(port)
    chosen = device.ports.reverse("tcp:0", "tcp:9")
    with pytest.raises(PortTaken):
        device.ports.reverse(f"norebind:tcp:{chosen}", "tcp:9")
    device.ports.remove_reverse(f"tcp:{chosen}")
    with pytest.raises(TargetUnfit, match="not found"):
        device.ports.remove_forward(port)
    with pytest.raises(TargetUnfit, match="not found"):
        device.ports.remove_reverse(f"tcp:{chosen}")


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
