"""What earlier sessions left on a device is swept, and only of those that are over; two devices
of one model are never mistaken for each other.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from adb_parts import devices_in_this_process, ends, gone, needed_adb

from harness.errors import TargetUnfit
from harness.transports.adb import AdbDevice, AdbServer, devices, owners, pick
from harness.transports.run_folder import claim
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device

pytestmark = pytest.mark.adb
DAY_S = 24 * 3600


@pytest.fixture
def handle(tmp_path: Path) -> Iterator[VirtualDeviceHandle]:
    with start_virtual_device(tmp_path, adb=needed_adb()) as one:
        yield one


def leave(runs: Path, name: str, owner: str | None, age_s: float = 0) -> Path:
    """Leave what a session leaves that ended without giving anything back."""
    folder = runs / name
    (folder / "run").mkdir(parents=True)
    (folder / "run" / "stdout.txt").write_text("half")
    if owner is not None:
        (runs / f"{name}.owner").write_text(f"{owner}\n")
    then = time.time() - age_s
    os.utime(folder, (then, then))
    return folder


def test_what_dead_sessions_left_is_swept_with_its_processes_and_of_living_ones_kept(
    handle: VirtualDeviceHandle,
) -> None:
    runs = Path(handle.base) / "edgebench" / "runs"
    cache = Path(handle.base) / "edgebench" / "cache"
    cache.mkdir(parents=True)
    host, pid, started = owners.this_process().split()
    dead = f"{host} {pid} {int(started) + 1}"
    crashed = leave(runs, "0" * 16, dead)
    living = leave(runs, "1" * 16, owners.this_process(), age_s=2 * DAY_S)
    elsewhere = leave(runs, "2" * 16, "00000000 1 1")
    forgotten = leave(runs, "3" * 16, "00000000 1 1", age_s=2 * DAY_S)
    nameless = leave(runs, "4" * 16, None)
    with subprocess.Popen(["sleep", "300"], cwd=crashed / "run", start_new_session=True) as tool:
        place = claim(AdbDevice(handle.serial, AdbServer(handle.adb_port)), str(runs.parent))
        assert ends(lambda: gone(tool.pid))
    assert not crashed.exists()
    assert not forgotten.exists()
    assert living.exists()
    assert elsewhere.exists()
    assert nameless.exists()
    assert not (runs / f"{'0' * 16}.owner").exists()
    assert Path(f"{place.path}.owner").read_text().strip() == owners.this_process()
    place.give_back()
    assert not list(runs.glob(f"{Path(place.path).name}*"))


def test_half_pushed_files_go_only_when_nobody_else_is_there(handle: VirtualDeviceHandle) -> None:
    root = Path(handle.base) / "edgebench"
    half = root / "cache" / "abc.1a2b3c4d.part"
    half.parent.mkdir(parents=True)
    half.touch()
    device = AdbDevice(handle.serial, AdbServer(handle.adb_port))
    other = leave(root / "runs", "2" * 16, "00000000 1 1")
    claim(device, str(root)).give_back()
    assert half.exists()
    subprocess.run(["rm", "-r", other, f"{other}.owner"], check=True)
    claim(device, str(root)).give_back()
    assert not half.exists()


def test_two_devices_of_one_model_are_told_apart_by_serial(tmp_path: Path) -> None:
    with devices_in_this_process(tmp_path / "made", 2) as ((one, first), (two, second)):
        server = one._link.server
        assert {each.model for each in devices(server)} == {"edgebench_virtual_device"}
        with pytest.raises(TargetUnfit, match="could mean any of 2") as caught:
            pick("auto", server)
        assert one.serial in str(caught.value)
        assert two.serial in str(caught.value)
        assert pick(two.serial, server) == two.serial
        claim(two, f"{second.base}/edgebench")
        assert list(first.base.iterdir()) == []
        assert [path.name for path in second.base.iterdir()] == ["edgebench"]
