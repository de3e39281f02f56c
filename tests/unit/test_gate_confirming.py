"""Fresh blocks are of the flagged cells and their twins alone, and as many as can prove something."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from test_gate_twins import OF, a_build, made, part
from test_plan import a_suite

from harness import plan
from harness.cli.gate_session import Gate, check_accepted, confirming
from harness.cli.run import Prepared
from harness.errors import SuiteError
from harness.gate.collecting import Collected
from harness.gate.last_good import LastGood
from harness.gate.observing import Key
from harness.model import Cell
from harness.selection import parse_selection

CELL = Cell("m0", "fp32", "host", "v0")
OTHER = Cell("m0", "fp32", "host", "v1")


@pytest.fixture
def gate() -> Gate:
    suite = a_suite(2, {"host": 2})
    candidate = a_build(m0=part("newer"), m1=part("newer too"))
    twins, _ = made(suite, candidate)
    planned = plan.make(suite, OF, blocks=6, seed=1, twins=twins.runs)
    prepared = Prepared(OF, {}, {})
    return Gate(LastGood(Path("k")), planned, prepared, Collected(candidate, {}), None, None, twins)


def runs(gate: Gate, *flagged: Key) -> list[Any]:
    return [(run.cell, run.pass_, run.block) for run in confirming(gate, flagged).runs]


def test_only_what_was_flagged_is_measured_again(gate: Gate) -> None:
    found = runs(gate, (CELL, "latency", "last good"))
    assert {cell for cell, _, _ in found} == {CELL, gate.twins.cell(CELL, "last good")}
    assert {(pass_, block) for _, pass_, block in found} == {("latency", n) for n in range(1, 13)}


def test_rounds_of_memory_are_made_where_memory_was_flagged(gate: Gate) -> None:
    found = runs(gate, (CELL, "latency", "last good"), (OTHER, "wasm_heap", "last good"))
    memory = [(cell, block) for cell, pass_, block in found if pass_ == "memory"]
    assert len(memory) == 2 * 2 * 12


def test_so_many_blocks_are_made_that_something_of_what_was_flagged_can_be_proved(
    gate: Gate,
) -> None:
    many = [(CELL, f"metric_{n}", "last good") for n in range(204)]
    assert confirming(gate, cast("list[Key]", many)).blocks == 12
    assert confirming(gate, cast("list[Key]", many * 3)).blocks == 14


def test_fresh_blocks_have_an_order_of_their_own_that_is_on_record(gate: Gate) -> None:
    assert confirming(gate, [(CELL, "latency", "last good")]).seed == gate.planned.seed + 1


def test_accepting_no_cell_at_all_is_refused(gate: Gate) -> None:
    check_accepted(gate, parse_selection(["model=m1"]))
    with pytest.raises(SuiteError, match="names no cell"):
        check_accepted(gate, parse_selection(["model=m2"]))
