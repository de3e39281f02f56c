"""Playwright's own build of WebKit, which exists as its download only."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness.transports.browser_discovery.playwright_downloads import playwright_download
from harness.transports.browser_discovery.program import BrowserProgram


def all_webkits() -> Iterator[BrowserProgram]:
    """Yield the download, with the version that Playwright tells: its program tells none."""
    download = playwright_download("webkit")
    if download is not None and download.path.is_file():
        yield BrowserProgram("webkit", download.path, download.version, "playwright")


def install_command() -> str:
    """Return the command that brings it."""
    return f"{sys.executable} -m playwright install --with-deps webkit"
