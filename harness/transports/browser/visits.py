"""Visits to fresh browser processes, one at a time, through one Playwright driver.

Playwright's objects belong to the thread that made them, and a page that never answers blocks
that thread for ever: `page.evaluate` has no timeout. So a `Browsers` keeps its driver in a
thread of its own and does a whole visit there, while the caller waits; at the deadline, or when
interrupted, the browser's processes are killed, which ends whatever the thread waits for.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from harness.errors import HarnessError, RunError, RunFailed, RunTimedOut, TargetLost
from harness.transports.browser.engines import engine_of
from harness.transports.browser.launch import BrowserLaunch
from harness.transports.browser.page import PlaywrightBrowser, ignoring_failure
from harness.transports.browser_discovery import BrowserProgram
from harness.transports.browsing import BrowserFacts, OpenBrowser
from harness.transports.processes import (
    ProcessId,
    children_of,
    end_family,
    is_alive,
    wait_for_family,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

T = TypeVar("T")

_DRIVER_COMMAND = "run-driver"
_GRACE_S = 10.0
_CLOSES_WITHIN_S = 5.0
_LOOK_AGAIN_S = 0.2
_RERUN = "run it again; if it happens every time, report it with this run's raw folder"

# What BiDi, and Chrome's protocol, answer to a command of another time.
_NOT_UNDERSTOOD = re.compile(r"unknown command|Protocol error \([\w.]+\): '[\w.]+' wasn't found")

_starting = threading.Lock()


@dataclass(slots=True)
class _Visit:
    """The visit under way, as the threads that may end it see it."""

    ended_by: Literal["", "timed-out", "interrupted"] = ""
    root: ProcessId | None = None
    profile: Path | None = None

    def go_on(self) -> None:
        """Stop here if the visit was ended while its browser was starting."""
        if self.ended_by:
            raise _ended(self)


class Browsers:
    """Starts browsers one at a time through one Playwright driver."""

    def __init__(self, launch: BrowserLaunch) -> None:
        self.launch = launch
        self._engine = engine_of(launch.program.name)
        self._thread = _new_thread()
        self._playwright: Playwright | None = None
        self._driver: ProcessId | None = None
        self._visit: _Visit | None = None

    @property
    def facts(self) -> BrowserFacts:
        """The program that is launched, and how."""
        return BrowserFacts.of(
            self.launch.program,
            automation=f"playwright {playwright_version()}",
            headless=self.launch.headless,
            sandbox=self.launch.sandbox,
            args=self.launch.args,
            all_args=self.launch.all_args,
        )

    def origin_for(self, port: int) -> str:
        """Return this host's own loopback: the browser runs here."""
        return f"http://127.0.0.1:{port}"

    def visit(self, work: Callable[[OpenBrowser], T], *, deadline_s: float) -> T:
        """Start a browser, do `work` with it in the driver's thread, and end the browser.

        Whatever `work` raises comes back; Playwright's own errors come translated.

        Raises:
            RunTimedOut: it did not end within the deadline; its processes were killed.
            RunFailed: browser-crashed, page-error, or killed after `interrupt`.
            TargetLost: the browser's program is no longer there.
        """
        visit = self._visit = _Visit()
        future = self._thread.submit(self._in_thread, visit, work)
        try:
            wait([future], timeout=deadline_s)
            if not future.done():
                self._end_visit(visit, "timed-out", future)
        except BaseException:
            self._end_visit(visit, "interrupted", future)
            raise
        finally:
            self._visit = None
        if not future.done():
            # The thread is stuck in something of its own; what belongs to it goes with it.
            self._thread, self._playwright = _new_thread(), None
        if visit.ended_by == "timed-out":
            label = self.launch.program.label
            what = "the page did not answer" if visit.root else f"{label} did not start"
            raise RunTimedOut(
                f"{what} within {deadline_s:g} s; the browser was killed",
                hint="raise `timeout_s` in `sampling`, or ask for fewer iterations",
            )
        return future.result()

    def interrupt(self) -> None:
        """End the visit that is under way, from any thread."""
        visit = self._visit
        if visit is not None:
            visit.ended_by = visit.ended_by or "interrupted"
            self._kill_browsers(visit)

    def close(self) -> None:
        """End the driver and its thread."""
        self.interrupt()
        future = self._thread.submit(self._stop_driver)
        wait([future], timeout=_GRACE_S)
        if self._driver is not None:
            end_family([self._driver])
        self._thread.shutdown(wait=future.done())

    def _end_visit(
        self, visit: _Visit, how: Literal["timed-out", "interrupted"], future: Future[T]
    ) -> None:
        visit.ended_by = visit.ended_by or how
        deadline = time.monotonic() + _GRACE_S
        # A browser may be just starting: look again until the thread has come back.
        while not future.done() and time.monotonic() < deadline:
            self._kill_browsers(visit)
            wait([future], timeout=_LOOK_AGAIN_S)
        if not future.done() and self._driver is not None:
            end_family([self._driver])
            wait([future], timeout=_GRACE_S)

    def _kill_browsers(self, visit: _Visit) -> None:
        roots = set(children_of(self._driver.pid)) if self._driver else set()
        if visit.root is not None:
            roots.add(visit.root)
        end_family(roots)

    def _in_thread(self, visit: _Visit, work: Callable[[OpenBrowser], T]) -> T:
        try:
            browser = self._start_browser(visit)
        except Exception as error:
            if not _is_playwrights(error):
                raise
            raise self._why_not_started(visit, error) from error
        opened = PlaywrightBrowser(browser, self._engine, visit.root)
        try:
            visit.go_on()
            return work(opened)
        except Exception as error:
            if not _is_playwrights(error):
                raise
            connected = browser.is_connected() and self._driver_lives()
            if not visit.ended_by and _NOT_UNDERSTOOD.search(str(error)):
                raise _not_understood(self.launch.program, str(error)) from error
            raise _translated(visit, opened, connected, error) from error
        finally:
            _close(browser, visit)

    def _start_browser(self, visit: _Visit) -> Browser:
        playwright, driver = self._driver_alive()
        program = self.launch.program
        # Asked first: Playwright leaves an empty profile behind when there is nothing to start.
        if shutil.which(str(program.path)) is None:
            raise TargetLost(
                f"{program.path} is no longer an executable file",
                hint="install the browser again, or name another one in the suite",
            )
        before = children_of(driver.pid)
        browser = self._engine.launch(playwright, self.launch)
        started = children_of(driver.pid) - before
        visit.root = min(started, default=None, key=lambda process: process.started)
        visit.profile = self._engine.profile(visit.root) if visit.root else None
        return browser

    def _driver_alive(self) -> tuple[Playwright, ProcessId]:
        """Start the driver, unless the one of an earlier visit still runs."""
        if self._playwright is not None and self._driver is not None and self._driver_lives():
            return self._playwright, self._driver
        self._stop_driver()
        from playwright.sync_api import sync_playwright

        with _starting:
            before = children_of(os.getpid(), naming=_DRIVER_COMMAND)
            self._playwright = sync_playwright().start()
            started = children_of(os.getpid(), naming=_DRIVER_COMMAND) - before
        if len(started) != 1:
            raise RunFailed("Playwright's driver cannot be told apart", hint=_RERUN)
        (self._driver,) = started
        return self._playwright, self._driver

    def _driver_lives(self) -> bool:
        return self._driver is not None and is_alive(self._driver)

    def _stop_driver(self) -> None:
        playwright, self._playwright = self._playwright, None
        if playwright is not None:
            with ignoring_failure():
                playwright.stop()

    def _why_not_started(self, visit: _Visit, error: Exception) -> HarnessError:
        program = self.launch.program
        if visit.ended_by:
            return _ended(visit)
        text = str(error)
        if _NOT_UNDERSTOOD.search(text):
            return _not_understood(program, text)
        hint = "start it by hand to see why; `edgebench doctor` lists the browsers found"
        if "sandbox" in text.lower() and self.launch.sandbox:
            hint = "this system forbids the browser's sandbox: add `args: [--no-sandbox]`"
        return RunFailed(
            f"{program.label} did not start: {_essence(text)}", hint=hint, kind="browser-crashed"
        )


