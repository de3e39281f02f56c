"""The system packages that tests need, and which command brings one on this machine.

Standard library only: the installer reads it before anything is installed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# Looked into after PATH: a hint should stand even where PATH is empty.
_USUAL_FOLDERS = ("/usr/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin")


@dataclass(frozen=True, slots=True)
class PackageManager:
    """A package manager: its program, how it installs, and what it calls Debian's packages."""

    program: str
    install: str
    needs_root: bool = True
    names: Mapping[str, str] = field(default_factory=dict)

    def command(self, *packages: str, is_root: bool) -> str:
        """Return the command that installs what Debian calls `packages`."""
        sudo = "sudo " if self.needs_root and not is_root else ""
        names = " ".join(self.names.get(package, package) for package in packages)
        return f"{sudo}{self.program} {self.install} {names}"


_RPM_NAMES = {
    "adb": "android-tools",
    "shellcheck": "ShellCheck",
    "webkit2gtk-driver": "webkit2gtk4.1",
    "xvfb": "xorg-x11-server-Xvfb",
}
MANAGERS = (
    PackageManager("apt-get", "install"),
    PackageManager("dnf", "install", names={**_RPM_NAMES, "firefox-esr": "firefox"}),
    PackageManager(
        "pacman",
        "-S",
        names={
            "adb": "android-tools",
            "firefox-esr": "firefox",
            "webkit2gtk-driver": "webkit2gtk-4.1",
            "xvfb": "xorg-server-xvfb",
        },
    ),
    PackageManager("zypper", "install", names={**_RPM_NAMES, "firefox-esr": "MozillaFirefox"}),
    PackageManager("apk", "add", names={"adb": "android-tools"}),
    PackageManager(
        "brew",
        "install",
        needs_root=False,
        names={
            "adb": "--cask android-platform-tools",
            "chromium": "--cask chromium",
            "firefox-esr": "--cask firefox",
        },
    ),
)


def _find(program: str) -> str | None:
    folders = [os.environ.get("PATH", os.defpath), *_USUAL_FOLDERS]
    return shutil.which(program, path=os.pathsep.join(folders))


def command_for(
    *packages: str, find: Callable[[str], str | None] = _find, is_root: bool | None = None
) -> str:
    """Return the one command that brings packages, named as Debian names them.

    Where no known package manager is found, the answer is a sentence.
    """
    as_root = os.geteuid() == 0 if is_root is None else is_root
    for manager in MANAGERS:
        if find(manager.program):
            return manager.command(*packages, is_root=as_root)
    return f"install {' and '.join(packages)} with this system's package manager"


@dataclass(frozen=True, slots=True)
class ListedPackage:
    """A line of `apt-packages.txt`: a package, its programs (one must be there), and its use."""

    package: str
    programs: tuple[str, ...]
    why: str


def read_list(text: str) -> tuple[ListedPackage, ...]:
    """Read lines `package  program|program…  # why`."""
    rows = []
    for line in text.splitlines():
        content, _, why = line.partition("#")
        if content.strip():
            package, programs = content.split()
            rows.append(ListedPackage(package, tuple(programs.split("|")), why.strip()))
    return tuple(rows)
