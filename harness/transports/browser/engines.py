"""What differs between the engines that Playwright drives: starting, quietness, processes, gc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from harness.transports.browser.launch import BrowserLaunch
from harness.transports.page_scripts import GARBAGE_BY_ALLOCATION, collect_garbage
from harness.transports.processes import ProcessId, command_of, descendants_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

# Ctrl-C is the harness's to handle, it ends the browser by itself; and so is the deadline.
_OURS: Mapping[str, Any] = {
    "handle_sigint": False,
    "handle_sigterm": False,
    "handle_sighup": False,
    "timeout": 0,
}
# Everything but this host goes to a proxy that is not there: Firefox calls home on start, and
# has no single switch for it. Its own address stays direct without being named.
_FIREFOX_PREFS: Mapping[str, str | int | bool] = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.socks": "127.0.0.1",
    "network.proxy.socks_port": 9,
    # Its own requests would else go around a proxy that does not answer.
    "network.proxy.allow_bypass": False,
    "network.proxy.failover_direct": False,
    # An address that is a number needs none.
    "network.dns.disabled": True,
    # Gives pages `TestUtils.gc()`: https://testutils.spec.whatwg.org/
    "dom.testing.testutils.enabled": True,
}


class Engine(Protocol):
    """An engine as Playwright drives it."""

    @property
    def gc(self) -> str:
        """How garbage is collected, for whoever compares memory."""

    def launch(self, playwright: Playwright, launch: BrowserLaunch) -> Browser:
        """Start a fresh browser process."""

    def profile(self, root: ProcessId) -> Path | None:
        """Return the profile that Playwright made for a browser, and nobody else's."""

    def renderers(self, browser: Browser, root: ProcessId | None) -> tuple[int, ...]:
        """Return the pids of the processes of pages, of which one is the page's."""

    def collect_garbage(self, page: Page) -> bool:
        """Have a page's JavaScript heap collected; tell whether it was."""


class Chromium:
    """Chromium, Chrome and Edge, over Chrome's own protocol."""

    gc: ClassVar[str] = "HeapProfiler.collectGarbage"

    def launch(self, playwright: Playwright, launch: BrowserLaunch) -> Browser:
        """Start it with the sandbox wherever it can have one."""
        return playwright.chromium.launch(
            **_common(launch), chromium_sandbox=launch.sandbox, artifacts_dir=launch.scratch
        )

    def profile(self, root: ProcessId) -> Path | None:
        """Find it in the command line."""
        return _named_profile(root, "--user-data-dir", "playwright_chromiumdev_profile-")

    def renderers(self, browser: Browser, root: ProcessId | None) -> tuple[int, ...]:  # noqa: ARG002  the browser itself tells
        """Ask the browser."""
        session = browser.new_browser_cdp_session()
        try:
            told = session.send("SystemInfo.getProcessInfo")["processInfo"]
        finally:
            session.detach()
        return tuple(int(one["id"]) for one in told if one["type"] == "renderer")

    def collect_garbage(self, page: Page) -> bool:
        """Ask the page's process."""
        session = page.context.new_cdp_session(page)
        session.send("HeapProfiler.collectGarbage")
        session.detach()
        return True


class Firefox:
    """Firefox as distributions build it, over WebDriver BiDi."""

    gc: ClassVar[str] = "TestUtils.gc"

    def launch(self, playwright: Playwright, launch: BrowserLaunch) -> Browser:
        """Start it with a profile of its own, in which it does not call home."""
        return playwright.firefox.launch(
            **_common(launch, MOZ_CRASHREPORTER_DISABLE="1"),
            channel="moz-firefox",
            firefox_user_prefs=dict(_FIREFOX_PREFS),
        )

    def profile(self, root: ProcessId) -> Path | None:
        """Find it in the command line."""
        return _named_profile(root, "--profile", "playwright_firefoxdev_profile-")

    def renderers(self, browser: Browser, root: ProcessId | None) -> tuple[int, ...]:  # noqa: ARG002  BiDi has no word for them
        """Return the content processes; the last word of their command lines says so."""
        below = descendants_of(root, naming="-contentproc") if root else frozenset()
        return tuple(one.pid for one in below if command_of(one.pid)[-1:] == ("tab",))

    def collect_garbage(self, page: Page) -> bool:
        """Ask the page, which has a function for it in this profile."""
        page.evaluate("() => TestUtils.gc()")
        return True


class WebKit:
    """Playwright's own build of WebKit; written by the documentation, never run in CI."""

    gc: ClassVar[str] = GARBAGE_BY_ALLOCATION

    def launch(self, playwright: Playwright, launch: BrowserLaunch) -> Browser:
        """Start it with SharedArrayBuffer, if its build has one."""
        return playwright.webkit.launch(**_common(launch, JSC_useSharedArrayBuffer="1"))

    def profile(self, root: ProcessId) -> Path | None:  # noqa: ARG002  it has none
        """Return None: its pages are ephemeral."""
        return None

    def renderers(self, browser: Browser, root: ProcessId | None) -> tuple[int, ...]:  # noqa: ARG002  its protocol has no word for them
        """Return the processes that are called so."""
        below = descendants_of(root, naming="WebProcess") if root else frozenset()
        return tuple(one.pid for one in below)

    def collect_garbage(self, page: Page) -> bool:
        """Allocate until it happens."""
        return bool(page.evaluate(collect_garbage()))


def engine_of(browser: str) -> Engine:
    """Return the engine of a browser by its name in suites."""
    others: Mapping[str, Engine] = {"firefox": Firefox(), "webkit": WebKit()}
    return others.get(browser) or Chromium()


def _common(launch: BrowserLaunch, **environ: str) -> dict[str, Any]:
    return {
        "executable_path": launch.program.path,
        "headless": launch.headless,
        "args": list(launch.all_args),
        "env": {**os.environ, "TMPDIR": str(launch.scratch), **environ},
        **_OURS,
    }


def _named_profile(root: ProcessId, option: str, prefix: str) -> Path | None:
    command = command_of(root.pid)
    values = [part.removeprefix(f"{option}=") for part in command if part.startswith(f"{option}=")]
    values += [value for name, value in pairwise(command) if name == option]
    return next((Path(value) for value in values if Path(value).name.startswith(prefix)), None)
