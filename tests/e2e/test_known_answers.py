"""What goes in is known: a page with an injected clock, a device program that prints a known log.

The exact table must come out: units, statistics, ratios with their intervals, failed rows.
"""

from __future__ import annotations

import json
import os
import platform
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

pytestmark = [pytest.mark.browser, pytest.mark.adb, pytest.mark.litert]

KNOWN = Path(__file__).parents[1] / "fixtures" / "known"
ABI = {"aarch64": "arm64-v8a", "arm64": "arm64-v8a"}.get(platform.machine(), platform.machine())
TOOL = KNOWN / "made_up_benchmark_model"
SUITE = f"""
suite: known
models: {{net: {{generate: blazeface_front, seed: 7}}}}
tools: {{made_up: {{{ABI}: {TOOL}, sha256: {sha256(TOOL.read_bytes()).hexdigest()}}}}}
targets:
  page:
    driver: web-tfjs
    init_script: {KNOWN / "made_up_clock.js"}
    baseline: plain
    variants: {{plain: {{wasm: plain}}, simd: {{wasm: simd}}}}
  device:
    driver: android-tflite
    device: virtual
    tool: made_up
    baseline: one
    variants:
      one: {{threads: 1}}
      two: {{threads: 2}}
      crash: {{threads: 3}}
      capped: {{threads: 4}}
sampling:
  blocks: 6
  replace_disturbed: 0
  warmup: {{iterations: 1, seconds: 0}}
  timed: {{iterations: 5}}
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], Any]:
    """Run the suite; return its tables by name and by whether they are of the virtual device."""
    folder = tmp_path_factory.mktemp("known")
    (folder / "known.yaml").write_text(SUITE)
    run = Commander(folder, dict(os.environ))("run", "known.yaml", "--out", "r", "--json")
    assert run.returncode == 1, run.stderr
    found = json.loads(run.stdout)["tables"]
    return {(table["name"], bool(table["section"])): table for table in found}


def texts(table: Any, *keys: str) -> list[list[str | None]]:
    """Return what a person sees in some columns, row by row."""

    def text(value: Any) -> str | None:
        return str(value["text"]) if isinstance(value, dict) else value

    return [[text(row[key]) for key in keys] for row in table["rows"]]


def test_latency_in_the_browser(tables: dict[tuple[str, bool], Any]) -> None:
    latency = tables["latency", False]
    assert texts(latency, "variant", "statistic", "time", "spread", "runs", "verdict") == [
        ["plain", "p50", "40.0", "40.0–40.0", "6", None],
        ["simd", "p50", "10.0", "10.0–10.0", "6", "faster"],
    ]
    assert texts(latency, "speedup") == [["baseline"], ["4.00× [4.00, 4.00]"]]
    (time,) = [column for column in latency["columns"] if column["key"] == "time"]
    assert time["unit"] == "ms"


def test_latency_on_the_device_with_its_failed_rows(tables: dict[tuple[str, bool], Any]) -> None:
    latency = tables["latency", True]
    assert texts(latency, "variant", "statistic", "time", "runs", "verdict") == [
        ["one", "p50", "8.00", "6", None],
        ["two", "p50", "2.00", "6", "faster"],
        ["crash", None, None, "0/6", "failed: crashed"],
        ["capped", None, None, "0/6", "failed: variant-mismatch"],
    ]
    assert texts(latency, "speedup")[1] == ["4.00× [4.00, 4.00]"]


def test_cold_start(tables: dict[tuple[str, bool], Any]) -> None:
    assert texts(tables["cold_start", False], "variant", "init", "load", "first_inference") == [
        ["plain", "20.0", "40.0", "120"],
        ["simd", "20.0", "40.0", "30.0"],
    ]
    assert texts(tables["cold_start", True], "variant", "init", "first_inference") == [
        ["one", "5.00", "24.0"],
        ["two", "5.00", "6.00"],
    ]


def test_memory_of_the_tool(tables: dict[tuple[str, bool], Any]) -> None:
    rows = texts(tables["memory", True], "variant", "tool_footprint", "peak_rss")
    assert rows[:2] == [["one", "6.00", "9.00"], ["two", "6.00", "9.00"]]


def test_coverage_says_why_and_what_to_do(tables: dict[tuple[str, bool], Any]) -> None:
    rows = tables["coverage", True]["rows"]
    said = json.dumps(rows)
    assert "crashed" in said
    assert "threads asked 4, observed 1" in said
    assert all(row["next_step"] for row in rows)


def test_two_threads_are_set_against_one(tables: dict[tuple[str, bool], Any]) -> None:
    assert texts(tables["threads", True], "variant", "threads", "over_one", "share") == [
        ["one", "1", "1 thread", None],
        ["two", "2", "4.00× faster [4.00, 4.00]", "200 %"],
    ]


def test_what_simd_buys_and_costs(tables: dict[tuple[str, bool], Any]) -> None:
    bought = tables["buys_and_costs", False]
    assert texts(bought, "variant", "simd", "threads", "first_result", "isolation") == [
        ["plain", "base", None, None, "no"],
        ["simd", "4.00× [4.00, 4.00]", None, "−90.0", "no"],
    ]
    # The sizes of the files in TF.js 4.22.0.
    assert texts(bought, "wasm_bytes") == [["304"], ["415"]]


def test_a_made_up_tool_is_never_litert_beside_the_browser(
    tables: dict[tuple[str, bool], Any],
) -> None:
    assert "native" not in {name for name, _ in tables}
