"""Which transport drives the browser that a suite names."""

from __future__ import annotations

from pathlib import Path

from harness.errors import TargetUnfit
from harness.model import Phone
from harness.transports.browser import BrowserLaunch, Browsers
from harness.transports.browser_discovery import find
from harness.transports.browsing import BrowserTransport
from harness.transports.cdp import PhoneChrome
from harness.transports.cdp.virtual_chrome import chrome_of_this_host
from harness.transports.open_device import open_device
from harness.transports.served import ServedBrowsers, current
from harness.transports.virtual_setup import PLAIN
from harness.transports.webdriver import WebDriverBrowsers, require_display, safari, webkitgtk
from harness.web_lane.options import SERVED, BrowserKeys

_THIS_HOST = frozenset({None, "localhost", "127.0.0.1", "::1"})


def open_transport(
    options: BrowserKeys, scratch: Path, phone: Phone | None = None
) -> BrowserTransport:
    """Find the browser of a target; it is not started yet.

    Raises:
        TargetNotFound: browser-missing, display-missing, not-served, or the phone is not there.
        TargetUnfit, TargetLost: the phone is not ready, leased, or goes away.
    """
    if options.browser == SERVED:
        return ServedBrowsers(*current())
    if options.on_phone:
        return _on_phone(options, scratch, phone)
    program = find(options.browser)
    args = tuple(options.args)
    if program.name == "webkitgtk":
        require_display(virtual=options.headless)
        return WebDriverBrowsers(webkitgtk(program, scratch, options.headless, args))
    if program.name == "safari":
        return WebDriverBrowsers(safari(program, scratch))
    return Browsers(BrowserLaunch(program, scratch, options.headless, args))


def _on_phone(options: BrowserKeys, scratch: Path, phone: Phone | None) -> PhoneChrome:
    if phone is not None and phone.host not in _THIS_HOST:
        raise TargetUnfit(
            f"{phone.label} hangs on the adb server of another host, whose ports are not ours: "
            "its browser could not reach the page",
            hint="run edgebench on that host",
            kind="remote-adb-server",
        )
    setup = chrome_of_this_host() if options.device == "virtual" else PLAIN
    device = open_device(options, scratch, phone, setup=setup)
    try:
        with device.errors():
            return PhoneChrome.on(device, options.package)
    except BaseException:
        device.close()
        raise
