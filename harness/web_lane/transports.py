"""Which transport drives the browser that a suite names."""

from __future__ import annotations

from pathlib import Path

from harness.transports.browser import BrowserLaunch, Browsers
from harness.transports.browser_discovery import find
from harness.transports.browsing import BrowserTransport
from harness.web_lane.options import BrowserKeys


def open_transport(options: BrowserKeys, scratch: Path) -> BrowserTransport:
    """Find the browser of a target; it is not started yet.

    Raises:
        TargetNotFound: browser-missing.
    """
    program = find(options.browser)
    return Browsers(BrowserLaunch(program, scratch, options.headless, tuple(options.args)))
