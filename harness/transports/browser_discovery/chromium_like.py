"""Chromium-like browsers: installed ones, and Playwright's own download."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.transports.browser_discovery.playwright_downloads import playwright_download
from harness.transports.browser_discovery.program import BrowserProgram, answer_of, on_path

FAMILIES = ("chromium", "chrome", "edge")
_VERSION = re.compile(r"(?:^|\s)([A-Z][A-Za-z ]*?)\s+(?:for Testing\s+)?(\d+(?:\.\d+){3})(?:\s|$)")
_PROGRAMS = {
    "chromium": ("chromium", "chromium-browser"),
    "chrome": ("google-chrome-stable", "google-chrome", "/opt/google/chrome/chrome"),
    "edge": ("microsoft-edge-stable", "microsoft-edge", "/opt/microsoft/msedge/msedge"),
}
_MAC_APPLICATIONS = {
    "chromium": "Chromium.app/Contents/MacOS/Chromium",
    "chrome": "Google Chrome.app/Contents/MacOS/Google Chrome",
    "edge": "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
}
_PLAYWRIGHT_NAMES = {"chromium": "chromium", "chrome": "chrome", "edge": "msedge"}


def all_of(browser: str) -> Iterator[BrowserProgram]:
    """Yield every browser that a name stands for, the first choice first.

    `chromium` is an installed Chromium, else Playwright's own download, else Chrome or Edge,
    which are the same engine; the result tells which it is.
    """
    families = FAMILIES if browser == "chromium" else (browser,)
    for family in families:
        seen: set[Path] = set()
        for path in (*_mac_applications(family), *on_path(*_PROGRAMS[family])):
            if path.resolve() not in seen and (program := asked(path, "installed", family)):
                seen.add(path.resolve())
                yield program
        download = playwright_download("chromium")
        if family == "chromium" and download is not None and download.path.is_file():
            program = asked(download.path, "playwright", family)
            if program:
                yield program


def asked(path: Path, origin: str, family: str = "") -> BrowserProgram | None:
    """Ask a program for its version; None if it does not answer like a Chromium."""
    found = _VERSION.search(answer_of(path, "--version"))
    if found is None:
        return None
    return BrowserProgram(family or _family(found[1]), path, found[2], origin)


def install_command(browser: str) -> str:
    """Return the command that brings one."""
    return f"{sys.executable} -m playwright install {_PLAYWRIGHT_NAMES[browser]}"


def _family(product: str) -> str:
    for word, family in (("Edge", "edge"), ("Chrome", "chrome")):
        if word in product:
            return family
    return "chromium"


def _mac_applications(family: str) -> Iterator[Path]:
    if platform.system() == "Darwin":
        for root in (Path("/Applications"), Path.home() / "Applications"):
            yield root / _MAC_APPLICATIONS[family]
