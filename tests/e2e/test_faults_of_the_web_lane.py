"""Whatever goes wrong in a browser is a stored outcome, the next cell runs, and nothing is left."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest
from conftest import Commander

pytestmark = pytest.mark.browser

MARK = "EDGEBENCH_TEST_OF_FAULTS"
SCRIPTS = {
    "gone": "const f = fetch; fetch = (u, ...r) => f(String(u).replace('.wasm', '.gone'), ...r);",
    "wrong": """
        const f = fetch;
        fetch = async (url, ...rest) => {
          const answer = await f(url, ...rest);
          if (!/model.*bin/.test(url)) return answer;
          // Whole numbers among the weights, such as shapes, read as tiny floats; they stay.
          const changed = (w) => (Math.abs(w) > 1e-3 ? 1.5 * w : w);
          const weights = new Float32Array(await answer.arrayBuffer()).map(changed);
          return new Response(weights, { headers: answer.headers });
        };""",
    "hang": "addEventListener('load', () => { for (;;); });",
    "memory": """
        addEventListener('load', () => setTimeout(() => {
          const held = [];
          for (;;) held.push(new Array(1e6).fill(0).map(() => ({})));
        }));""",
    "uncaught": "addEventListener('load', () => setTimeout(() => { throw new Error('lost'); }));",
    "loud": "console.error('one'); console.warn('two'); console.error('three');",
}
SUITE = """
suite: faults
models: {net: {generate: blazeface_front, seed: 7}}
targets:
  good:     {driver: web-tfjs, variants: {plain: {wasm: plain}, simd: {wasm: simd}}}
  missing:  {driver: web-tfjs, browser: FOLDER/none, variants: {simd: {wasm: simd}}}
  old:      {driver: web-tfjs, browser: FOLDER/old, variants: {simd: {wasm: simd}}}
  gone:     {driver: web-tfjs, init_script: FOLDER/gone.js, variants: {simd: {wasm: simd}}}
  wrong:    {driver: web-tfjs, init_script: FOLDER/wrong.js, variants: {simd: {wasm: simd}}}
  uncaught: {driver: web-tfjs, init_script: FOLDER/uncaught.js, variants: {simd: {wasm: simd}}}
  loud:     {driver: web-tfjs, init_script: FOLDER/loud.js, variants: {simd: {wasm: simd}}}
  hang:
    driver: web-tfjs
    init_script: FOLDER/hang.js
    variants: {simd: {wasm: simd}}
    sampling: {timeout_s: 5}
  memory:
    driver: web-tfjs
    init_script: FOLDER/memory.js
    args: [--js-flags=--max-old-space-size=64]
    variants: {simd: {wasm: simd}}
sampling:
  blocks: 1
  memory_runs: 0
  seed: 1
  warmup: {iterations: 2, seconds: 0}
  timed: {iterations: 3}
"""
OLD = '#!/bin/sh\n[ "$1" = --version ] && exec echo Chromium 60.0.3112.113\nexit 3\n'


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """Play all faults in one session; return the lines of its runs, in order."""
    folder = tmp_path_factory.mktemp("faults")
    for name, script in SCRIPTS.items():
        (folder / f"{name}.js").write_text(script)
    (folder / "old").write_text(OLD)
    (folder / "old").chmod(0o755)
    (folder / "s.yaml").write_text(SUITE.replace("FOLDER", str(folder)))
    edgebench = Commander(folder, {**os.environ, MARK: str(folder)})
    run = edgebench("run", "s.yaml", "--out", "r", "--quiet")
    assert run.returncode == 1, run.stderr
    assert marked_processes(str(folder)) == []
    yield [json.loads(line) for line in (folder / "r" / "runs.jsonl").read_text().splitlines()]
    shutil.rmtree(folder)


def marked_processes(value: str) -> list[psutil.Process]:
    """Return the processes that were started below a command, wherever they stand now."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def of(runs: list[dict[str, Any]], target: str) -> dict[str, Any]:
    (run,) = [run for run in runs if run["cell"]["target"] == target]
    return run


@pytest.mark.parametrize(
    ("target", "outcome", "kind", "said"),
    [
        ("missing", "skipped", "browser-missing", "none"),
        ("old", "skipped", "browser-too-old", "60.0.3112.113 is too old"),
        ("gone", "failed", "page-error", ""),
        ("wrong", "failed", "output-mismatch", ""),
        ("uncaught", "failed", "page-error", "lost"),
        ("hang", "failed", "timed-out", "within 5 s"),
        ("memory", "failed", "browser-crashed", "crashed"),
    ],
)
def test_each_fault_is_a_stored_outcome_with_a_next_step(
    runs: list[dict[str, Any]], target: str, outcome: str, kind: str, said: str
) -> None:
    run = of(runs, target)
    assert (run["outcome"], run["error"]["class"]) == (outcome, kind), run["error"]
    assert said in run["error"]["message"]
    assert run["error"]["hint"]
    assert run["measurements"] == []


def test_the_next_cell_runs_whatever_happened_before_it(runs: list[dict[str, Any]]) -> None:
    good = [at for at, run in enumerate(runs) if run["cell"]["target"] == "good"]
    assert [runs[at]["outcome"] for at in good] == ["measured", "measured"]
    assert any(run["outcome"] == "failed" for run in runs[: good[-1]])


def test_console_errors_are_counted_and_fail_nothing(runs: list[dict[str, Any]]) -> None:
    loud = of(runs, "loud")
    assert loud["outcome"] == "measured"
    assert loud["conditions"]["console_errors"] == 2
    assert loud["conditions"]["uncaught_errors"] == 0


def test_what_a_failed_page_fetched_and_said_is_kept(runs: list[dict[str, Any]]) -> None:
    assert of(runs, "hang")["raw"]
    assert of(runs, "memory")["raw"]
    assert of(runs, "uncaught")["conditions"]["uncaught_errors"] == 1
