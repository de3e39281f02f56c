"""A gate over adb: the kept model goes to the device beside tonight's, which is twice as wide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

from harness.artifacts import model_files
from harness.graphs.network_options import ImageNetOptions
from harness.suite.values import Generated, ModelSource

pytestmark = [pytest.mark.adb, pytest.mark.litert]

SUITE = """
suite: wider
models: {net: {tflite: net.tflite}}
targets:
  device: {driver: android-tflite, device: virtual, variants: {cpu: {threads: 1}}}
sampling:
  memory_runs: 0
  replace_disturbed: 0
  warmup: {iterations: 1, seconds: 0}
  timed: {iterations: 10, max_seconds: 1}
gate: {confirm_blocks: 6}
"""


def model(width: float) -> Path:
    options = ImageNetOptions(width=width, size=128)
    network = Generated("mobilenet_v1", 7, options=options)
    source = ModelSource("n", "fp32", network, {}, (), "cpu", 1e-4)
    return model_files(source, ["tflite"])["tflite"].path


def test_a_wider_network_is_found_slower_and_its_file_larger_beside_the_kept_one(
    adb_of_its_own: Commander,
) -> None:
    folder = adb_of_its_own.folder
    (folder / "suite.yaml").write_text(SUITE)
    (folder / "net.tflite").write_bytes(model(0.25).read_bytes())
    first = adb_of_its_own("gate", "suite.yaml", "--out", "first", "--quiet")
    assert first.returncode == 0, first.stdout + first.stderr
    (folder / "net.tflite").write_bytes(model(1.0).read_bytes())
    wider = adb_of_its_own("gate", "suite.yaml", "--out", "wider", "--quiet")
    assert wider.returncode == 1, wider.stdout + wider.stderr
    record: dict[str, Any] = json.loads((folder / "wider" / "gate.json").read_text())
    verdicts = {each["what"]: each["verdict"] for each in record["judgements"]}
    assert verdicts["outcome"] == "unchanged"
    assert verdicts["latency"] == verdicts["file_bytes"] == "regressed"
    assert record["virtual"] == ["device"]
    assert (
        "edgebench version"
        in json.loads((folder / "results/wider/last-good/build.json").read_text())["environment"][
            "host"
        ]
    )
