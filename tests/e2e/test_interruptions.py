"""Whatever dies in the middle of a real run, what is finished is kept and nothing is left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from conftest import Commander

pytestmark = [pytest.mark.browser, pytest.mark.adb, pytest.mark.litert]

SUITE = """
suite: dying
models: {net: {generate: blazeface_front, seed: 7}}
targets:
  chromium: {driver: web-tfjs, variants: {simd: {wasm: simd}, plain: {wasm: plain}}}
  device: {driver: android-tflite, device: virtual, variants: {cpu: {threads: 1}}}
sampling:
  blocks: 2
  memory_runs: 0
  warmup: {iterations: 1, seconds: 0.2}
  timed: {iterations: 100000, max_seconds: 0.5}
"""


def records(folder: Path) -> list[dict[str, object]]:
    path = folder / "r" / "runs.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def started(edgebench: Commander) -> subprocess.Popen[str]:
    (edgebench.folder / "s.yaml").write_text(SUITE)
    return edgebench.start("run", "s.yaml", "--out", "r", "--quiet")


def wait_for(condition: object, what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def browsers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    def is_browser(child: psutil.Process) -> bool:
        try:
            command = child.cmdline()
        except psutil.Error:
            return False
        return any("--user-data-dir" in part for part in command) and not any(
            part.startswith("--type=") for part in command
        )

    return [child for child in family(process) if is_browser(child)]


def all_gone(members: list[psutil.Process]) -> bool:
    def alive(member: psutil.Process) -> bool:
        try:
            return member.is_running() and member.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return not any(alive(member) for member in members)


def test_a_browser_that_dies_costs_one_run(edgebench: Commander) -> None:
    process = started(edgebench)
    wait_for(lambda: records(edgebench.folder), "the first run")
    wait_for(lambda: browsers(process), "a browser")
    for browser in browsers(process):
        browser.kill()
    stdout, stderr = process.communicate(timeout=200)
    outcomes = [record["outcome"] for record in records(edgebench.folder)]
    assert process.returncode == 1, stderr
    assert outcomes.count("failed") == 1
    assert outcomes.count("measured") == 5
    assert "browser-crashed" in stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_signal_loses_a_finished_run_or_leaves_a_process(
    edgebench: Commander, number: signal.Signals
) -> None:
    process = started(edgebench)
    wait_for(lambda: len(records(edgebench.folder)) >= 2, "two runs")
    wait_for(lambda: browsers(process), "a browser")
    members = family(process)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 130)
    kept = records(edgebench.folder)
    assert len(kept) >= 2
    assert all(record["outcome"] == "measured" for record in kept)
    wait_for(lambda: all_gone(members), "every process to end")
    resumed = edgebench("run", "s.yaml", "--resume", "r", "--quiet")
    assert resumed.returncode == 0, resumed.stderr
    finished = records(edgebench.folder)
    assert finished[: len(kept)] == kept
    assert [record["outcome"] for record in finished] == ["measured"] * 6
