"""The published page in a real Chromium: from a file, without a script, a request or an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from harness import store
from harness.cli import main
from harness.errors import TargetNotFound
from harness.graphs.tflite_writer import write_tflite
from harness.memory_plan.model_facts import planned_model
from harness.model import Cell, Failed, Failure, RunResult, SessionRecord, TargetRecord
from harness.models.blazeface_front import PLUGIN as BLAZEFACE
from harness.plugins import build_network
from harness.transports import browser_discovery

pytestmark = pytest.mark.browser

HOSTILE = (
    '<img src="https://example.org/x.png" onerror="alert(1)">\n\'&</title><script>x()</script>'
)
DIGEST = "ab" * 32
TENSORS = 88
SEEN = """() => {
  document.querySelectorAll('details').forEach((each) => { each.open = true });
  const regions = [...document.querySelectorAll('.scroll')];
  const seen = (place) => place.checkVisibility() && place.getBoundingClientRect().width;
  return {
    title: document.title,
    captions: [...document.querySelectorAll('caption')].map((each) => each.textContent),
    tables: document.querySelectorAll('table').length,
    drawn: seen(document.querySelector('svg')),
    tooltips: [...document.querySelectorAll('svg rect.t > title')].map((each) => each.textContent),
    foreign: document.querySelectorAll('script, img, iframe, object').length,
    reachable: regions.every((each) => { each.focus(); return document.activeElement === each }),
    overflows: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    ground: getComputedStyle(document.body).backgroundColor,
    numbers: getComputedStyle(document.querySelector('td.n')).textAlign,
    resources: performance.getEntriesByType('resource').length,
  };
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published folder with a real model's map, and a model whose name is hostile."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "model.tflite").write_bytes(write_tflite(build_network(BLAZEFACE, 1)))
    planned = planned_model(folder / "model.tflite")
    assert planned.tensors is not None
    facts = {"tflite_sha256": DIGEST, **planned.facts}
    cells = tuple(Cell(model, "fp32", "device", "cpu-1") for model in ("blazeface", HOSTILE))
    target = TargetRecord("device", "android-tflite", "host", True, ("cpu-1",), None, (), 0.02)
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
        models={f"{cell.model}/{cell.file}": facts for cell in cells},
    )
    failure = Failure("unreadable-output", HOSTILE, HOSTILE)
    with store.create(folder / "r", record, "suite: pages\n", {DIGEST: planned.tensors}) as writer:
        for number, cell in enumerate(cells):
            run = RunResult(str(number), cell, "host", "latency", 0, 0, 1, Failed(failure), "", 1.0)
            writer.append(run)
    assert main(["publish", str(folder / "r"), "--out", str(folder / "site")]) == 0
    return folder / "site" / "index.html"


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


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize(("scheme", "ground"), [("light", 255), ("dark", 22)])
def test_it_shows_tables_and_maps_asks_for_nothing_and_has_no_error(
    page: Path, chromium: Any, scheme: Literal["light", "dark"], ground: int, width: int
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=False
    )
    try:
        opened = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(page.as_uri())
        seen = opened.evaluate(SEEN)
    finally:
        context.close()
    assert (said, asked) == ([], [page.as_uri()])
    assert (seen["resources"], seen["foreign"]) == (0, 0)
    assert seen["title"] == "Benchmark results: pages"
    assert seen["tables"] == page.read_text().count("<table") == len(seen["captions"]) + 2
    assert "Planned memory of each model" in seen["captions"]
    assert seen["drawn"] >= 600
    assert len(seen["tooltips"]) == 2 * 2 * TENSORS
    assert all(" bytes, operators " in told for told in seen["tooltips"])
    assert (seen["reachable"], seen["overflows"]) == (True, False)
    assert seen["ground"] == f"rgb({ground}, {ground}, {ground})"
    assert seen["numbers"] == "right"
