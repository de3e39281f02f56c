"""One device is got back through the real adb server; the server and the others stay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from adb_parts import ends, gone, needed_adb

from harness.errors import HarnessError, TargetLost
from harness.transports.adb import AdbDevice, AdbServer, devices
from harness.transports.adb.connection import query
from harness.transports.virtual_device_process import start_virtual_device
from harness.transports.virtual_setup import CableCut, Greets, Moment, VirtualSetup

pytestmark = pytest.mark.adb

HARNESS = Path(__file__).parents[2] / "harness"


def reached(device: AdbDevice) -> bool:
    try:
        device.reach()
    except HarnessError:
        return False
    return True


def test_a_device_whose_cable_was_pulled_is_reached_when_it_is_back(tmp_path: Path) -> None:
    cut = CableCut(Moment("shell", said="begun"), back_after_s=0.3)
    setup = VirtualSetup(faults=(cut,))
    with start_virtual_device(tmp_path, adb=needed_adb(), setup=setup) as handle:
        device = AdbDevice.attach(handle.serial, AdbServer(handle.adb_port))
        with pytest.raises(TargetLost):
            device.shell("echo begun; sleep 300", timeout_s=60)
        with pytest.raises(HarnessError) as caught:
            device.reach()
        assert caught.value.kind in {"offline", "target-not-found"}
        assert caught.value.hint
        assert ends(lambda: reached(device))
        assert device.shell("echo again", timeout_s=10).stdout == b"again\n"
        assert not gone(handle.server_pid)


def test_an_offline_device_is_connected_to_anew(tmp_path: Path) -> None:
    setup = VirtualSetup(faults=(Greets("offline", connections=1),))
    with start_virtual_device(tmp_path, adb=needed_adb(), setup=setup) as handle:
        device = AdbDevice(handle.serial, AdbServer(handle.adb_port))
        assert [each.state for each in devices(AdbServer(handle.adb_port))] == ["offline"]
        assert ends(lambda: reached(device))
        assert not gone(handle.server_pid)


def test_a_request_that_ends_the_server_cannot_be_sent(tmp_path: Path) -> None:
    with start_virtual_device(tmp_path, adb=needed_adb()) as handle:
        with pytest.raises(ValueError, match="never ended"):
            query(AdbServer(handle.adb_port), "host:kill", timeout_s=5)
        assert not gone(handle.server_pid)


def test_no_line_of_ours_asks_adb_to_end_its_server() -> None:
    asks = re.compile(r"""["'](host:kill|kill-server)["']""")
    allowed = HARNESS / "transports" / "adb" / "connection.py"  # where it is refused
    found = [
        path
        for path in [*HARNESS.rglob("*.py"), *HARNESS.parent.glob("device_scripts/**/*.sh")]
        if asks.search(path.read_text()) and path != allowed
    ]
    assert found == []
