"""`edgebench models`: what it counts is what is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from network_cases import CASES, built

from harness.cli import arguments, models
from harness.errors import HarnessError
from harness.graphs.tfjs_writer import write_tfjs
from harness.graphs.tflite_precisions import write_tflite_file
from harness.graphs.written_files import weight_bytes, why_not_written
from harness.outputs import PRECISIONS
from harness.plugins import registry


def said(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, list[dict[str, Any]]]:
    models.execute(arguments.parse(["models", *words, "--json"]))
    return {table["name"]: table["rows"] for table in json.loads(capsys.readouterr().out)["tables"]}


def test_every_network_has_a_row_and_every_option_a_meaning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables = said(capsys)
    assert [row["name"] for row in tables["models"]] == list(registry("models").names)
    assert all(
        row["parameters"]["value"] > 0 and row["macs"]["value"] > 0 for row in tables["models"]
    )
    assert {row["option"] for row in tables["options"]} >= {"width", "sequence", "history"}
    assert all(row["meaning"] for row in tables["options"])


def test_a_network_is_counted_with_the_options_that_are_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [row] = said(capsys, "bert", "layers=12", "hidden=768", "heads=12")["models"]
    assert row["parameters"]["value"] == 109_482_240
    assert (row["int8_size"], row["fp16_size"]["text"]) == (None, "218")
    assert row["from"] == "harness.models.bert"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bertt"], "no model named 'bertt'"),
        (["bert", "nope=1"], "nope"),
        (["bert", "heads=7"], "`heads` must divide `hidden`"),
        (["bert", "layers"], "'layers' is not understood"),
        (["mobilenet_v2", "width=wide"], "width"),
    ],
)
def test_a_slip_is_refused_with_a_next_step(words: list[str], told: str) -> None:
    with pytest.raises(HarnessError) as refused:
        models.execute(arguments.parse(["models", *words]))
    assert told in str(refused.value)
    assert refused.value.hint
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", CASES)
def test_the_size_that_is_told_is_that_of_the_file_but_for_its_graph(
    case: str, precision: Any
) -> None:
    graph = built(case)
    if why_not_written(graph, "tflite", precision):
        return
    told, found = weight_bytes(graph, precision), len(write_tflite_file(graph, precision))
    operators = len(graph.nodes) * (25 if case == "recommendation_rnn" else 3)
    channels = sum(node.shape[-1] for node in graph.nodes)  # each may have a scale, in 12 bytes
    assert 0 < found - told < 600 * operators + 12 * channels
    if precision == "fp32":
        files = write_tfjs(graph)
        assert (
            0 <= sum(map(len, files.values())) - len(files["model.json"]) - told < 100 * operators
        )
