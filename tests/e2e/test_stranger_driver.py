"""A driver in a separate package runs a suite with no file of ours edited.

The package is the one that docs/writing-a-driver.md shows, so that page is executed too.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import Commander

pytestmark = pytest.mark.litert


def records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]


def test_the_documented_driver_is_listed_and_its_keys_are_checked(stranger: Commander) -> None:
    assert "edgebench_command:PLUGIN" in stranger("drivers").stdout
    assert stranger("validate", "suite.yaml").returncode == 0
    good = (stranger.folder / "suite.yaml").read_text()
    (stranger.folder / "bad.yaml").write_text(good.replace("{command: [", "{comand: [", 1))
    refused = stranger("validate", "bad.yaml")
    assert refused.returncode == 2
    assert "did you mean 'command'" in refused.stdout + refused.stderr


def test_the_documented_suite_gives_numbers_and_refuses_the_liar(stranger: Commander) -> None:
    run = stranger("run", "suite.yaml", "--out", "result", "--json", "--quiet")
    assert run.returncode == 1, run.stderr
    tables = {table["name"]: table for table in json.loads(run.stdout)["tables"]}
    assert "latency" in tables
    runs = records(stranger.folder / "result")
    assert {(r["cell"]["variant"], r["outcome"]) for r in runs} == {  # type: ignore[index]
        ("slow", "measured"),
        ("fast", "measured"),
        ("liar", "failed"),
    }
    errors = {r["error"]["class"] for r in runs if r["outcome"] == "failed"}  # type: ignore[index]
    assert errors == {"variant-mismatch"}


def test_a_precision_is_kept_by_a_session_that_was_cut_off(stranger: Commander) -> None:
    suite = (stranger.folder / "suite.yaml").read_text()
    asked = suite.replace("blocks: 2,", "precision: 2%, budget: 10min, replace_disturbed: 0,")
    (stranger.folder / "suite.yaml").write_text(asked)
    command = ("run", "suite.yaml", "--json", "--quiet")
    whole = stranger(*command, "--only", "variant=slow,variant=fast", "--out", "result")
    assert whole.returncode == 0, whole.stderr
    runs = stranger.folder / "result" / "runs.jsonl"
    lines = runs.read_bytes().splitlines(keepends=True)
    assert len(lines) == 12
    runs.write_bytes(b"".join(lines[:5]))
    resumed = stranger(*command, "--resume", "result")
    assert resumed.returncode == 0, resumed.stderr
    made = {r["run_id"] for r in records(stranger.folder / "result")}
    assert made == {run["run_id"] for run in map(json.loads, lines)}
    (latency,) = [t for t in json.loads(resumed.stdout)["tables"] if t["name"] == "latency"]
    assert {row["sampling"] for row in latency["rows"]} == {"6 blocks, ±0 % of 2 %"}


def test_a_folder_stays_readable_when_its_driver_is_gone(stranger: Commander) -> None:
    stranger("run", "suite.yaml", "--out", "kept", "--quiet")
    table = stranger.without("PYTHONPATH")("table", "kept", "--format", "markdown")
    assert table.returncode == 0, table.stderr
    assert "4.00" in table.stdout
    assert "2.00" in table.stdout


def test_a_name_claimed_twice_is_refused(stranger: Commander) -> None:
    info = stranger.folder / "twin" / "edgebench_twin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: edgebench-twin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[edgebench.drivers]\nweb-tfjs = edgebench_command:PLUGIN\n"
    )
    path = f"{stranger.environment['PYTHONPATH']}{os.pathsep}{info.parent}"
    refused = stranger.within(PYTHONPATH=path)("drivers")
    assert refused.returncode == 2
    assert "'web-tfjs' is claimed by" in refused.stderr
