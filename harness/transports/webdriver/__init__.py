"""Browsers driven over W3C WebDriver: WebKitGTK on Linux, Safari on macOS."""

from harness.transports.webdriver.display import require_display
from harness.transports.webdriver.flavours import WebDriverLaunch, safari, webkitgtk
from harness.transports.webdriver.visits import WebDriverBrowsers

__all__ = ["WebDriverBrowsers", "WebDriverLaunch", "require_display", "safari", "webkitgtk"]
