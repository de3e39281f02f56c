"""Chrome on a phone: a real Chromium behind a virtual device's abstract socket and a real adb."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from adb_parts import ends, needed_adb
from chrome_parts import left, phone_chrome, served_page

from harness.errors import HarnessError, RunFailed, RunTimedOut, TargetLost, TargetNotFound
from harness.transports.browsing import OpenBrowser, OpenPage, PageRecord
from harness.transports.cdp import PhoneChrome, visits
from harness.transports.virtual_setup import CableCut, Moment

pytestmark = [pytest.mark.adb, pytest.mark.browser]

FOR_EVER = "() => new Promise(() => {})"


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhoneChrome]:
    with phone_chrome(tmp_path_factory.mktemp("chrome")) as chrome:
        yield chrome


@pytest.fixture(scope="module")
def page(chrome: PhoneChrome) -> Iterator[tuple[str, str]]:
    with served_page(chrome) as page:
        yield page


def visit(
    chrome: PhoneChrome,
    page: tuple[str, str],
    work: Callable[[OpenBrowser, OpenPage], Any],
    *,
    deadline_s: float = 60.0,
    init_scripts: tuple[str, ...] = (),
    record: PageRecord | None = None,
) -> Any:
    origin, url = page

    def in_browser(browser: OpenBrowser) -> Any:
        with browser.page(origin, init_scripts=init_scripts, record=record) as opened:
            opened.goto(url)
            return work(browser, opened)

    return chrome.visit(in_browser, deadline_s=deadline_s)


def test_the_page_is_isolated_through_adb_reverse(
    chrome: PhoneChrome, page: tuple[str, str]
) -> None:
    record = PageRecord()
    asked = """async ({shared}) => {
        console.log("working");
        setTimeout(() => { throw new Error("oops"); }, 0);
        await new Promise(resolve => setTimeout(resolve, 20));
        return [crossOriginIsolated, new SharedArrayBuffer(shared).byteLength, first, second,
                isSecureContext, location.hostname];
    }"""
    said = visit(
        chrome,
        page,
        lambda _, opened: opened.evaluate(asked, {"shared": 64}),
        init_scripts=("globalThis.first = 1", "globalThis.second = first + 1"),
        record=record,
    )
    assert said == [True, 64, 1, 2, True, "localhost"]
    assert "log: working" in record.console
    assert record.errors == ["Error: oops"]
    assert record.foreign == []
    assert left(chrome) == []


def test_pages_that_failed_runs_left_are_closed_and_the_users_are_not(
    chrome: PhoneChrome, page: tuple[str, str]
) -> None:
    origin, url = page
    users = "data:text/html,<title>the user's own</title>"

    def work(browser: Any) -> None:
        def titles() -> list[str]:
            told = browser._browser.call("Target.getTargets")["targetInfos"]
            return sorted(each["title"] for each in told if each["type"] == "page")

        for address in (users, url):
            browser._browser.call("Target.createTarget", url=address)
        assert ends(lambda: titles() == ["about:blank", "page", "the user's own"])
        with browser.page(origin) as opened:
            opened.goto(url)
            assert ends(lambda: titles() == ["page", "the user's own"])

    chrome.visit(work, deadline_s=60)


def test_each_visit_is_a_fresh_process_and_its_facts_say_what_it_is(
    chrome: PhoneChrome, page: tuple[str, str]
) -> None:
    pids = [
        visit(
            chrome,
            page,
            lambda *_: chrome.device.adb.shell("pidof com.android.chrome", timeout_s=20),
        )
        for _ in range(2)
    ]
    assert pids[0].stdout != pids[1].stdout
    facts = chrome.facts
    assert facts.title == "Chromium", "it is no Chrome, and says so"
    assert facts.device["virtual"] is True
    assert facts.place == "virtual device (this host)"
    assert facts.version.split(".")[0].isdecimal()


@pytest.mark.parametrize("busy", [FOR_EVER, "() => { for (;;); }"], ids=["waits", "works"])
def test_a_page_that_never_answers_is_ended_at_the_deadline(
    chrome: PhoneChrome, page: tuple[str, str], busy: str
) -> None:
    with pytest.raises(RunTimedOut):
        visit(chrome, page, lambda _, opened: opened.evaluate(busy), deadline_s=4)
    assert left(chrome) == []


def test_a_crash_of_the_page_and_one_of_the_browser_are_told_apart(
    chrome: PhoneChrome, page: tuple[str, str]
) -> None:
    def kill(name: str) -> Callable[[OpenBrowser, OpenPage], Any]:
        def work(_: OpenBrowser, opened: OpenPage) -> None:
            listed = chrome.device.adb.shell("ps -A -o PID,NAME", timeout_s=20).stdout.decode()
            for line in listed.splitlines():
                # The end of one of them may have taken others along.
                if name in line:
                    with suppress(ProcessLookupError):
                        os.kill(int(line.split()[0]), signal.SIGKILL)
            opened.evaluate(FOR_EVER)

        return work

    record = PageRecord()
    with pytest.raises(RunFailed, match="page's process crashed") as caught:
        visit(chrome, page, kill(":sandboxed"), record=record)
    assert record.crashed
    assert caught.value.kind == "browser-crashed"
    with pytest.raises(RunFailed, match="the browser died") as caught:
        visit(chrome, page, kill("com.android.chrome"))
    assert caught.value.kind == "browser-crashed"
    assert left(chrome) == []


def test_a_page_that_was_hidden_meanwhile_gives_no_number(
    chrome: PhoneChrome, page: tuple[str, str]
) -> None:
    hide = "() => document.dispatchEvent(new Event('visibilitychange'))"
    with pytest.raises(RunFailed) as caught:
        visit(chrome, page, lambda _, opened: opened.evaluate(hide))
    assert caught.value.kind == "page-hidden"


def test_an_interrupt_ends_the_visit_and_the_next_one_works(
    chrome: PhoneChrome, page: tuple[str, str]
) -> None:
    def work(_: OpenBrowser, opened: OpenPage) -> None:
        threading.Timer(0.2, chrome.interrupt).start()
        opened.evaluate(FOR_EVER)

    with pytest.raises(RunFailed) as caught:
        visit(chrome, page, work)
    assert caught.value.kind == "killed"
    assert left(chrome) == []
    assert visit(chrome, page, lambda _, opened: opened.evaluate("x => x", 7)) == 7


def test_a_request_to_elsewhere_is_seen(chrome: PhoneChrome, page: tuple[str, str]) -> None:
    record = PageRecord()
    fetches = "() => fetch('http://elsewhere.invalid/').catch(() => 0)"
    visit(chrome, page, lambda _, opened: opened.evaluate(fetches), record=record)
    # The page's own policy may stop it before it is sent: then it is told on the console.
    assert record.foreign or any("elsewhere.invalid" in line for line in record.console)


def test_a_phone_that_goes_away_is_lost_and_measures_again_when_it_is_back(tmp_path: Path) -> None:
    # The third stream to the socket is the page's; the first two are the question and the browser.
    at = Moment("localabstract:chrome_devtools_remote", nth=3, said="cut here")
    cut = CableCut(at, back_after_s=0.5)
    says = "() => { console.log('cut here'); return new Promise(() => {}); }"
    with phone_chrome(tmp_path, faults=(cut,)) as chrome, served_page(chrome) as page:
        with pytest.raises(TargetLost):
            visit(chrome, page, lambda _, opened: opened.evaluate(says))
        assert ends(lambda: _is_back(chrome))
        assert left(chrome) == []
        assert visit(chrome, page, lambda _, opened: opened.evaluate("() => 1")) == 1
        assert left(chrome) == []


def test_a_browser_that_is_not_installed_is_missing(tmp_path: Path) -> None:
    with (
        phone_chrome(tmp_path, package="com.chrome.beta") as chrome,
        pytest.raises(TargetNotFound, match="not installed") as caught,
    ):
        chrome.visit(lambda browser: browser.version, deadline_s=30)
    assert caught.value.kind == "browser-missing"


def test_a_browser_without_its_socket_is_told_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "_SOCKET_WITHIN_S", 0.5)
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 1000\n")
    silent.chmod(0o755)
    with phone_chrome(tmp_path, program=str(silent)) as chrome:
        with pytest.raises(RunFailed) as caught:
            chrome.visit(lambda browser: browser.version, deadline_s=30)
        assert caught.value.kind == "no-devtools"
        assert left(chrome) == []


def test_everything_is_given_back_at_the_end(tmp_path: Path) -> None:
    needed_adb()
    with phone_chrome(tmp_path) as chrome:
        chrome.origin_for(9)
        ports = chrome.device.adb.ports
        assert [remote for _, remote in ports.reverses()] == ["tcp:9"]
        chrome._ports.close()
        assert ports.reverses() == ()


def _is_back(chrome: PhoneChrome) -> bool:
    try:
        chrome.recover()
    except HarnessError:
        return False
    return True
