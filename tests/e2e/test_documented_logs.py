"""The commands of docs/reading-logs.md are run, in their order, on logs of the names that they use."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from conftest import Commander

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "benchmark_model"
PAGE = (ROOT / "docs" / "reading-logs.md").read_text()
FENCE = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in FENCE.findall(PAGE) for line in block.splitlines()]
DEBIAN = FIXTURES / "benchmark_model-2.14.1-debian"
LOGS = {
    "benchmark.txt": DEBIAN / "ok_cpu.stdout",
    "errors.txt": DEBIAN / "ok_cpu.stderr",
    "run-1.txt": DEBIAN / "ok_cpu.stdout",
    "run-2.txt": DEBIAN / "ok_cpu.stdout",
    "capture.json": FIXTURES / "benchmark_model-litert-f674577" / "plain.json",
    "logcat.txt": FIXTURES / "made_up" / "reconstructed_logcat_threadtime.txt",
}
# A log whose exit code nobody told is not proved; an empty stdin holds no run.
NOT_PROVED = {"edgebench parse logcat.txt --pid 25289", "edgebench parse -"}


def test_every_documented_command_on_logs_does_what_the_page_says(edgebench: Commander) -> None:
    assert len(COMMANDS) >= 8
    for name, source in LOGS.items():
        (edgebench.folder / name).write_bytes(source.read_bytes())
    for command in COMMANDS:
        said = edgebench(*shlex.split(command)[1:])
        assert said.returncode == (1 if command in NOT_PROVED else 0), command + said.stderr
        assert said.stdout, command
        if "--json" in command:
            (option,) = json.loads(said.stdout)["options"]
            assert option["outcome"] == "measured"
    table = edgebench("table", "results/from-logs", "--format", "markdown").stdout
    assert "pixel8-of-a-colleague" in table
    assert "Not proved: device" in table


@pytest.mark.parametrize("name", LOGS)
def test_every_log_of_the_page_is_one_that_it_uses(name: str) -> None:
    assert any(name in command for command in COMMANDS)