def playwright_version() -> str:
    """Return the version of Playwright, '' if it is not installed."""
    try:
        return metadata.version("playwright")
    except metadata.PackageNotFoundError:
        return ""


def _is_playwrights(error: Exception) -> bool:
    """Tell its errors from ours; when its driver has died it raises a bare Exception."""
    from playwright.sync_api import Error

    return isinstance(error, Error) or (
        type(error) is Exception and "Connection closed" in str(error)
    )


def _new_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="browsers")


def _close(browser: Browser, visit: _Visit) -> None:
    with ignoring_failure():
        browser.close()
    if visit.root is not None and not wait_for_family([visit.root], patience_s=_CLOSES_WITHIN_S):
        end_family([visit.root])
    if visit.profile is not None:
        # Playwright's driver removes it, unless the driver died too.
        shutil.rmtree(visit.profile, ignore_errors=True)


def _ended(visit: _Visit) -> RunError:
    if visit.ended_by == "timed-out":
        return RunTimedOut("the deadline has passed", hint="raise `timeout_s` in `sampling`")
    return RunFailed("the run was interrupted", hint="run it again", kind="killed")


def _translated(
    visit: _Visit, opened: PlaywrightBrowser, connected: bool, error: Exception
) -> HarnessError:
    if visit.ended_by:
        return _ended(visit)
    if not connected or "has been closed" in str(error):
        message = "the browser died"
    elif any(record.crashed for record in opened.records):
        message = "the page's process crashed"
    else:
        return RunFailed(
            f"the page failed: {_essence(str(error))}",
            hint="console.json of this run has what the page said",
            kind="page-error",
        )
    return RunFailed(
        f"{message}: {_essence(str(error))}",
        hint="is there enough memory? " + _RERUN,
        kind="browser-crashed",
    )


def _not_understood(program: BrowserProgram, text: str) -> RunFailed:
    return RunFailed(
        f"{program.label} and Playwright {playwright_version()} do not understand each other: "
        f"{_essence(text)}",
        hint="update the older of the two; docs/browsers.md has what fits",
        kind="browser-too-old",
    )


def _essence(text: str) -> str:
    """Return the first line that says something; Playwright adds a page of call log."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")
