"""The one door to Playwright: browsers are launched, visited and ended here."""

from harness.transports.browser.launch import BrowserLaunch
from harness.transports.browser.page import OpenBrowser, OpenPage, PageRecord
from harness.transports.browser.visits import Browsers, playwright_version

__all__ = [
    "BrowserLaunch",
    "Browsers",
    "OpenBrowser",
    "OpenPage",
    "PageRecord",
    "playwright_version",
]
