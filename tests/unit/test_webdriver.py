"""WebDriver as we speak it, before a driver that says whatever a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness.errors import TargetLost
from harness.transports.browser import visits
from harness.transports.browser_discovery import BrowserProgram
from harness.transports.webdriver import WebDriverBrowsers, safari, webkitgtk
from harness.transports.webdriver.protocol import (
    DeadlinePassed,
    DriverError,
    DriverGone,
    FunctionFailed,
    RemoteEnd,
    WebDriverSession,
)

Answer = tuple[int, bytes]
SESSION = {"sessionId": "s1", "capabilities": {"browserVersion": "2.50.6"}}


class Driver:
    """A driver that answers by a table, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: dict[str, Callable[[], Answer]] = {}
        driver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                command = self.path.rpartition("/")[2]
                driver.asked.append((self.command, self.path, json.loads(body or b"null")))
                status, text = driver.answers.get(command, lambda: value(None))()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.answers["session"] = lambda: value(SESSION)

    def session(self, within_s: float = 10.0) -> WebDriverSession:
        remote = RemoteEnd(self.http.server_port, time.monotonic() + within_s)
        return WebDriverSession(remote, {"browserName": "any"})


def value(content: Any) -> Answer:
    return 200, json.dumps({"value": content}).encode()


def refusal(error: str, message: str = "") -> Answer:
    return 500, json.dumps({"value": {"error": error, "message": message}}).encode()


@pytest.fixture
def driver() -> Iterator[Driver]:
    made = Driver()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


def test_a_session_is_made_with_capabilities_and_no_timeout_of_its_own(driver: Driver) -> None:
    session = driver.session()
    assert session.version == "2.50.6"
    (_, path, wanted), (_, timeouts, limits) = driver.asked
    assert (path, timeouts) == ("/session", "/session/s1/timeouts")
    assert wanted == {"capabilities": {"alwaysMatch": {"browserName": "any"}}}
    # WebKitGTK counts milliseconds in 32 bits.
    assert all(10**9 < limit < 2**31 for limit in limits.values())


def test_what_a_function_gives_comes_back_and_what_it_throws_is_told(driver: Driver) -> None:
    session = driver.session()
    driver.answers["async"] = lambda: value({"value": {"a": 1}})
    assert session.evaluate("x => x", {"a": 1}) == {"a": 1}
    assert driver.asked[-1][2]["args"] == [{"a": 1}]
    driver.answers["async"] = lambda: value({})
    assert session.evaluate("() => undefined", None) is None
    driver.answers["async"] = lambda: value({"error": "oh"})
    with pytest.raises(FunctionFailed, match="oh"):
        session.evaluate("() => { throw new Error('oh'); }", None)
    driver.answers["async"] = lambda: refusal("javascript error", "Unexpected token")
    with pytest.raises(FunctionFailed, match="Unexpected token"):
        session.evaluate("(]", None)


def test_a_refusal_has_webdrivers_own_word(driver: Driver) -> None:
    session = driver.session()
    driver.answers["async"] = lambda: refusal("invalid session id", "page crash or hang")
    with pytest.raises(DriverError, match="page crash or hang") as caught:
        session.evaluate("() => 1", None)
    assert caught.value.error == "invalid session id"


@pytest.mark.parametrize("text", [b"", b"<html>", b"[]", b"{}", b"null", b'{"value"'])
def test_what_is_no_answer_of_a_driver_is_one_that_is_gone(driver: Driver, text: bytes) -> None:
    session = driver.session()
    driver.answers["url"] = lambda: (200, text)
    with pytest.raises(DriverGone):
        session.goto("about:blank")


def test_a_driver_that_does_not_listen_is_gone(driver: Driver) -> None:
    session = driver.session()
    driver.http.server_close()
    driver.http.socket.close()
    driver.http.shutdown()
    with pytest.raises((DriverGone, DeadlinePassed)):
        session.goto("about:blank")


def test_no_command_waits_longer_than_the_deadline(driver: Driver) -> None:
    release = threading.Event()
    session = driver.session(within_s=0.3)

    def never() -> Answer:
        release.wait(20)
        return value(None)

    driver.answers["url"] = never
    with pytest.raises(DeadlinePassed):
        session.goto("about:blank")
    with pytest.raises(DeadlinePassed):
        session.execute("return 1")
    release.set()


def test_safari_always_shows_its_window_and_is_not_asked_for_processes(tmp_path: Path) -> None:
    program = BrowserProgram("safari", Path("/Applications/Safari.app"), "26.1", "installed")
    launch = safari(program, tmp_path)
    facts = WebDriverBrowsers(launch).facts
    assert (facts.title, facts.headless, facts.automation) == ("Safari", False, "safaridriver")
    assert (launch.pages, launch.virtual_display) == ("", False)


def test_a_browser_that_is_gone_by_now_loses_its_target(tmp_path: Path) -> None:
    program = BrowserProgram("webkitgtk", tmp_path / "MiniBrowser", "2.50.6", "installed")
    transport = WebDriverBrowsers(webkitgtk(program, tmp_path, True, ("--private",)))
    assert transport.facts.all_args == ("--automation", "--private")
    assert "JSC_useSharedArrayBuffer=1" in transport.facts.automation
    with pytest.raises(TargetLost):
        transport.visit(lambda browser: browser.version, deadline_s=5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "said",
    [
        # As Playwright 1.65.2 fails with Firefox ESR 153.
        "Browser.new_context: Protocol error (emulation.setMediaFeaturesOverride): unknown command",
        "launch: Protocol error (Browser.getWindowForTarget): 'Browser.getWindowForTarget' wasn't found",
    ],
)
def test_browsers_and_playwrights_of_different_times_are_told_as_such(said: str) -> None:
    assert visits._NOT_UNDERSTOOD.search(said)
    program = BrowserProgram("firefox", Path("/usr/bin/firefox"), "99.0", "installed")
    error = visits._not_understood(program, said)
    assert error.kind == "browser-too-old"
    assert "Firefox 99" in error.message
    assert visits.playwright_version() in error.message


@pytest.mark.parametrize("said", ["Execution context was destroyed", "the file wasn't found"])
def test_other_failures_are_not_taken_for_age(said: str) -> None:
    assert not visits._NOT_UNDERSTOOD.search(said)
