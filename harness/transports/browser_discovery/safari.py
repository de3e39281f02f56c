"""Safari, which macOS brings with its WebDriver; never run in this project's CI."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from pathlib import Path

from harness.transports.browser_discovery.program import BrowserProgram, answer_of

DRIVER = Path("/usr/bin/safaridriver")
_APPLICATION = Path("/Applications/Safari.app/Contents/MacOS/Safari")
# `safaridriver --version` says "Included with Safari 26.1 (21622.2.11.11.9)".
_VERSION = re.compile(r"Safari\s+(\d+(?:\.\d+)*)")


def all_safaris() -> Iterator[BrowserProgram]:
    """Yield this Mac's Safari."""
    if platform.system() != "Darwin":
        return
    if found := _VERSION.search(answer_of(DRIVER, "--version")):
        yield BrowserProgram("safari", _APPLICATION, found[1], "installed")


def install_command() -> str:
    """Return what lets it be driven: it is there on every Mac, and nowhere else."""
    if platform.system() != "Darwin":
        return "this suite on a Mac: Safari runs on nothing else"
    return "sudo safaridriver --enable"
