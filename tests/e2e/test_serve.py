"""`edgebench serve` as a person uses it: the address is opened elsewhere, and all else follows."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import Commander
from playwright.sync_api import Page, sync_playwright

from harness.transports.browser_discovery import find

pytestmark = pytest.mark.browser

SUITE = """
suite: served
models: {net: {generate: blazeface_front, seed: 7}}
targets:
  chromium: {driver: web-tfjs, baseline: plain, variants: {plain: {wasm: plain}, simd: {wasm: simd}}}
sampling:
  blocks: 3
  memory_runs: 1
  warmup: {iterations: 1, seconds: 0.1}
  timed: {iterations: 5, max_seconds: 0.5}
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find("chromium").path, args=["--no-sandbox"]
        )
        yield browser.new_context(ignore_https_errors=True).new_page()
        browser.close()


@pytest.fixture(autouse=True)
def no_server_stays() -> Iterator[None]:
    yield
    for child in psutil.Process().children():
        if "serve" in child.cmdline():
            child.kill()


def started(edgebench: Commander, *more: str, text: str = SUITE) -> subprocess.Popen[str]:
    (edgebench.folder / "s.yaml").write_text(text)
    return edgebench.start("serve", "s.yaml", "--progress", "json", *more)


def event(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    """Read what is told until something happens."""
    assert process.stderr is not None
    for line in process.stderr:
        told: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        if told.get("event") == name:
            return told
    pytest.fail(f"it ended without {name}")


def join(page: Page, address: str, label: str) -> None:
    page.goto(address)
    page.get_by_role("textbox").fill(label)
    page.get_by_role("button").click()


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]


def test_a_served_session_is_interrupted_resumed_on_its_device_and_read_anywhere(
    edgebench: Commander, page: Page
) -> None:
    process = started(edgebench, "--out", "r")
    join(page, event(process, "serving")["address"], "Kitchen iPad")
    assert event(process, "browser_joined")["threads"] is True
    event(process, "run_finished")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "edgebench serve s.yaml --resume r" in stderr
    kept = records(edgebench.folder / "r")
    assert kept

    wrong = edgebench("run", "s.yaml", "--resume", "r")
    assert wrong.returncode == 4
    assert "edgebench serve" in wrong.stderr

    process = started(edgebench, "--resume", "r", "--host", "127.0.0.2", "--tls")
    serving = event(process, "serving")
    assert re.fullmatch(r"[0-9A-F]{2}(:[0-9A-F]{2}){31}", serving["fingerprint"])
    address = serving["address"]
    assert address.startswith("https://127.0.0.2:")
    join(page, address, "Another one")
    page.get_by_role("alert").wait_for()
    assert "kitchen-ipad" in page.get_by_role("alert").inner_text()
    join(page, address, "Kitchen iPad")
    page.get_by_role("heading", name="Done").wait_for()
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    runs = records(edgebench.folder / "r")
    assert runs[: len(kept)] == kept
    assert [run["outcome"] for run in runs] == ["measured"] * 8
    assert {run["bench"] for run in runs} == {"served:kitchen-ipad"}
    assert "on Kitchen iPad (served)" in stdout
    assert "CPU taken by others: not known" in stdout
    assert edgebench("table", "r").stdout == stdout.partition("results: ")[0]


def test_a_page_that_is_left_in_a_run_costs_a_block_that_is_added(
    edgebench: Commander, page: Page
) -> None:
    text = SUITE.replace("iterations: 5, max_seconds: 0.5", "iterations: 1000000, max_seconds: 1")
    text = text.replace("blocks: 3", "blocks: 1").replace("memory_runs: 1", "memory_runs: 0")
    process = started(edgebench, "--out", "r", text=text)
    address = event(process, "serving")["address"]
    with page.expect_event("requestfinished", lambda request: request.url.endswith(".wasm")):
        join(page, address, "Kitchen iPad")
    page.goto("about:blank")
    finished = event(process, "run_finished")
    assert finished["error"]["class"] == "page-hidden"
    page.go_back()
    assert event(process, "block_added")["runs"] == 2
    page.get_by_role("heading", name="Done").wait_for()
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "page-hidden" in stdout
    outcomes = [run["outcome"] for run in records(edgebench.folder / "r")]
    assert sorted(outcomes) == ["failed", "measured", "measured", "measured"]


def test_before_a_browser_came_nothing_is_kept(edgebench: Commander) -> None:
    process = started(edgebench)
    event(process, "serving")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (edgebench.folder / "results").exists()


def test_run_sends_a_served_target_to_serve(edgebench: Commander) -> None:
    text = SUITE.replace("driver: web-tfjs,", "driver: web-tfjs, browser: served,")
    (edgebench.folder / "s.yaml").write_text(text)
    ran = edgebench("run", "s.yaml", "--out", "r", "--progress", "lines")
    assert ran.returncode == 1
    assert "edgebench serve" in ran.stderr
    assert {run["error"]["class"] for run in records(edgebench.folder / "r")} == {"not-served"}


@pytest.mark.parametrize(
    "options",
    [
        ("--tls-cert", "x.pem"),
        ("--tls", "--tls-cert", "x.pem", "--tls-key", "x.pem"),
        ("--tls-cert", "x.pem", "--tls-key", "x.pem"),
        ("--host", "0.0.0.0"),
        ("--only", "target=nothing"),
    ],
)
def test_what_cannot_be_served_is_told_at_once(
    edgebench: Commander, options: tuple[str, ...]
) -> None:
    (edgebench.folder / "s.yaml").write_text(SUITE)
    (edgebench.folder / "x.pem").write_text("no certificate")
    refused = edgebench("serve", "s.yaml", *options)
    assert refused.returncode == 2
    assert "next step" in refused.stderr
