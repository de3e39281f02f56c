"""Visits to Chrome on a phone: each starts the app anew, and leaves neither it nor a forward."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any, Literal, TypeVar

from harness.errors import HarnessError, RunFailed, RunTimedOut, TargetLost, TargetUnfit
from harness.transports.adb import ShellTimedOut
from harness.transports.adb.deadline import Deadline
from harness.transports.android_scripts import bring_scripts
from harness.transports.browsing import BrowserFacts, OpenBrowser, OpenPage, PageRecord
from harness.transports.cdp.chrome_app import ChromeApp
from harness.transports.cdp.conversation import Conversation, Refused
from harness.transports.cdp.meminfo import MeminfoBaseline
from harness.transports.cdp.page import CdpPage, PageCrashed
from harness.transports.cdp.ports import SessionPorts, session_ports
from harness.transports.cdp.websocket import Closed, DevtoolsSocket, websockets_version
from harness.transports.open_device import OpenDevice

T = TypeVar("T")

SOCKET = "localabstract:chrome_devtools_remote"
_BLANK = "about:blank"
_SOCKET_WITHIN_S = 30.0
_ANSWERS_WITHIN_S = 5.0
_LOOK_AGAIN_S = 0.05
_DIES_WITHIN_S = 3.0
_RERUN = "run it again; if it happens every time, report it with this run's raw folder"


@dataclass(slots=True)
class _Visit:
    """The visit under way, as the threads that may end it see it."""

    interrupted: bool = False
    pid: int | None = None
    sockets: list[DevtoolsSocket] = field(default_factory=list)
    records: list[PageRecord] = field(default_factory=list)


class PhoneChrome:
    """Chrome of one phone; see `harness.transports.browsing.BrowserTransport`."""

    def __init__(self, device: OpenDevice, app: ChromeApp, ports: SessionPorts) -> None:
        self.device = device
        self._app = app
        self._ports = ports
        self._visit: _Visit | None = None
        self._version = ""
        self._last_pid: int | None = None

    @classmethod
    def on(cls, device: OpenDevice, package: str) -> PhoneChrome:
        """Return the Chrome of a device that was opened, and is closed with it.

        Raises:
            TargetUnfit, TargetLost: the device cannot be used.
        """
        scripts = bring_scripts(device.adb, device.root, ("chrome.sh", "cpu_state.sh"))
        return cls(device, ChromeApp(scripts, package), session_ports(device.adb))

    @property
    def facts(self) -> BrowserFacts:
        """The app, and the phone that it is on; on a virtual device it is this host's Chromium."""
        virtual = self.device.is_virtual
        return BrowserFacts(
            name="chromium" if virtual else "chrome-android",
            title="Chromium" if virtual else "Chrome",
            version=self._version,
            path=self._app.package,
            origin="installed",
            automation=f"cdp over adb, websockets {websockets_version()}",
            headless=virtual,
            sandbox=not virtual,
            place=self.device.label,
            device=self.device.facts(),
        )

    def origin_for(self, port: int) -> str:
        """Lead a port of the phone to that of this host; `localhost` is a secure context there."""
        with self.device.errors():
            return f"http://localhost:{self._ports.reverse(port)}"

    def visit(self, work: Callable[[OpenBrowser], T], *, deadline_s: float) -> T:
        """Start Chrome anew, do `work` with it, and end it.

        Raises:
            RunTimedOut: it did not end within the deadline.
            RunFailed: browser-crashed, browser-not-started, page-error, page-hidden, or killed
                after `interrupt`.
            TargetLost: the phone went away, or does not answer (adb-timed-out).
            TargetNotFound: Chrome is not installed.
            TargetUnfit: the adb server is another host's.
        """
        visit = self._visit = _Visit()
        with self.device.errors():
            self.device.keep(deadline_s)
            try:
                return self._visited(visit, work, Deadline(deadline_s))
            except TimeoutError as error:
                raise RunTimedOut(
                    f"the page did not answer within {deadline_s:g} s; its browser was ended",
                    hint="raise `timeout_s` in `sampling`, or ask for fewer iterations",
                ) from error
            except ShellTimedOut as error:
                raise TargetLost(error.message, hint=error.hint, kind=error.kind) from error
            except (Closed, PageCrashed, Refused) as error:
                raise self._translated(visit, error) from error
            except HarnessError as error:
                if visit.interrupted:
                    raise _interrupted() from error
                raise
            finally:
                self._visit = None
                with suppress(HarnessError):
                    self._app.stop()

    def cpu_state(self, moment: Literal["before", "after"]) -> str:
        """Return the state of the phone's CPUs, and what Chrome has used of them, as it tells it.

        Raises:
            TargetLost: it went away, or does not answer in time.
        """
        return self._app.cpu_state(moment)

    def interrupt(self) -> None:
        """End the visit that is under way, from any thread."""
        visit = self._visit
        if visit is None:
            return
        visit.interrupted = True
        # An interrupt that finds no call under way would end the next one, of a later visit.
        if visit.pid is None:
            self.device.adb.interrupt()
        for each in visit.sockets:
            each.cut()

    def recover(self) -> str:
        """Reach the phone again after it was lost, and end what still runs there.

        Raises:
            TargetError: it is not back yet.
        """
        with self.device.errors():
            if self.device.virtual and self.device.virtual.ended:
                raise TargetUnfit(
                    "the virtual device has ended",
                    hint="start a new session, or resume this one",
                    kind="target-gone",
                )
            self.device.adb.reach()
            self._app.stop()
            return ""

    def close(self) -> None:
        """End Chrome, take forwards and reverses away, and give the phone back."""
        self.interrupt()
        try:
            with suppress(HarnessError):
                self._app.stop()
            self._ports.close()
        finally:
            self.device.close()

    def _visited(self, visit: _Visit, work: Callable[[OpenBrowser], T], deadline: Deadline) -> T:
        self._ports.renew()
        visit.pid = self._start()
        with ExitStack() as stack:
            port = stack.enter_context(self._ports.forward(SOCKET))
            told = _told_version(port, self._app.package, deadline)
            self._version = told["Browser"].partition("/")[2]
            socket = _connected(visit, stack, port, _path(told["webSocketDebuggerUrl"]), deadline)
            browser = Conversation(socket, deadline)
            return work(_Chrome(self._app, self._version, visit, browser, port, deadline))

    def _start(self) -> int:
        pid = self._app.start()
        if pid == self._last_pid:
            raise RunFailed(
                f"{self._app.package} is still the process of the run before",
                hint=_RERUN,
                kind="browser-not-started",
            )
        self._last_pid = pid
        return pid

    def _translated(self, visit: _Visit, error: Exception) -> HarnessError:
        if visit.interrupted:
            return _interrupted()
        if isinstance(error, Refused):
            return RunFailed(f"Chrome refused: {error}", hint=_RERUN, kind="page-error")
        # Whether it was the phone that went away is told by asking it: that raises TargetLost.
        crashed = isinstance(error, PageCrashed) or any(one.crashed for one in visit.records)
        alive = visit.pid is not None and self._lives(visit.pid, 0.0 if crashed else _DIES_WITHIN_S)
        what = "the page's process crashed" if alive and crashed else "the browser died"
        if alive and not crashed:
            what = "the browser ended the DevTools connection"
        return RunFailed(what, hint="is there enough memory? " + _RERUN, kind="browser-crashed")

    def _lives(self, pid: int, patience_s: float) -> bool:
        """Tell whether Chrome's process is still there; a dying one hangs up before it is gone."""
        end = time.monotonic() + patience_s
        while self._app.pid() == pid:
            if time.monotonic() >= end:
                return True
            time.sleep(_LOOK_AGAIN_S)
        return False


