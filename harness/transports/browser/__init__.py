"""The one door to Playwright: browsers are launched, visited and ended here."""

from harness.transports.browser.launch import BrowserLaunch
from harness.transports.browser.visits import Browsers, playwright_version

__all__ = ["BrowserLaunch", "Browsers", "playwright_version"]
