"""`plan_memory: true`: planned bytes in the session's facts, and in the memory table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from report_folders import DEVICE, memory, run, session

from harness.graphs.builder import GraphBuilder
from harness.graphs.tflite_writer import write_tflite
from harness.memory_plan import kept_tensors
from harness.memory_plan.model_facts import PlannedModel, planned_model
from harness.model import Facts, Figure, ResultFolder, Table
from harness.report import tables
from harness.suite.load import parse

FACTS: dict[str, int | str] = {
    "tflite_sha256": "aa",
    "planned_arena_bytes": 3 * 2**20,
    "planned_least_bytes": 2 * 2**20,
    "planned_naive_bytes": 9 * 2**20,
}


def memory_table(facts: Facts, digest: str) -> Table:
    record = replace(session((DEVICE,), ("m",)), models={"m/fp32": facts})
    runs = tuple(
        replace(
            run(cell, 1, memory(tool_footprint=5 * 2.0**20), pass_="memory"),
            subject={"model_sha256": digest},
        )
        for cell in record.cells
    )
    return next(t for t in tables.build((ResultFolder("x", record, runs),)) if t.name == "memory")


def test_the_facts_of_a_file_are_bytes_of_its_plans(tmp_path: Path) -> None:
    net = GraphBuilder("net", 1)
    x = net.conv(net.input((1, 8, 8, 3)), 4)
    path = tmp_path / "net.tflite"
    path.write_bytes(write_tflite(net.build(net.relu(net.relu(x)))))
    planned = planned_model(path)
    assert planned.facts == {
        "planned_arena_bytes": 768 + 2 * 1024,
        "planned_least_bytes": 2 * 1024,
        "planned_naive_bytes": 2 * 1024,
    }
    assert planned.tensors is not None
    assert str(tmp_path).encode() not in planned.tensors
    kept = kept_tensors.from_bytes(planned.tensors, title="net", where="")
    assert [record.size_bytes for record in kept.records.records] == [1024, 1024]
    assert kept.shapes == ((1, 8, 8, 4), (1, 8, 8, 4))


def test_a_file_that_cannot_be_planned_says_why_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"")
    reason = "this .tflite file is damaged: it is empty"
    assert planned_model(path) == PlannedModel({"planned_absent": reason})


def test_planned_stands_beside_measured_in_columns_that_say_planned() -> None:
    found = memory_table(FACTS, "aa")
    planned = [column for column in found.columns if column.header.startswith("planned: ")]
    assert [column.key for column in planned] == ["planned_arena", "planned_least", "planned_naive"]
    place = found.columns.index(planned[0])
    assert [v.text for v in found.rows[0][place : place + 3] if isinstance(v, Figure)] == [
        "3.00",
        "2.00",
        "9.00",
    ]
    assert any("computed from the file, not measured" in note for note in found.notes)


def test_a_cell_that_ran_another_file_has_no_planned_figure() -> None:
    assert not [c for c in memory_table(FACTS, "bb").columns if "planned" in c.key]


def test_a_reason_without_figures_is_told() -> None:
    facts: dict[str, int | str] = {"tflite_sha256": "aa", "planned_absent": "it is empty"}
    found = memory_table(facts, "aa")
    assert "No planned memory of m/fp32: it is empty." in found.notes


def test_a_session_without_a_tflite_file_says_so_instead_of_nothing() -> None:
    facts = planned_model(None).facts
    found = memory_table({"tfjs_sha256": "bb", **facts}, "bb")
    note = "No planned memory of m/fp32: no target of this session runs its .tflite file."
    assert note in found.notes
    assert not [column for column in found.columns if "planned" in column.key]


def test_a_suite_asks_for_it() -> None:
    text = (
        "suite: s\nmodels: {m: {generate: mobilenet_v2}}\n"
        "targets: {t: {driver: android-tflite, device: virtual, variants: {a: {threads: 1}}}}\n"
    )
    assert parse(text, Path("s.yaml")).plan_memory is False
    assert parse(text + "plan_memory: true\n", Path("s.yaml")).plan_memory is True
