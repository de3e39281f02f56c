"""A browser that came by itself measures what others do, proved in the same way."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import served_parts
import web_parts
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from served_parts import ELSEWHERE, HERE, LABEL

from harness.drivers.web_tfjs import PLUGIN
from harness.errors import TargetLost
from harness.model import Capture, Failed, Measured, Reading
from harness.options import Timed
from harness.plugins import ModelFile, Recoverable
from harness.transports.browsing import OpenBrowser
from harness.transports.webdriver.page import WebDriverPage
from harness.web_lane.session import WebSession

pytestmark = pytest.mark.browser

THREE: tuple[tuple[dict[str, Any], str, int], ...] = (
    ({"wasm": "plain"}, "tfjs-backend-wasm.wasm", 1),
    ({"wasm": "simd"}, "tfjs-backend-wasm-simd.wasm", 1),
    ({"wasm": "threaded-simd", "threads": 2}, "tfjs-backend-wasm-threaded-simd.wasm", 2),
)
LONG = web_parts.QUICK.model_copy(update={"timed": Timed(iterations=1_000_000, max_seconds=1.5)})
VIRTUAL_CLOCK = Path(__file__).parents[1] / "fixtures" / "web" / "virtual_clock.js"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return web_parts.tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with served_parts.launched(playwright) as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Page:
    # Ended with its browser: closing a context waits for pages that are still busy.
    return browser.new_context(ignore_https_errors=True).new_page()


def read(capture: Capture) -> Reading:
    return PLUGIN.read(capture)


def measured(capture: Capture) -> Reading:
    reading = read(capture)
    assert isinstance(reading.outcome, Measured), (reading, capture.text("console.json"))
    return reading


def failure(capture: Capture) -> tuple[str, str]:
    outcome = read(capture).outcome
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure.hint
    return outcome.failure.kind, outcome.failure.message


@contextmanager
def in_background(work: Callable[[], Capture]) -> Iterator[Future[Capture]]:
    """Measure in another thread, while this one does to the browser what people do."""
    with ThreadPoolExecutor(1) as executor:
        yield executor.submit(work)


def begun() -> tuple[threading.Event, Callable[[], Any]]:
    """An event that is set when the measured part of a run begins, and the window that sets it."""
    event = threading.Event()

    @contextmanager
    def window() -> Iterator[None]:
        event.set()
        yield

    return event, window


def each_variant_is_proved(target: WebSession, model: ModelFile) -> None:
    for variant, binary, threads in THREE:
        reading = measured(web_parts.run(target, model, **variant))
        observed = reading.proof.observed
        assert (observed["wasm_binary"], observed["threads"]) == (binary, threads)
        assert observed["cross_origin_isolated"] is True
        assert reading.proof.mismatches() == ()
        assert reading.outputs is not None


def test_each_variant_is_proved_in_a_browser_that_came_over_loopback(
    tmp_path: Path, page: Page, model: ModelFile
) -> None:
    with served_parts.lobby_at(HERE, tmp_path) as session:
        session.join(page)
        target = session.target()
        assert target.device.startswith("Chromium ")
        assert target.device.endswith(f" on {LABEL} (served)")
        each_variant_is_proved(target, model)
        reading = measured(web_parts.run(target, model, wasm="simd"))
        assert reading.setting["context"] == "served page"
        assert "browser kept" in str(reading.setting["method"])
        assert reading.setting["headless"] is None
        assert reading.conditions["wake_lock"] == "held"
        memory = measured(web_parts.run(target, model, pass_="memory", wasm="simd"))
        assert isinstance(memory.outcome, Measured)
        told = {m.metric: m for m in memory.outcome.measurements}
        assert (told["wasm_heap"].value or 0) >= 2**24
        assert (told["tf_num_bytes"].value or 0) > 0
        assert told["renderer_uss"].value is None
        assert "nothing of its process" in told["renderer_uss"].absent
        assert session.notices == []


def test_off_loopback_tls_gives_isolation_and_threads(
    tmp_path: Path, page: Page, model: ModelFile
) -> None:
    with served_parts.lobby_at(ELSEWHERE, tmp_path, tls=True) as session:
        session.join(page)
        assert session.lobby.address.startswith("https://served.test:")
        each_variant_is_proved(session.target(), model)


def test_off_loopback_without_tls_threads_are_skipped_and_the_rest_is_measured_as_it_is(
    tmp_path: Path, page: Page, model: ModelFile
) -> None:
    with served_parts.lobby_at(ELSEWHERE, tmp_path) as session:
        session.join(page)
        target = session.target()
        options = PLUGIN.target_options(browser="served")
        why = {
            str(variant): PLUGIN.unsupported(options, PLUGIN.variant_options(**variant))
            for variant, _, _ in THREE
        }
        *others, threaded = why.values()
        assert others == ["", ""]
        assert "--tls" in threaded
        for variant, binary, _ in THREE[:2]:
            reading = measured(web_parts.run(target, model, **variant))
            assert reading.proof.observed["wasm_binary"] == binary
            assert reading.conditions["cross_origin_isolated"] is False
            assert "cross_origin_isolated" not in reading.proof.asked
            # The coarser clock is met with batches.
            assert int(reading.conditions["batch_size"] or 0) > 1
            assert reading.conditions["wake_lock"] == "not there"


@pytest.mark.parametrize("name", ["firefox", "webkitgtk"])
def test_other_engines_come_in_and_are_proved_in_the_same_way(
    tmp_path: Path, model: ModelFile, name: str
) -> None:
    (tmp_path / "client").mkdir()
    client = served_parts.transport_of(name, tmp_path / "client")
    done = threading.Event()

    def come(browser: OpenBrowser) -> None:
        with browser.page(session.lobby.origin) as page:
            if isinstance(page, WebDriverPage):
                # It would put scripts into the lobby, whose policy forbids it.
                page._scripts = ()
            page.goto(session.lobby.address)
            page.evaluate(served_parts.JOIN, LABEL)
            done.wait(60)

    with (
        served_parts.lobby_at(HERE, tmp_path) as session,
        ThreadPoolExecutor(1) as executor,
    ):
        visit = executor.submit(lambda: client.visit(come, deadline_s=90))
        try:
            device = session.lobby.wait_for_device()
            # WebKitGTK calls itself WebKit like any other; only Apple's is called Safari.
            assert device.family.name == {"firefox": "firefox", "webkitgtk": "webkit"}[name]
            each_variant_is_proved(session.target(), model)
        finally:
            done.set()
            visit.result(60)
            client.close()


def test_init_scripts_run_before_all_that_the_page_has(
    tmp_path: Path, page: Page, model: ModelFile
) -> None:
    with served_parts.lobby_at(HERE, tmp_path) as session:
        session.join(page)
        target = session.target(init_script=str(VIRTUAL_CLOCK))
        reading = measured(web_parts.run(target, model, wasm="plain"))
    assert isinstance(reading.outcome, Measured)
    values = {m.metric: m.value for m in reading.outcome.measurements}
    assert math.isclose(values["init"] or 0, 0.020)
    assert math.isclose(values["latency_p50"] or 0, 0.014)


def test_a_page_that_was_hidden_fails_its_run_and_the_next_one_is_measured(
    tmp_path: Path, playwright: Playwright, model: ModelFile
) -> None:
    with (
        served_parts.chromium_with_tabs(playwright, tmp_path / "profile") as page,
        served_parts.lobby_at(HERE, tmp_path) as session,
    ):
        session.join(page)
        target = session.target()
        with in_background(lambda: web_parts.run(target, model, wasm="simd", sampling=LONG)) as run:
            page.wait_for_event("requestfinished", lambda request: request.url.endswith(".wasm"))
            page.context.new_page().bring_to_front()
            # Back in front before the run ends: it was hidden all the same.
            page.bring_to_front()
            kind, message = failure(run.result(60))
        assert kind == "page-hidden"
        assert "hidden" in message
        measured(web_parts.run(target, model, wasm="simd"))


def test_a_page_that_was_left_fails_its_run_and_may_come_back(
    tmp_path: Path, page: Page, model: ModelFile
) -> None:
    with served_parts.lobby_at(HERE, tmp_path) as session:
        session.join(page)
        target = session.target()
        measures, window = begun()
        with in_background(
            lambda: web_parts.run(target, model, wasm="plain", sampling=LONG, window=window)
        ) as run:
            assert measures.wait(30)
            page.goto("about:blank")
            kind, message = failure(run.result(60))
        assert kind == "page-hidden"
        assert "left" in message or "loaded again" in message
        # The address lets the browser in again that came in by it.
        page.goto(session.lobby.address)
        assert page.url == f"{session.lobby.origin}/"
        measured(web_parts.run(target, model, wasm="plain"))


def test_a_browser_that_goes_away_is_lost_until_it_comes_back(
    tmp_path: Path, page: Page, model: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.transports.served.browser._ASKS_FOR_WORK_WITHIN_S", 2.0)
    monkeypatch.setattr("harness.transports.served.browser._IS_BACK_WITHIN_S", 1.0)
    # A poll may have been given its order just as the page went.
    monkeypatch.setattr("harness.transports.served.exchange._LOADS_WITHIN_S", 6.0)
    with served_parts.lobby_at(HERE, tmp_path) as session:
        session.join(page)
        target = session.target()
        measured(web_parts.run(target, model, wasm="simd"))
        page.get_by_role("heading", name="Getting ready").wait_for()
        page.goto("about:blank")
        assert isinstance(target, Recoverable)
        with pytest.raises(TargetLost) as lost:
            web_parts.run(target, model, wasm="simd")
        assert lost.value.kind == "target-lost"
        with pytest.raises(TargetLost):
            target.recover()
        page.goto(f"{session.lobby.origin}/")
        assert target.recover() == ""
        measured(web_parts.run(target, model, wasm="simd"))


def test_an_interrupt_ends_the_wait_for_a_served_page_at_once(
    tmp_path: Path, page: Page, model: ModelFile
) -> None:
    with served_parts.lobby_at(HERE, tmp_path) as session:
        session.join(page)
        target = session.target()
        with in_background(
            lambda: web_parts.run(target, model, wasm="plain", sampling=LONG)
        ) as run:
            page.wait_for_event("requestfinished", lambda request: request.url.endswith(".wasm"))
            target.interrupt()
            assert failure(run.result(5))[0] == "killed"
        # Its page cannot be stopped: it comes back by itself when its loop is over.
        measured(web_parts.run(target, model, wasm="plain"))
        assert any("nobody waits" in notice for notice in session.notices)


def test_a_page_that_does_not_answer_in_time_fails_its_run(
    tmp_path: Path, page: Page, model: ModelFile
) -> None:
    hasty = LONG.model_copy(update={"timeout_s": 1.0})
    with served_parts.lobby_at(HERE, tmp_path) as session:
        session.join(page)
        target = session.target()
        assert failure(web_parts.run(target, model, wasm="simd", sampling=hasty))[0] == "timed-out"


def test_what_the_page_says_on_its_console_is_kept(
    tmp_path: Path, page: Page, model: ModelFile
) -> None:
    script = tmp_path / "speaks.js"
    script.write_text("addEventListener('load', () => console.error('a word </script> of mine'));")
    with served_parts.lobby_at(HERE, tmp_path) as session:
        session.join(page)
        target = session.target(init_script=str(script))
        capture = web_parts.run(target, model, wasm="plain")
    measured(capture)
    assert json.loads(capture.files["console.json"])["console"] == [
        "error: a word </script> of mine"
    ]


def test_the_device_sees_when_all_is_done(tmp_path: Path, page: Page, model: ModelFile) -> None:
    with served_parts.lobby_at(HERE, tmp_path) as session:
        session.join(page)
        measured(web_parts.run(session.target(), model, wasm="plain"))
    page.get_by_role("heading", name="Done").wait_for()


def test_a_second_browser_gets_a_clear_page_and_no_entry(
    tmp_path: Path, page: Page, browser: Browser
) -> None:
    with served_parts.lobby_at(HERE, tmp_path) as session, browser.new_context() as other:
        session.join(page)
        stranger = other.new_page()
        for where in (session.lobby.address, session.lobby.origin):
            answer = stranger.goto(where)
            assert answer is not None
            assert answer.status in (403, 409)
            assert stranger.get_by_role("heading", name="Not for this browser").is_visible()
        assert any("a second device" in notice for notice in session.notices)


def test_the_pages_of_the_lobby_ask_for_nothing_from_elsewhere(tmp_path: Path, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with served_parts.lobby_at(HERE, tmp_path) as session:
        session.join(page)
        assert asked
        origins = (f"{session.lobby.origin}/", "data:")
        assert [url for url in asked if not url.startswith(origins)] == []


def test_a_label_that_breaks_the_rule_is_explained_on_the_page(tmp_path: Path, page: Page) -> None:
    with served_parts.lobby_at(HERE, tmp_path) as session:
        page.goto(session.lobby.address)
        page.get_by_role("textbox").fill("=HYPERLINK(1)")
        page.get_by_role("button").click()
        page.get_by_role("alert").wait_for()
        assert "begins with a letter" in page.get_by_role("alert").inner_text()
        assert session.lobby.device is None
