"""A virtual device comes, serves one adb server of ours, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from adb_parts import ends, gone, needed_adb

from harness.errors import TargetError, TargetUnfit
from harness.transports.adb import AdbDevice, AdbServer, devices
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device

pytestmark = pytest.mark.adb

HOME = Path(__file__).parents[2]
# Stays, in a session of its own, with no tie to the shell that started it; it holds stdout, and
# with it the stream, until it has got there.
ESCAPED = "setsid sh -c 'echo $$; exec sleep 300 < /dev/null > /dev/null 2>&1' &"


@pytest.fixture
def handle(tmp_path: Path) -> Iterator[VirtualDeviceHandle]:
    with start_virtual_device(tmp_path / "scratch", adb=needed_adb()) as handle:
        yield handle


def the_device(handle: VirtualDeviceHandle) -> AdbDevice:
    return AdbDevice.attach(handle.serial, AdbServer(handle.adb_port))


def test_the_real_adb_server_sees_it_as_a_phone_that_says_what_it_is(
    handle: VirtualDeviceHandle,
) -> None:
    (seen,) = devices(AdbServer(handle.adb_port))
    assert (seen.serial, seen.state, seen.model) == (
        handle.serial,
        "device",
        "edgebench_virtual_device",
    )
    properties = the_device(handle).getprops()
    assert properties["ro.product.model"] == "edgebench virtual device"
    assert properties["ro.build.version.release"] == "virtual"
    assert handle.adb_version


def test_closing_takes_everything_away_and_may_be_repeated(tmp_path: Path) -> None:
    with start_virtual_device(tmp_path, adb=needed_adb()) as handle:
        escaped = int(the_device(handle).shell(ESCAPED, timeout_s=10).stdout)
        assert not gone(escaped)
    assert list(tmp_path.iterdir()) == []
    assert gone(handle.server_pid)
    assert gone(handle.device_pid)
    assert gone(escaped)
    handle.close()


def test_a_folder_without_permissions_is_taken_away_too(tmp_path: Path) -> None:
    with start_virtual_device(tmp_path, adb=needed_adb()) as handle:
        script = f"mkdir -p {handle.base}/a/b && touch {handle.base}/a/b/c && chmod 0 {handle.base}/a/b {handle.base}/a"
        assert the_device(handle).shell(script, timeout_s=10).exit_code == 0
    assert list(tmp_path.iterdir()) == []


PARENT = """
import sys
from pathlib import Path
from harness.transports.adb import AdbDevice, AdbServer
from harness.transports.virtual_device_process import start_virtual_device
handle = start_virtual_device(Path(sys.argv[1]), adb=Path(sys.argv[2]))
device = AdbDevice.attach(handle.serial, AdbServer(handle.adb_port))
escaped = device.shell(sys.argv[3], timeout_s=10).stdout.decode().strip()
print(handle.server_pid, handle.device_pid, escaped, handle.base, flush=True)
device.shell(f"echo $$ > {handle.base}/tool; sleep 300", timeout_s=300)
"""


def test_a_harness_killed_with_9_in_mid_run_leaves_no_process_and_no_folder(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path, needed_adb(), ESCAPED],
        stdout=subprocess.PIPE,
        cwd=HOME,
    ) as parent:
        assert parent.stdout is not None
        *pids, base = parent.stdout.readline().decode().split()
        tool = Path(base) / "tool"
        assert ends(lambda: tool.exists() and tool.read_text().endswith("\n"))
        everything = [*map(int, pids), int(tool.read_text())]
        assert not any(map(gone, everything))
        parent.kill()
    assert ends(lambda: all(map(gone, everything)))
    assert ends(lambda: not list(tmp_path.iterdir()))


def started_by_hand(scratch: Path, adb: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness.virtual_device", "--scratch", scratch, "--adb", adb],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=HOME,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, None])
def test_sigterm_and_the_end_of_stdin_end_it(tmp_path: Path, number: int | None) -> None:
    with started_by_hand(tmp_path, needed_adb()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        if number is None:
            process.stdin.close()
        else:
            process.send_signal(number)
        assert process.wait(30) == 0
    assert gone(said["server_pid"])
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_in_the_terminal_does_not_end_it(handle: VirtualDeviceHandle) -> None:
    supervisor = handle._process.pid
    assert os.getpgid(supervisor) != os.getpgrp()
    os.kill(supervisor, signal.SIGINT)
    assert the_device(handle).shell("echo here", timeout_s=10).stdout == b"here\n"


def test_its_commands_can_be_ended_by_ctrl_c_all_the_same(handle: VirtualDeviceHandle) -> None:
    ended = the_device(handle).shell("kill -INT $$; echo survived", timeout_s=10)
    assert (ended.exit_code, ended.stdout) == (130, b"")


def test_nobody_else_can_connect_to_it(handle: VirtualDeviceHandle) -> None:
    host, port = handle.serial.split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


def test_everything_listens_on_loopback_only(handle: VirtualDeviceHandle) -> None:
    listening = Path("/proc/net/tcp")
    if not listening.exists():
        pytest.skip("this system does not list its sockets in /proc")
    rows = [line.split() for line in listening.read_text().splitlines()[1:]]
    port = f"{handle.adb_port:04X}"
    addresses = {row[1].split(":")[0] for row in rows if row[1].endswith(f":{port}")}
    assert addresses == {"0100007F"}


def test_the_users_own_adb_files_are_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with start_virtual_device(tmp_path / "scratch", adb=needed_adb()) as handle:
        the_device(handle).shell("true", timeout_s=10)
    assert list(home.iterdir()) == []


def test_two_devices_stand_side_by_side(tmp_path: Path) -> None:
    with (
        start_virtual_device(tmp_path, adb=needed_adb()) as one,
        start_virtual_device(tmp_path, adb=needed_adb()) as two,
    ):
        assert one.sandbox != two.sandbox
        assert one.adb_port != two.adb_port
        the_device(one).shell(f"touch {one.base}/only-here", timeout_s=10)
        assert the_device(two).shell(f"ls {two.base}", timeout_s=10).stdout == b""


@pytest.mark.parametrize("victim", ["device_pid", "server_pid"])
def test_when_one_part_dies_the_other_ends_as_well(tmp_path: Path, victim: str) -> None:
    with start_virtual_device(tmp_path, adb=needed_adb()) as handle:
        os.kill(getattr(handle, victim), signal.SIGKILL)
        assert ends(lambda: gone(handle.server_pid) and gone(handle.device_pid))
        with pytest.raises(TargetError):
            the_device(handle).shell("true", timeout_s=10)
        assert ends(lambda: not list(tmp_path.iterdir()))


@pytest.mark.parametrize("script", ["exit 1", "[ $1 = version ] && echo 'Version 1' || exit 7"])
def test_an_adb_that_does_not_work_is_named_and_nothing_stays(tmp_path: Path, script: str) -> None:
    broken = tmp_path / "adb"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    with pytest.raises(TargetUnfit) as caught:
        start_virtual_device(tmp_path / "scratch", adb=broken)
    assert str(broken) in str(caught.value)
    assert "ADBUTILS_ADB_PATH" in caught.value.hint
    assert list((tmp_path / "scratch").iterdir()) == []
