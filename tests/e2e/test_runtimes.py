"""One model in TF.js, LiteRT.js, onnxruntime-web and Node: one suite, one table, one reference."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Commander

from harness import store
from harness.model import Failed, Measured, RunResult

pytestmark = [pytest.mark.browser, pytest.mark.litert]

CONFIG = Path(__file__).parents[2] / "configs" / "runtimes.yaml"
WRONG = Path(__file__).parents[1] / "fixtures" / "web" / "wrong_output.js"
VARIANTS = {"tfjs": "simd", "litert-js": "compat", "onnxruntime-web": "simd-1t", "node": "simd"}
QUICK = {
    "blocks": 1,
    "memory_runs": 0,
    "warmup": {"iterations": 2, "seconds": 0},
    "timed": {"iterations": 3},
}


def runs_of(folder: Path, suite: dict[str, Any]) -> tuple[dict[str, RunResult], str]:
    """Run a suite; return its runs by target, and the tables as JSON."""
    (folder / "suite.yaml").write_text(json.dumps(suite))
    said = Commander(folder, dict(os.environ))("run", "suite.yaml", "--out", "r", "--json")
    assert said.returncode in {0, 1}, said.stderr
    return {run.cell.target: run for run in store.read(folder / "r").runs}, said.stdout


def shipped(**keys: dict[str, Any]) -> dict[str, Any]:
    """The shipped suite with its smaller model, one variant of each target, and more keys of some."""
    suite: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    targets = {
        name: {
            "driver": suite["targets"][name]["driver"],
            "variants": {variant: suite["targets"][name]["variants"][variant]},
            **keys.get(name.replace("-", "_"), {}),
        }
        for name, variant in VARIANTS.items()
    }
    models = {"blazeface": suite["models"]["blazeface"]}
    return {"suite": "few", "models": models, "targets": targets, "sampling": QUICK}


def test_all_four_stand_in_one_table_checked_against_one_reference(tmp_path: Path) -> None:
    runs, stdout = runs_of(tmp_path, shipped())
    assert {type(run.outcome) for run in runs.values()} == {Measured}
    assert runs.keys() == VARIANTS.keys()
    references = {str(run.conditions["output_reference_sha256"]) for run in runs.values()}
    assert len(references) == 1
    assert {run.conditions["output_check"] for run in runs.values()} == {"ok within 0.0001"}
    assert len({run.setting["inputs_sha256"] for run in runs.values()}) == 1
    assert len({run.subject["model_sha256"] for run in runs.values()}) == 3
    tables = {table["name"]: table for table in json.loads(stdout)["tables"]}
    latency = next(table for name, table in tables.items() if name.startswith("latency"))
    assert [row["target"] for row in latency["rows"]] == list(VARIANTS)


def test_a_wrong_output_of_any_of_them_is_a_failed_row(tmp_path: Path) -> None:
    script = {"init_script": str(WRONG)}
    in_node = {"args": ["--require", str(WRONG)]}
    suite = shipped(tfjs=script, litert_js=script, onnxruntime_web=script, node=in_node)
    runs, _ = runs_of(tmp_path, suite)
    assert runs.keys() == VARIANTS.keys()
    for run in runs.values():
        assert isinstance(run.outcome, Failed), run.cell
        assert run.outcome.failure.kind == "output-mismatch"
        difference = run.proof.observed["output_max_relative_difference"]
        assert float(str(difference)) == pytest.approx(0.01, rel=0.01)
