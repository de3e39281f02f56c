"""Which command brings a system package, and the list of those that tests need."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.system_packages import command_for, read_list

ROOT = Path(__file__).parents[2]


def only(program):
    return lambda name: f"/usr/bin/{name}" if name == program else None


@pytest.mark.parametrize(
    ("program", "is_root", "command"),
    [
        ("apt-get", True, "apt-get install adb"),
        ("apt-get", False, "sudo apt-get install adb"),
        ("dnf", False, "sudo dnf install android-tools"),
        ("brew", False, "brew install --cask android-platform-tools"),
        ("none", False, "install adb with this system's package manager"),
    ],
)
def test_the_command_is_the_machines_own(program, is_root, command):
    assert command_for("adb", find=only(program), is_root=is_root) == command


def test_the_committed_list_names_a_program_and_a_use_for_each_package():
    rows = read_list((ROOT / "apt-packages.txt").read_text())
    assert {"chromium", "mksh", "toybox", "shellcheck"} <= {row.package for row in rows}
    assert all(row.programs and row.why for row in rows)
