"""Browsers that come by themselves: a lobby lets one in and hands it its runs, page by page."""

from harness.transports.served.browser import ServedBrowsers
from harness.transports.served.connections import Address
from harness.transports.served.device import ConnectedDevice
from harness.transports.served.lobby import Lobby, Progress, current, opened, opened_lobby

__all__ = [
    "Address",
    "ConnectedDevice",
    "Lobby",
    "Progress",
    "ServedBrowsers",
    "current",
    "opened",
    "opened_lobby",
]