class _Chrome:
    """A started Chrome; see `harness.transports.browsing.OpenBrowser`."""

    def __init__(
        self,
        app: ChromeApp,
        version: str,
        visit: _Visit,
        browser: Conversation,
        port: int,
        deadline: Deadline,
    ) -> None:
        self.version = version
        self._app = app
        self._visit = visit
        self._browser = browser
        self._port = port
        self._deadline = deadline

    @property
    def command(self) -> tuple[str, ...]:
        """What was run on the phone to start it."""
        return ("sh", "chrome.sh", "start", self._app.package)

    @contextmanager
    def page(
        self, origin: str, *, init_scripts: Sequence[str] = (), record: PageRecord | None = None
    ) -> Iterator[CdpPage]:
        """Open a page; `init_scripts` run first in it. It must stay on the screen."""
        record = record or PageRecord()
        self._visit.records.append(record)
        # On Android the address that is given here is ignored.
        target = self._browser.call("Target.createTarget", url=_BLANK)["targetId"]
        self._close_what_was_left(target, origin)
        with ExitStack() as stack:
            path = f"/devtools/page/{target}"
            socket = _connected(self._visit, stack, self._port, path, self._deadline)
            page = CdpPage(Conversation(socket, self._deadline), origin, record)
            page.prepare(init_scripts)
            yield page
            page.check_visible()
        # Chrome would show it again when it is started the next time.
        with suppress(Refused):
            self._browser.call("Target.closeTarget", targetId=target)

    def _close_what_was_left(self, ours: str, origin: str) -> None:
        """Close the page that Chrome was started with, and those of runs that failed."""
        for each in self._browser.call("Target.getTargets")["targetInfos"]:
            left = each["url"] == _BLANK or each["url"].startswith(f"{origin}/")
            if each["type"] == "page" and left and each["targetId"] != ours:
                self._browser.call("Target.closeTarget", targetId=each["targetId"])

    def memory_baseline(self, page: OpenPage) -> MeminfoBaseline:
        """Read the memory of the page's process, which is found by having the page work."""
        return MeminfoBaseline(self._app, page)


