"""Chromium of this host as the Chrome of a virtual device."""

from __future__ import annotations

from harness import locations
from harness.transports.browser_discovery import find
from harness.transports.virtual_setup import VirtualSetup

PROGRAM = "ro.edgebench.chromium"
"""The property with which a virtual device says which program its Chrome is."""


def chrome_of_this_host() -> VirtualSetup:
    """Return a virtual device with the stand-ins of `device_scripts/virtual_phone`.

    Raises:
        TargetNotFound: this host has no Chromium (browser-missing).
    """
    program = find("chromium")
    return VirtualSetup({PROGRAM: str(program.path)}, locations.device_scripts() / "virtual_phone")
