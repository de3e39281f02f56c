"""Leases on a device: two real harnesses on one device, and what is left when one is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from adb_parts import needed_adb

from harness.errors import TargetLost, TargetUnfit
from harness.machine_label import machine_label
from harness.transports.adb import AdbDevice, AdbServer
from harness.transports.phone_lease import lease as leases
from harness.transports.phone_lease import locked_by, seen_marker, take_lease
from harness.transports.phone_lease.lease import MARGIN_S
from harness.transports.phone_lease.marker import ask, file_of
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device

pytestmark = pytest.mark.adb

HOLD = """
import sys
from harness.transports.adb import AdbDevice, AdbServer
from harness.transports.phone_lease import take_lease
port, serial, root, bench = sys.argv[1:]
lease = take_lease(AdbDevice(serial, AdbServer(int(port))), root, bench, needed_s=1)
print("held", flush=True)
sys.stdin.read()
lease.release()
print("released", flush=True)
"""


@pytest.fixture
def handle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualDeviceHandle]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    with start_virtual_device(tmp_path / "made", adb=needed_adb()) as one:
        yield one


@pytest.fixture
def device(handle: VirtualDeviceHandle) -> AdbDevice:
    return AdbDevice(handle.serial, AdbServer(handle.adb_port))


@pytest.fixture
def root(handle: VirtualDeviceHandle) -> str:
    return f"{handle.base}/edgebench"


def another_process(
    handle: VirtualDeviceHandle, root: str, bench: str = "phone:x"
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(handle.adb_port), handle.serial, root, bench],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lease_is_taken_kept_and_given_back(device: AdbDevice, root: str) -> None:
    lease = take_lease(device, root, "phone:x", needed_s=60)
    seen = seen_marker(device, root)
    assert seen is not None
    assert seen.holder.machine == machine_label()
    assert MARGIN_S < seen.left_s <= MARGIN_S + 60
    lease.renew(1000)
    assert (seen_marker(device, root) or seen).left_s > MARGIN_S + 900
    lease.release()
    assert seen_marker(device, root) is None
    assert locked_by("phone:x") is None


def test_targets_of_one_lane_share_a_lease_until_the_last_ends(
    device: AdbDevice, root: str
) -> None:
    first = take_lease(device, root, "phone:x", needed_s=60)
    second = take_lease(device, root, "phone:x", needed_s=60)
    first.release()
    assert seen_marker(device, root) is not None
    second.renew(1)
    second.release()
    assert seen_marker(device, root) is None


def test_another_process_of_this_host_is_refused(
    handle: VirtualDeviceHandle, device: AdbDevice, root: str
) -> None:
    process = another_process(handle, root)
    with pytest.raises(TargetUnfit, match=f"process {process.pid}") as error:
        take_lease(device, root, "phone:x", needed_s=60)
    assert error.value.kind == "leased"
    assert error.value.hint
    assert process.communicate("", timeout=30)[0] == "released\n"
    take_lease(device, root, "phone:x", needed_s=60).release()


def test_another_host_is_refused_and_told_who_and_until_when(
    handle: VirtualDeviceHandle, device: AdbDevice, root: str
) -> None:
    # A harness that does not share our lock is, to us, on another host.
    process = another_process(handle, root, bench="phone:as-another-host-calls-it")
    with pytest.raises(TargetUnfit, match=rf"{machine_label()} has it until \d\d:\d\d UTC"):
        take_lease(device, root, "phone:x", needed_s=60)
    assert locked_by("phone:x") is None
    process.communicate("", timeout=30)


def test_what_a_killed_harness_leaves_is_taken_over_and_said(
    handle: VirtualDeviceHandle, device: AdbDevice, root: str
) -> None:
    process = another_process(handle, root)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    lease = take_lease(device, root, "phone:x", needed_s=60)
    assert "process has ended" in lease.note
    assert machine_label() in lease.note
    lease.release()


def test_a_lease_of_another_host_that_expired_is_taken_over(device: AdbDevice, root: str) -> None:
    assert ask(device, "take", file_of(root), "t", "host-far:1:1.0", "0").word == "taken"
    lease = take_lease(device, root, "phone:x", needed_s=60)
    assert "host-far, which had expired" in lease.note
    lease.release()


def test_a_lease_of_another_host_in_force_is_not_touched(device: AdbDevice, root: str) -> None:
    ask(device, "take", file_of(root), "t", "host-far:1:1.0", "500")
    with pytest.raises(TargetUnfit, match="host-far has it until"):
        take_lease(device, root, "phone:x", needed_s=60)
    seen = seen_marker(device, root)
    assert seen is not None
    assert seen.token == "t"


def test_a_lease_that_was_taken_away_is_lost_at_the_next_run(device: AdbDevice, root: str) -> None:
    lease = take_lease(device, root, "phone:x", needed_s=60)
    held = seen_marker(device, root)
    assert held is not None
    assert ask(device, "take", file_of(root), "t", "host-far:1:1.0", "500", held.token).left_s
    with pytest.raises(TargetLost, match="host-far") as error:
        lease.renew(60)
    assert error.value.kind == "leased"
    lease.release()
    assert ask(device, "show", file_of(root)).token == "t"


def test_a_lease_whose_marker_was_swept_away_is_taken_again(device: AdbDevice, root: str) -> None:
    lease = take_lease(device, root, "phone:x", needed_s=60)
    device.shell(["rm", "-rf", root], timeout_s=20)
    lease.renew(60)
    assert seen_marker(device, root) is not None
    lease.release()


def test_a_device_that_cannot_be_written_is_not_leased(device: AdbDevice, root: str) -> None:
    device.shell(f"mkdir -p {root}/lease", timeout_s=20)
    with pytest.raises(TargetUnfit, match="cannot be written"):
        take_lease(device, root, "phone:x", needed_s=60)
    assert locked_by("phone:x") is None
    assert not leases._ours
