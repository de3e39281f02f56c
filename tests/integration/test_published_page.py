"""The published site in a real Chromium, from files: no request, no error, all of it by keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import pytest
from report_folders import realistic, times
from test_site_pages import HOSTILE, night

from harness import store
from harness.cli import main
from harness.errors import TargetNotFound
from harness.graphs.tflite_writer import write_tflite
from harness.memory_plan.model_facts import planned_model
from harness.model import (
    Cell,
    Failed,
    Failure,
    Outcome,
    ResultFolder,
    RunResult,
    SessionRecord,
    TargetRecord,
)
from harness.models.blazeface_front import PLUGIN as BLAZEFACE
from harness.plugins import build_network
from harness.table_text.visible import visible
from harness.transports import browser_discovery

pytestmark = pytest.mark.browser

DIGEST = "ab" * 32
TENSORS = 88
SEEN = """() => {
  document.querySelectorAll('details').forEach((each) => { each.open = true });
  const regions = [...document.querySelectorAll('.scroll')];
  const seen = (place) => place.checkVisibility() && place.getBoundingClientRect().width;
  return {
    tables: document.querySelectorAll('table').length,
    drawn: [...document.querySelectorAll('.scroll > svg')].every((each) => seen(each) >= 600),
    tooltips: [...document.querySelectorAll('svg rect.t > title')].map((each) => each.textContent),
    foreign: document.querySelectorAll('img, iframe, object, link[rel=stylesheet]').length,
    reachable: regions.every((each) => { each.focus(); return document.activeElement === each }),
    overflows: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    ground: getComputedStyle(document.body).backgroundColor,
    resources: performance.getEntriesByType('resource').length,
    controls: document.querySelector('.controls')?.checkVisibility() ?? false,
  };
}"""


def kept(path: Path, results: ResultFolder) -> None:
    with store.create(path, results.session, "suite: s\n") as writer:
        for run in results.runs:
            writer.append(run)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of two nights, of a folder with every kind of row, and of a hostile name with a map."""
    folder = tmp_path_factory.mktemp("published")
    kept(folder / "r" / "quickstart" / "night-03", night(3))
    kept(folder / "r" / "quickstart" / "night-04", night(4, 1.1, "4.23.0"))
    kept(folder / "r" / "tour" / "one", realistic_tour())
    hostile(folder / "r" / "pages" / "one")
    command = ["publish", str(folder / "r"), "--out", str(folder / "site"), "--include-virtual"]
    assert main(command) == 0
    return folder / "site"


def realistic_tour() -> ResultFolder:
    from dataclasses import replace

    made = realistic()
    return replace(made, session=replace(made.session, suite="tour", label="other"))


def hostile(path: Path) -> None:
    model = path.parent.parent / "model.tflite"
    path.parent.mkdir(parents=True)
    model.write_bytes(write_tflite(build_network(BLAZEFACE, 1)))
    planned = planned_model(model)
    assert planned.tensors is not None
    cells = tuple(Cell(HOSTILE, "fp32", "device", name) for name in ("cpu-1", "other", HOSTILE))
    names = tuple(cell.variant for cell in cells)
    target = TargetRecord("device", "android-tflite", "host", True, names, None, (), 0.02)
    record = SessionRecord(
        schema=store.SCHEMA,
        suite="pages",
        suite_sha256="00",
        label="here",
        started_utc="2026-11-25T12:00:00+00:00",
        command=("edgebench", "run"),
        seed=1,
        blocks=1,
        memory_runs=1,
        cells=cells,
        targets=(target,),
        harness={"version": "0.1.0"},
        host={"os": "Debian"},
        models={f"{cells[0].model}/fp32": {"tflite_sha256": DIGEST, **planned.facts}},
    )
    failure = Failure("unreadable-output", HOSTILE, HOSTILE)
    with store.create(path, record, "suite: pages\n", {DIGEST: planned.tensors}) as writer:
        outcomes: tuple[Outcome, ...] = (Failed(failure), times(0.01), times(0.02))
        for number, (cell, outcome) in enumerate(zip(cells, outcomes, strict=True)):
            run = RunResult(str(number), cell, "host", "latency", 0, 0, 1, outcome, "", 1.0)
            writer.append(run)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    try:
        program = browser_discovery.find("chromium").path
    except TargetNotFound as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}: {error.hint}")
        pytest.skip(f"{error}: {error.hint}")
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield browser
        browser.close()


