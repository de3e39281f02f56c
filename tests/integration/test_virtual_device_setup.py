"""A virtual device has the properties and programs that its setup gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
from adb_parts import needed_adb

from harness.errors import TargetUnfit
from harness.transports.adb import AdbDevice, AdbServer, devices
from harness.transports.virtual_device_process import start_virtual_device
from harness.transports.virtual_setup import VirtualSetup

pytestmark = pytest.mark.adb


def test_properties_are_replaced_and_added_and_the_rest_still_says_virtual(tmp_path: Path) -> None:
    odd = "größe \"$(id)\" 'x' `y` \\1"
    setup = VirtualSetup({"ro.product.model": "Pixel 8", "ro.soc.model": odd})
    with start_virtual_device(tmp_path, adb=needed_adb(), setup=setup) as handle:
        (seen,) = devices(AdbServer(handle.adb_port))
        said = AdbDevice.attach(handle.serial, AdbServer(handle.adb_port)).getprops()
    assert seen.model == "Pixel_8"
    assert said["ro.product.model"] == "Pixel 8"
    assert said["ro.soc.model"] == odd
    assert said["ro.build.fingerprint"] == "edgebench/virtual"
    assert said["ro.edgebench.base"] == handle.base


def test_programs_go_before_those_of_the_host_and_nothing_of_them_stays(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "am").write_text('#!/bin/sh\necho "am $*"\n')
    (programs / "ls").write_text("#!/bin/sh\necho mine\n")
    setup = VirtualSetup(programs=programs)
    with start_virtual_device(tmp_path / "made", adb=needed_adb(), setup=setup) as handle:
        device = AdbDevice.attach(handle.serial, AdbServer(handle.adb_port))
        assert device.shell(["am", "start", "a b"], timeout_s=10).stdout == b"am start a b\n"
        assert device.shell("ls /", timeout_s=10).stdout == b"mine\n"
    assert list((tmp_path / "made").iterdir()) == []
    assert (programs / "am").exists()


def test_programs_that_are_not_there_are_named(tmp_path: Path) -> None:
    setup = VirtualSetup(programs=tmp_path / "absent")
    with pytest.raises(TargetUnfit, match="absent"):
        start_virtual_device(tmp_path / "made", adb=needed_adb(), setup=setup)
    assert list((tmp_path / "made").iterdir()) == []
