"""This host's Chromium in the place of Chrome on a virtual device, for the tests that need it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from adb_parts import needed_adb

from harness.errors import TargetNotFound
from harness.transports.cdp import PhoneChrome
from harness.transports.cdp.virtual_chrome import chrome_of_this_host
from harness.transports.open_device import open_device
from harness.transports.server import PageServer
from harness.transports.virtual_setup import Fault, VirtualSetup

CHROME = "com.android.chrome"
PAGE = b"<!doctype html><title>page</title>"


def needed_chrome() -> VirtualSetup:
    """Return such a device's setup; where there is no browser, fail in CI and skip elsewhere."""
    needed_adb()
    try:
        return chrome_of_this_host()
    except TargetNotFound as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}: {error.hint}")
        pytest.skip(f"{error}: {error.hint}")


@contextmanager
def phone_chrome(
    folder: Path, *, faults: tuple[Fault, ...] = (), package: str = CHROME, program: str = ""
) -> Iterator[PhoneChrome]:
    """Chrome of a virtual device; `program` runs in the place of Chromium."""
    setup = replace(needed_chrome(), faults=faults)
    if program:
        setup = replace(setup, properties={"ro.edgebench.chromium": program})
    device = open_device(SimpleNamespace(device="virtual"), folder, setup=setup)
    chrome = PhoneChrome.on(device, package)
    try:
        yield chrome
    finally:
        chrome.close()


@contextmanager
def served_page(chrome: PhoneChrome) -> Iterator[tuple[str, str]]:
    """A page that the phone can reach: its origin and its URL."""
    with PageServer() as server:
        origin = chrome.origin_for(server.port)
        server.admit(origin)
        yield origin, server.mount("run", {"page.html": PAGE}, origin=origin) + "page.html"


def left(chrome: PhoneChrome) -> list[str]:
    """Return what stays of a visit: forwards, and Chrome itself."""
    device = chrome.device.adb
    running = device.shell(["pidof", CHROME], timeout_s=20).stdout.decode().split()
    return [*(local for local, _ in device.ports.forwards()), *running]
