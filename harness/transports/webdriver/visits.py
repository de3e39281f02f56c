"""Visits to fresh browsers through a WebDriver, each with a driver of its own.

Everything happens in the caller's thread: each command waits for its answer no longer than the
visit's deadline. To end a visit early its processes are killed, which ends the wait.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.errors import HarnessError, RunError, RunFailed, RunTimedOut, TargetLost
from harness.transports.browsing import BrowserFacts, OpenBrowser
from harness.transports.processes import is_alive
from harness.transports.webdriver.display import start_display
from harness.transports.webdriver.flavours import WebDriverLaunch
from harness.transports.webdriver.guarded import Guard, GuardedProgram
from harness.transports.webdriver.page import WebDriverBrowser
from harness.transports.webdriver.protocol import (
    DeadlinePassed,
    DriverError,
    DriverGone,
    FunctionFailed,
    RemoteEnd,
    WebDriverSession,
)

T = TypeVar("T")

_DRIVER_LISTENS_WITHIN_S = 20.0
_LOOK_AGAIN_S = 0.02
_CLOSES_WITHIN_S = 5.0
_RERUN = "run it again; if it happens every time, report it with this run's raw folder"


@dataclass(slots=True)
class _Visit:
    """The visit under way, as the threads that may end it see it."""

    deadline_s: float
    deadline: float
    guard: Guard
    interrupted: bool = False

    def go_on(self) -> None:
        """Stop here if the visit was interrupted while something was starting."""
        if self.interrupted:
            raise _interrupted()


class WebDriverBrowsers:
    """Starts browsers one at a time, each through a driver of its own."""

    def __init__(self, launch: WebDriverLaunch) -> None:
        self.launch = launch
        self._visit: _Visit | None = None

    @property
    def facts(self) -> BrowserFacts:
        """The browser that is started, and through which driver."""
        return BrowserFacts.of(
            self.launch.program,
            automation=self.launch.automation,
            headless=self.launch.headless,
            sandbox=self.launch.sandbox,
            args=self.launch.args,
            all_args=self.launch.all_args,
        )

    def origin_for(self, port: int) -> str:
        """Return this host's own loopback: the browser runs here."""
        return f"http://127.0.0.1:{port}"

    def visit(self, work: Callable[[OpenBrowser], T], *, deadline_s: float) -> T:
        """Start a browser, do `work` with it, and end the browser, its driver and its display.

        Raises:
            RunTimedOut: it did not end within the deadline; its processes were killed.
            RunFailed: browser-crashed, page-error, or killed after `interrupt`.
            TargetLost: the browser's program is no longer there.
        """
        visit = self._visit = _Visit(deadline_s, time.monotonic() + deadline_s, Guard())
        try:
            with self._browser(visit) as browser:
                return _working(work, browser, visit)
        finally:
            self._visit = None
            visit.guard.end()

    def interrupt(self) -> None:
        """End the visit that is under way, from any thread."""
        visit = self._visit
        if visit is not None:
            visit.interrupted = True
            visit.guard.end()

    def close(self) -> None:
        """End the visit that is under way; between visits nothing runs."""
        self.interrupt()

    @contextmanager
    def _browser(self, visit: _Visit) -> Iterator[WebDriverBrowser]:
        self._require_programs()
        with ExitStack() as stack:
            # What the browser writes about itself goes with it.
            home = stack.enter_context(_folder(self.launch.scratch))
            stack.callback(visit.guard.end)
            try:
                session, driver = self._start(visit, home)
            except (DriverGone, DeadlinePassed) as error:
                raise self._why_not_started(visit, error) from error
            stack.callback(_close, session)
            visit.go_on()
            yield WebDriverBrowser(session, driver.root, self.launch)

    def _require_programs(self) -> None:
        for program in (self.launch.driver, str(self.launch.program.path)):
            if shutil.which(program) is None:
                raise TargetLost(
                    f"{program} is no longer an executable file",
                    hint="install the browser again, or name another one in the suite",
                )

    def _start(self, visit: _Visit, home: Path) -> tuple[WebDriverSession, GuardedProgram]:
        environ = {**os.environ, **self.launch.environ}
        if self.launch.virtual_display:
            environ["DISPLAY"] = start_display(visit.guard, home)
            environ.pop("WAYLAND_DISPLAY", None)
        if self.launch.own_home:
            environ |= {"HOME": str(home), "TMPDIR": str(home), "XDG_CACHE_HOME": str(home)}
        visit.go_on()
        port = _free_port()
        driver = visit.guard.start(
            [self.launch.driver, f"--port={port}"], environ=environ, log=home / "driver.txt"
        )
        visit.go_on()
        remote = RemoteEnd(port, visit.deadline)
        _wait_until_it_listens(remote, driver)
        try:
            return WebDriverSession(remote, self.launch.capabilities), driver
        except (DriverError, DriverGone, DeadlinePassed) as error:
            raise DriverGone(f"{error} {driver.words()}".strip()) from error

    def _why_not_started(self, visit: _Visit, error: Exception) -> HarnessError:
        if visit.interrupted:
            return _interrupted()
        program = self.launch.program
        return RunFailed(
            f"{program.label} did not start: {error}",
            hint="`edgebench doctor` lists what is found; docs/browsers.md has what each needs",
            kind="browser-crashed",
        )


def _working(work: Callable[[OpenBrowser], T], browser: WebDriverBrowser, visit: _Visit) -> T:
    try:
        return work(browser)
    except DeadlinePassed as error:
        raise RunTimedOut(
            f"the page did not answer within {visit.deadline_s:g} s; the browser was killed",
            hint="raise `timeout_s` in `sampling`, or ask for fewer iterations",
        ) from error
    except FunctionFailed as error:
        raise RunFailed(
            f"the page failed: {error}",
            hint="console.json of this run has what the page said",
            kind="page-error",
        ) from error
    except (DriverError, DriverGone) as error:
        if visit.interrupted:
            raise _interrupted() from error
        process = browser.process
        lives = process is not None and is_alive(process)
        what = "the page's process crashed" if lives else "the browser died"
        raise RunFailed(
            f"{what}: {error}",
            hint="is there enough memory? " + _RERUN,
            kind="browser-crashed",
        ) from error


def _wait_until_it_listens(remote: RemoteEnd, driver: GuardedProgram) -> None:
    patience = time.monotonic() + _DRIVER_LISTENS_WITHIN_S
    while True:
        try:
            remote.call("GET", "/status")
        except DriverGone:
            if driver.ended or time.monotonic() > patience:
                raise DriverGone(driver.words() or "its driver does not listen") from None
            time.sleep(_LOOK_AGAIN_S)
        else:
            return


def _close(session: WebDriverSession) -> None:
    with suppress(DriverError, DriverGone, DeadlinePassed):
        session.end(within_s=_CLOSES_WITHIN_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _folder(scratch: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="webdriver-", dir=scratch))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _interrupted() -> RunError:
    return RunFailed("the run was interrupted", hint="run it again", kind="killed")
