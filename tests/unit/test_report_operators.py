"""The operator tables on made-up profiles."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import DEVICE, session

from harness.errors import SuiteError
from harness.model import (
    Cell,
    Figure,
    Measured,
    Measurement,
    OperatorTime,
    ResultFolder,
    RunResult,
    Table,
)
from harness.report.operators import HEAVIEST, operator_tables
from harness.store.records import run_from_record, run_to_line

TARGET = replace(DEVICE, extra_passes=("ops",))


def profiled(variant: str, operators: tuple[OperatorTime, ...]) -> RunResult:
    return RunResult(
        run_id=f"ops-{variant}",
        cell=Cell("mobilenet_v2", "fp32", "device", variant),
        bench="host",
        pass_="ops",
        block=1,
        order=1,
        attempt=1,
        outcome=Measured((Measurement("operators_total", "s", 1e-3),), operators),
        started_utc="2026-01-01T00:00:00+00:00",
        duration_s=1.0,
    )


def tables(**variants: tuple[OperatorTime, ...]) -> tuple[Table, ...]:
    runs = tuple(profiled(name.replace("_", "-"), found) for name, found in variants.items())
    return operator_tables([ResultFolder("r", session((TARGET,), ("mobilenet_v2",)), runs)])


def conv(index: int, mean_s: float, type_: str = "CONV_2D", graph: str = "") -> OperatorTime:
    return OperatorTime(type_, f"layer:{index}", mean_s, 1, graph)


def test_what_happens_inside_of_a_delegates_node_is_counted_once() -> None:
    node = OperatorTime("TfLiteXNNPackDelegate", "node:0", 0.004)
    inner = (conv(0, 0.003, graph="delegate"), conv(1, 0.001, graph="delegate"))
    (table,) = tables(cpu_1=(node, *inner))
    assert [row[0] for row in table.rows] == ["TfLiteXNNPackDelegate node:0", "all"]
    assert any("inside" in note for note in table.notes)


def test_variants_that_ran_other_operators_are_compared_by_type() -> None:
    (table,) = tables(
        cpu_1=(conv(0, 0.002), conv(1, 0.001)), cpu_2=(conv(0, 0.004, "Convolution"),)
    )
    assert [row[0] for row in table.rows] == ["CONV_2D", "Convolution", "all"]
    assert table.rows[0][3] is None


def test_more_operators_than_fit_stand_in_one_row() -> None:
    (table,) = tables(cpu_1=tuple(conv(i, 0.001 * (i + 1)) for i in range(HEAVIEST + 4)))
    assert len(table.rows) == HEAVIEST + 2
    assert table.rows[-2][0] == "4 others"


def test_a_profile_of_zeros_has_shares_of_zero() -> None:
    (table,) = tables(cpu_1=(conv(0, 0.0), conv(1, 0.0)))
    share = table.rows[0][2]
    assert isinstance(share, Figure)
    assert share.value == 0


def test_folders_without_a_profile_are_told_what_to_do() -> None:
    with pytest.raises(SuiteError) as refusal:
        tables()
    assert "profile: ops" in refusal.value.hint


TIMES = st.floats(0, 10, allow_nan=False)
OPERATORS = st.lists(
    st.builds(OperatorTime, st.text(max_size=8), st.text(max_size=8), TIMES, st.integers(1, 9)),
    max_size=20,
)


@settings(deadline=None, max_examples=60)
@given(OPERATORS.filter(bool), OPERATORS.filter(bool))
def test_the_rows_add_up_to_all(first: list[OperatorTime], second: list[OperatorTime]) -> None:
    (table,) = tables(cpu_1=tuple(first), cpu_2=tuple(second))
    for column, operators in ((1, first), (3, second)):
        values = [row[column] for row in table.rows]
        *parts, whole = [value.value if isinstance(value, Figure) else 0.0 for value in values]
        assert sum(parts) == pytest.approx(whole, rel=1e-6, abs=1e-9)
        assert (whole > 0) == any(each.mean_s > 0 for each in operators) or whole < 1e-9


@settings(deadline=None, max_examples=60)
@given(OPERATORS)
def test_a_profile_survives_the_store(operators: list[OperatorTime]) -> None:
    run = profiled("cpu-1", tuple(operators))
    assert run_from_record(json.loads(run_to_line(run))) == run
