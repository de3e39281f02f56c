"""An owner on a device is gone only if it is known to be."""

from __future__ import annotations

import os
import subprocess

import pytest

from harness.transports.adb import owners


def test_this_process_is_alive() -> None:
    assert owners.is_alive(owners.this_process())


def test_a_process_of_this_host_that_has_ended_is_gone() -> None:
    host = owners.this_process().split()[0]
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert owners.is_alive(f"{host} {process.pid} 5") is False


def test_another_process_under_the_same_number_is_not_the_owner() -> None:
    host, pid, started = owners.this_process().split()
    if not started:
        pytest.skip("this system does not say when a process was started")
    assert owners.is_alive(f"{host} {pid} {int(started) + 1}") is False
    assert owners.is_alive(f"{host} {pid} ")


@pytest.mark.parametrize(
    "owner", ["", "x", "00000000 999999 5", "00000000 1 1", "nonsense $(id) `x`"]
)
def test_of_another_host_and_of_nonsense_nothing_is_known(owner: str) -> None:
    assert owners.is_alive(owner) is None


def test_nothing_in_the_line_names_the_host() -> None:
    assert os.uname().nodename not in owners.this_process()