class Watched:
    """A page of the site that notes all requests and all that goes wrong."""

    def __init__(self, chromium: Any, place: Path, **how: Any) -> None:
        self.context = chromium.new_context(**how)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(place.as_uri())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize(
    ("scheme", "ground", "width", "script"),
    [("light", 255, 1280, True), ("dark", 22, 360, True), ("dark", 22, 1280, False)],
)
def test_the_entry_page_shows_all_asks_for_nothing_and_has_no_error(
    site: Path,
    chromium: Any,
    scheme: Literal["light", "dark"],
    ground: int,
    width: int,
    script: bool,
) -> None:
    entry = site / "index.html"
    size = {"width": width, "height": 800}
    how = {"viewport": size, "color_scheme": scheme, "java_script_enabled": script}
    with Watched(chromium, entry, **how) as watched:
        seen = watched.page.evaluate(SEEN)
        assert (watched.said, watched.asked) == ([], [entry.as_uri()])
    assert (seen["resources"], seen["foreign"]) == (0, 0)
    assert seen["tables"] == entry.read_text().count("<table")
    assert len(seen["tooltips"]) == 2 * TENSORS
    assert (seen["drawn"], seen["reachable"], seen["overflows"]) == (True, True, False)
    assert seen["ground"] == f"rgb({ground}, {ground}, {ground})"
    assert seen["controls"] is script


def test_every_page_opens_without_an_error_and_fits_a_phone(site: Path, chromium: Any) -> None:
    pages = sorted(site.rglob("*.html"))
    kinds = {page.parent.name: page for page in pages}
    assert set(kinds) == {"site", "runs", "cells", "history", "sessions"}
    for page in kinds.values():
        with Watched(chromium, page, viewport={"width": 360, "height": 740}) as watched:
            seen = watched.page.evaluate(SEEN)
            assert (watched.said, watched.asked) == ([], [page.as_uri()])
        assert (seen["overflows"], seen["reachable"]) == (False, True), page


COLUMN = """(key) => [...document.querySelectorAll('table[data-table=latency] tbody tr')]
  .filter((row) => !row.hidden && row.closest('table') === document.querySelector('table[data-table=latency]'))
  .map((row) => row.cells[[...row.closest('table').tHead.rows[0].cells]
    .findIndex((head) => head.dataset.key === key)])
  .map((cell) => [cell.textContent, cell.dataset.v === undefined ? null : Number(cell.dataset.v), cell.className])"""


def test_sorting_filtering_and_switching_work_by_keyboard(site: Path, chromium: Any) -> None:
    with Watched(chromium, site / "index.html") as watched:
        page = watched.page

        def column(key: str) -> list[Any]:
            found: list[Any] = page.evaluate(COLUMN, key)
            return found

        published = column("time")
        head = page.locator("table[data-table=latency] th[data-key=time]").first
        button = head.locator("button")
        button.focus()
        page.keyboard.press("Enter")
        known = [value for _, value, _ in column("time") if value is not None]
        assert known == sorted(known)
        assert head.get_attribute("aria-sort") == "ascending"
        page.keyboard.press("Space")
        known = [value for _, value, _ in column("time") if value is not None]
        assert known == sorted(known, reverse=True)
        assert head.get_attribute("aria-sort") == "descending"
        page.keyboard.press("Enter")
        assert column("time") == published

        page.locator("#find").focus()
        page.keyboard.type("mobilenet simd-2t")
        assert {text for text, _, _ in column("variant")} == {"simd-2t"}
        assert {text for text, _, _ in column("model")} == {"mobilenet_v2"}
        page.locator("#reset").focus()
        page.keyboard.press("Enter")
        assert column("time") == published

        page.locator("#baseline").select_option("simd")
        speedups = dict(
            zip(
                [text for text, _, _ in column("variant")],
                column("speedup"),
                strict=False,
            )
        )
        assert speedups["simd"][0] == "baseline"
        assert speedups["plain"][0].startswith("0.")
        assert "slower" in {text for text, _, _ in column("verdict")}
        assert page.locator("#over").text_content().startswith("speed-ups of the latency table are")
        page.locator("#baseline").select_option(visible(HOSTILE))
        assert page.locator("td", has_text=f"no {visible(HOSTILE)} here").count() > 0
        over = page.locator("tr", has_text="other").locator("td", has_text="2.00×")
        assert over.count() == 1
        page.locator("#baseline").select_option("")
        assert column("time") == published
        assert watched.said == []


def test_every_number_is_some_clicks_from_what_the_run_said(site: Path, chromium: Any) -> None:
    with Watched(chromium, site / "index.html") as watched:
        page = watched.page
        page.locator("table[data-table=latency] td.n a").first.click()
        assert "/cells/" in page.url
        page.locator("td a[href*='runs/']").first.click()
        assert "/runs/" in page.url
        assert page.locator("#raw h2").text_content() == "Raw capture"
        page.locator("nav.trail a").first.click()
        assert page.url == (site / "index.html").as_uri()
        assert watched.said == []
        assert all(url.startswith("file://") for url in watched.asked)


def test_the_focus_is_seen(site: Path, chromium: Any) -> None:
    with Watched(chromium, site / "index.html") as watched:
        page = watched.page
        page.keyboard.press("Tab")
        style = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(style) == "solid"
