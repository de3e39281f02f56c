"""Firefox as its makers and distributions build it; Playwright drives it over WebDriver BiDi."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from pathlib import Path

from harness.system_packages import command_for
from harness.transports.browser_discovery.program import BrowserProgram, answer_of, on_path

_PROGRAMS = ("firefox-esr", "firefox")
_MAC_APPLICATION = "Firefox.app/Contents/MacOS/firefox"
_VERSION = re.compile(r"(?:^|\s)Firefox\s+(\d+(?:\.\d+)+)")


def all_firefoxes() -> Iterator[BrowserProgram]:
    """Yield every Firefox found; one that does not tell its version is none."""
    # Debian has a script of the other name that starts the same one.
    seen: set[str] = set()
    for path in (*_mac_applications(), *on_path(*_PROGRAMS)):
        program = asked(path, "installed")
        if program and program.version not in seen:
            seen.add(program.version)
            yield program


def asked(path: Path, origin: str) -> BrowserProgram | None:
    """Return the Firefox at a path, None if it does not answer like one."""
    found = _VERSION.search(answer_of(path, "--version"))
    return BrowserProgram("firefox", path, found[1], origin) if found else None


def install_command() -> str:
    """Return the command that brings one."""
    return command_for("firefox-esr")


def _mac_applications() -> Iterator[Path]:
    if platform.system() == "Darwin":
        for root in (Path("/Applications"), Path.home() / "Applications"):
            yield root / _MAC_APPLICATION
