"""The shipped suite of several files, few blocks of it, from the command line to the tables."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

from harness import store
from harness.model import Cell, Measured, Skipped

pytestmark = [pytest.mark.adb, pytest.mark.litert]

CONFIG = Path(__file__).parents[2] / "configs" / "model-files.yaml"
FILES = ["fp32", "fp16", "dynamic", "int8"]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("files")
    run = Commander(folder, dict(os.environ))(
        "run", str(CONFIG), "--blocks", "1", "--only", "model=blazeface", "--out", "r", "--json"
    )
    assert run.returncode == 0, run.stderr + run.stdout
    return folder / "r", {table["name"]: table for table in json.loads(run.stdout)["tables"]}


def test_every_file_is_measured_and_its_outputs_are_compared_with_fp32(
    result: tuple[Path, dict[str, Any]],
) -> None:
    runs = [run for run in store.read(result[0]).runs if run.pass_ == "latency"]
    assert [type(run.outcome) for run in runs] == [Measured] * 8
    assert len({run.setting["inputs_sha256"] for run in runs}) == 1
    assert {run.conditions["output_compared_with"] for run in runs} == {"fp32"}
    worst = {
        file: max(
            float(str(run.proof.observed["output_max_relative_difference"]))
            for run in runs
            if run.cell.file == file
        )
        for file in FILES
    }
    assert worst["fp32"] < 1e-5 < worst["fp16"] < 0.01 < worst["dynamic"] < 0.1
    assert worst["dynamic"] < worst["int8"] < 0.25


def test_the_tables_show_size_and_what_the_delegate_took(
    result: tuple[Path, dict[str, Any]],
) -> None:
    files, delegates = result[1]["files"], result[1]["delegates"]
    assert [row["file"] for row in files["rows"]] == FILES
    said = json.dumps(delegates["rows"])
    assert "XNNPACK full, 90 of 90 nodes" in said
    assert "XNNPACK partial" in said  # integer kernels that XNNPACK lacks stay with the runtime


def test_a_target_that_cannot_take_a_file_has_a_row_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "suite: web\n"
        "models: {m: {generate: blazeface_front, seed: 7, files: [fp32, int8]}}\n"
        "targets: {page: {driver: web-tfjs, variants: {simd: {wasm: simd}}}}\n"
        "sampling: {blocks: 1, memory_runs: 0}\n"
    )
    run = Commander(tmp_path, dict(os.environ))(
        "run", "s.yaml", "--only", "file=int8", "--out", "r", "--progress", "quiet"
    )
    assert run.returncode == 3, run.stderr  # nothing but declared skips could be done
    [skipped] = store.read(tmp_path / "r").runs
    assert skipped.cell == Cell("m", "int8", "page", "simd")
    assert isinstance(skipped.outcome, Skipped)
    assert skipped.outcome.expected
    assert "has no TF.js file 'int8'" in skipped.outcome.failure.message
