"""A decision as tables: red on top, virtual devices apart, and names that are hostile do no harm."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gate_parts import CELL, LAST_GOOD, REFERENCE, TWINS, at, build, decided, found

from harness.gate.tables import gate_tables
from harness.gate.twins import Builds
from harness.model import Figure, Table
from harness.plugins import registry
from harness.report.virtual_section import VIRTUAL_SECTION
from harness.store.gate_record import EnvironmentChange, GateRecord

SLOWER = {CELL: at(1.05), LAST_GOOD: at(1.0), REFERENCE: at(0.99)}


@pytest.fixture(scope="module")
def red() -> GateRecord:
    heaps = {CELL: 2.0e6, LAST_GOOD: 1e6, REFERENCE: 1e6}
    record = decided(
        found(SLOWER, heaps=heaps),
        found(SLOWER, 12, heaps, rounds=12),
        twins=TWINS,
        builds=Builds(build("c"), build("b"), build("a")),
    )
    return replace(record, environment=(EnvironmentChange("host", "kernel", "6.1", "6.2"),))


def named(tables: tuple[Table, ...]) -> dict[str, Table]:
    return {table.name: table for table in tables}


def test_every_family_has_one_unit_and_says_its_rule(red: GateRecord) -> None:
    tables = named(gate_tables(red))
    assert list(tables) == [
        "gate",
        "gate_latency",
        "gate_memory",
        "gate_file_size",
        "gate_drift",
        "gate_environment",
    ]
    assert tables["gate"].title == "Gate: red"
    assert tables["gate"].notes[0] == "Red: 2 regressed."
    latency = tables["gate_latency"]
    keys = [column.key for column in latency.columns]
    (row,) = latency.rows
    change = row[keys.index("change")]
    assert isinstance(change, Figure)
    assert change.low is not None
    assert change.text.startswith("+")
    assert "ms" in {column.unit for column in latency.columns}
    assert "from 2 % on" in latency.notes[0]


def test_rows_of_virtual_devices_stand_in_a_section_of_their_own(red: GateRecord) -> None:
    assert {table.section for table in gate_tables(red)} == {""}
    virtual = gate_tables(replace(red, virtual=(CELL.target,)))
    sections = {table.name: table.section for table in virtual}
    assert sections["gate_latency"] == sections["gate_drift"] == VIRTUAL_SECTION


@pytest.mark.parametrize(
    ("name", "harm"),
    [("markdown", "1|<"), ("html", "<script>"), ("csv", "\n=1+1"), ("latex", "\\input{x}")],
)
def test_every_format_takes_names_that_are_hostile(red: GateRecord, name: str, harm: str) -> None:
    hostile = replace(CELL, model="=1+1|<script>\\input{x}")
    judged = tuple(replace(each, cell=hostile) for each in red.judgements)
    text = registry("formats").get(name).render(gate_tables(replace(red, judgements=judged)))
    assert harm not in text


def test_a_first_night_says_what_it_kept() -> None:
    record = GateRecord("s", "", "c" * 64, "", green=True, moved=True, first_night=True)
    (table,) = gate_tables(record)
    assert table.notes[0].startswith("The first night")
    assert "cccccccccccc is the last good one" in table.notes[1]