def _connected(
    visit: _Visit, stack: ExitStack, port: int, path: str, deadline: Deadline
) -> DevtoolsSocket:
    within_s = min(_ANSWERS_WITHIN_S, deadline.remaining_s())
    socket = DevtoolsSocket(port, path, within_s=within_s)
    stack.callback(socket.close)
    visit.sockets.append(socket)
    if visit.interrupted:
        raise Closed
    return socket


def _interrupted() -> RunFailed:
    return RunFailed(
        "the run was interrupted; its browser was ended",
        hint="run it again: `edgebench run --resume` with the result folder",
        kind="killed",
    )


def _path(address: str) -> str:
    """Return the path of a websocket's address, such as `/devtools/browser/…`."""
    return "/" + address.split("/", 3)[3]


def _told_version(port: int, package: str, deadline: Deadline) -> dict[str, Any]:
    """Wait for the DevTools socket and return what it says of the browser.

    Raises:
        RunFailed: it does not appear (no-devtools), or is another browser's.
        TargetUnfit: the adb server is another host's (remote-adb-server).
    """
    end = time.monotonic() + _SOCKET_WITHIN_S
    while (told := _asked(port)) is None:
        if time.monotonic() > end:
            raise RunFailed(
                f"{package} did not open its DevTools socket within {_SOCKET_WITHIN_S:g} s",
                hint="start it by hand once, and answer what it asks a new user; its makers may "
                "also have switched DevTools off",
                kind="no-devtools",
            )
        deadline.remaining_s()
        time.sleep(_LOOK_AGAIN_S)
    other = told.get("Android-Package", package)
    if other != package:
        raise RunFailed(
            f"the DevTools socket is that of {other}, not of {package}",
            hint=f"close {other} on the phone",
            kind="no-devtools",
        )
    return told


def _asked(port: int) -> dict[str, Any] | None:
    link = HTTPConnection("127.0.0.1", port, timeout=_ANSWERS_WITHIN_S)
    try:
        link.request("GET", "/json/version")
        told = json.loads(link.getresponse().read())
    except ConnectionRefusedError as error:
        # A forward takes every connection, and ends those that lead nowhere.
        raise TargetUnfit(
            f"port {port} of this host is not forwarded: the adb server seems to be another host's",
            hint="run edgebench on the host of that adb server",
            kind="remote-adb-server",
        ) from error
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        link.close()
    return told if {"Browser", "webSocketDebuggerUrl"} <= told.keys() else None
