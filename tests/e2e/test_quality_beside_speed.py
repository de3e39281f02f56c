"""Quality beside speed, from the suite to the table: known answers in both lanes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Commander

from harness import store
from harness.artifacts import model_files
from harness.graphs.signature import read_signature
from harness.model import Measured
from harness.outputs import numbers, seeded_inputs
from harness.quality import wilson
from harness.suite.values import Generated, ModelSource
from harness.transports import litert

pytestmark = [pytest.mark.adb, pytest.mark.litert, pytest.mark.browser]

EXAMPLES = 6
WRONG = 2
SUITE = """
suite: quality
models:
  blazeface:
    generate: blazeface_front
    seed: 7
    evaluate: {{metric: accuracy, set: labelled.npz}}
    quality: {{metric: AP, value: 98.61, source: "the BlazeFace paper, table 2", sha256: {sha256}}}
targets:
  device: {{driver: android-tflite, device: virtual, variants: {{cpu: {{threads: 1}}}}}}
  page: {{driver: web-tfjs, variants: {{simd: {{wasm: simd}}}}}}
sampling: {{blocks: 1, memory_runs: 0, warmup: {{iterations: 1, seconds: 0}}, timed: {{iterations: 2}}}}
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("quality")
    source = ModelSource(
        "blazeface", "fp32", Generated("blazeface_front", 7), {}, (), "cpu", tolerance=1e-4
    )
    model = model_files(source)["tflite"]
    signature = read_signature(model)
    examples = [seeded_inputs(signature, 0, "quality", index) for index in range(EXAMPLES)]
    answers = litert.reference_outputs(model.path, examples)
    labels = np.array([int(numbers(answer[0]).argmax()) for answer in answers])
    # Of another class than every kernel says.
    labels[:WRONG] += 1
    stacked = np.stack([numbers(example[0])[0].astype(np.float32) for example in examples])
    np.savez(folder / "labelled.npz", **{signature[0].name: stacked, "labels": labels})  # type: ignore[arg-type]  # its stub takes a name for allow_pickle
    (folder / "suite.yaml").write_text(SUITE.format(sha256=model.sha256))
    run = Commander(folder, dict(os.environ))("run", "suite.yaml", "--out", "r", "--json")
    assert run.returncode == 0, run.stderr + run.stdout
    tables = json.loads(run.stdout)["tables"]
    return folder / "r", [table for table in tables if table["name"] == "quality"]


def test_both_lanes_score_the_labels_that_were_made_for_this_model(
    result: tuple[Path, list[dict[str, Any]]],
) -> None:
    runs = [run for run in store.read(result[0]).runs if run.pass_ == "quality"]
    right = EXAMPLES - WRONG
    for run in runs:
        assert isinstance(run.outcome, Measured)
        (score,) = run.outcome.measurements
        assert (score.metric, score.value) == ("quality_accuracy", right / EXAMPLES)
        ends = (run.conditions["quality_low"], run.conditions["quality_high"])
        assert ends == pytest.approx(wilson(right, EXAMPLES))
        assert run.conditions["quality_examples"] == EXAMPLES
    assert {run.cell.target for run in runs} == {"device", "page"}
    assert len({run.setting["labelled_sha256"] for run in runs}) == 1


def test_a_declared_quality_stands_only_beside_its_file(
    result: tuple[Path, list[dict[str, Any]]],
) -> None:
    told = {row["target"]: row for table in result[1] for row in table["rows"]}
    assert told["device"]["declared"] == "AP 98.61, says the BlazeFace paper, table 2"
    # The TF.js file has another hash, for which nothing was declared.
    assert told["page"]["declared"] == "of another file"
    for row in told.values():
        assert row["measured"]["text"] == "accuracy 0.667 [0.300, 0.903]"
        assert row["examples"]["value"] == EXAMPLES
