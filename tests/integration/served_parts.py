"""A lobby with a real Chromium in it that nobody but its own page drives."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import web_parts
from playwright.sync_api import Browser, Page, Playwright

from harness.drivers.web_tfjs import PLUGIN
from harness.errors import TargetNotFound
from harness.plugins import TargetSpec
from harness.transports.browser_discovery import find
from harness.transports.browsing import BrowserTransport
from harness.transports.served import Address, Lobby, opened
from harness.transports.served.certificate import made_for
from harness.web_lane.options import BrowserKeys
from harness.web_lane.session import WebSession
from harness.web_lane.transports import open_transport

# A name that only the browser below knows: not this host to it, whatever it resolves to.
ELSEWHERE = Address("127.0.0.2", "served.test")
HERE = Address("127.0.0.1", "127.0.0.1")
LABEL = "Kitchen iPad"
JOIN = """label => {
  document.getElementById("label").value = label;
  document.querySelector("button").click();
}"""


def chromium() -> str:
    """Return a Chromium's program; where there is none, fail in CI and skip elsewhere."""
    try:
        return str(find("chromium").path)
    except TargetNotFound as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}: {error.hint}")
        pytest.skip(f"{error}: {error.hint}")


def launched(playwright: Playwright) -> Browser:
    """Start the browser that comes by itself."""
    return playwright.chromium.launch(
        executable_path=chromium(),
        args=["--no-sandbox", "--host-resolver-rules=MAP served.test 127.0.0.2"],
    )


def transport_of(name: str, scratch: Path) -> BrowserTransport:
    """Return what starts another browser; where there is none, fail in CI and skip elsewhere."""
    try:
        return open_transport(BrowserKeys(browser=name), scratch)
    except TargetNotFound as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}: {error.hint}")
        pytest.skip(f"{error}: {error.hint}")


@contextmanager
def chromium_with_tabs(playwright: Playwright, profile: Path) -> Iterator[Page]:
    """Start a browser whose pages are hidden by others in front, as a person's are.

    Playwright's own launch has every page believe that it is in front.
    """
    process = subprocess.Popen(
        [
            chromium(),
            "--headless",
            "--no-sandbox",
            "--no-first-run",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "DevTools listening on" in line)
        endpoint = line.rpartition(" ")[2].strip()
        browser = playwright.chromium.connect_over_cdp(endpoint, no_defaults=True)
        yield browser.contexts[0].pages[0]
        browser.close()
    finally:
        process.kill()
        process.communicate()


@dataclass
class Session:
    """An open lobby, what it refused, and the target that is measured through it."""

    lobby: Lobby
    notices: list[str]
    scratch: Path
    targets: list[WebSession] = field(default_factory=list)

    def join(self, page: Page, label: str = LABEL) -> None:
        """Do what a person does: open the address, name the device, begin."""
        page.goto(self.lobby.address)
        page.get_by_role("textbox").fill(label)
        page.get_by_role("button").click()
        page.get_by_role("status").wait_for()

    def target(self, **options: Any) -> WebSession:
        """Open the target, as the runner does once a device has come."""
        spec = TargetSpec(
            "web", PLUGIN.target_options(browser="served", **options), {}, self.scratch
        )
        session = PLUGIN.open(spec)
        assert isinstance(session, WebSession)
        self.targets.append(session)
        return session


@contextmanager
def lobby_at(address: Address, scratch: Path, *, tls: bool = False) -> Iterator[Session]:
    """Open a lobby, and close it with all that used it."""
    notices: list[str] = []
    context = made_for(address.name)[0] if tls else None
    lobby = Lobby(address, suite="tiny", notice=notices.append, tls=context)
    with opened(lobby):
        session = Session(lobby, notices, scratch)
        try:
            yield session
        finally:
            for target in session.targets:
                target.close()


QUICK = web_parts.QUICK
