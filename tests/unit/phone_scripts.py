"""Running device scripts under Android's shell and others, beside a reconstructed phone."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "device_scripts" / "android"
PHONE = Path(__file__).parents[1] / "fixtures" / "reconstructed_phone"
SHELLS = ["mksh", "dash", "bash", "mksh with toybox"]
TOYBOX = ("date", "cat", "setsid", "sleep", "kill", "mkdir", "mv", "rm", "rmdir", "grep", "id")


def needed(program: str) -> str:
    """Return where a program is; where it is missing, fail in CI and skip elsewhere."""
    path = shutil.which(program)
    if path:
        return path
    reason = f"{program} is missing: apt install {program}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Phone:
    """A folder that plays a phone, and a shell to run scripts with in it."""

    home: Path
    shell: str
    environment: dict[str, str]

    @property
    def saved(self) -> Path:
        return self.home / "saved"

    def run(self, script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.shell, str(SCRIPTS / script), *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def settings(self) -> dict[str, str]:
        folder = self.home / "settings"
        return {path.name: path.read_text().strip() for path in folder.glob("*")}

    def set(self, name: str, value: str) -> None:
        folder = self.home / "settings"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"{value}\n")

    def without(self, program: str) -> None:
        (self.home / "bin" / program).unlink()

    def program(self, name: str, script: str) -> None:
        path = self.home / "bin" / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def make_phone(home: Path, kind: str) -> Phone:
    """Make a phone; with toybox nothing of this host is on PATH beside its commands."""
    shell = needed(kind.split(maxsplit=1)[0])
    shutil.copytree(PHONE, home)
    search = str(home / "bin")
    if "toybox" in kind:
        toybox = needed("toybox")
        (home / "bin" / "sh").symlink_to(shell)
        for name in TOYBOX:
            (home / "bin" / name).symlink_to(toybox)
    else:
        search += f":{os.environ['PATH']}"
    (home / "sys" / "devices" / "system" / "cpu").mkdir(parents=True)
    return Phone(home, shell, {"PATH": search, "EDGEBENCH_SYS": str(home / "sys")})


def add_core(phone: Phone, number: int, **values: object) -> Path:
    """Give the phone a core with a cpufreq policy of its own; values are files of it."""
    cpu = phone.home / "sys" / "devices" / "system" / "cpu"
    policy = cpu / "cpufreq" / f"policy{number}"
    policy.mkdir(parents=True)
    (cpu / f"cpu{number}").mkdir()
    (cpu / f"cpu{number}" / "cpufreq").symlink_to(policy)
    usual = {
        "scaling_cur_freq": 1_200_000,
        "scaling_min_freq": 300_000,
        "scaling_max_freq": 2_400_000,
        "cpuinfo_min_freq": 300_000,
        "cpuinfo_max_freq": 2_400_000,
        "scaling_governor": "schedutil",
        "scaling_available_frequencies": "300000 600000 1200000 1400000 2400000",
    }
    for name, value in {**usual, **values}.items():
        (policy / name).write_text(f"{value}\n")
    return policy
