"""An optimum is named only where it is proved; the exact solver agrees with trying everything."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from memory_records import (
    MODELS,
    assert_offsets_are_valid,
    assert_shared_is_valid,
    expected_totals,
    record_set,
    rows,
)

from harness.memory_plan import cp_sat
from harness.memory_plan.bounds import offset_bound, shared_bound
from harness.memory_plan.comparison import compare
from harness.memory_plan.optimum import offset_optimum, shared_optimum
from harness.memory_plan.records import RecordSet, UsageRecord
from harness.memory_plan.strategies import OFFSET, SHARED


def least_shared(records: tuple[UsageRecord, ...], objects: tuple[list[UsageRecord], ...]) -> int:
    """Return the least total of any way to fill objects, by trying them all."""
    if not records:
        return sum(max(r.size_bytes for r in members) for members in objects)
    record, rest = records[0], records[1:]
    totals = [least_shared(rest, (*objects, [record]))]
    for members in objects:
        if not any(record.conflicts(member) for member in members):
            members.append(record)
            totals.append(least_shared(rest, objects))
            members.pop()
    return min(totals)


def least_offsets(records: RecordSet) -> int:
    """Return the least arena: some order, each tensor as low as it can lie, makes every best."""
    return min(map(_lowest, permutations(records.records)), default=0)


def _lowest(order: tuple[UsageRecord, ...]) -> int:
    placed: list[tuple[int, int, UsageRecord]] = []
    for record in order:
        rivals = sorted((o, end) for o, end, other in placed if record.conflicts(other))
        offset = 0
        for start, end in rivals:
            if start - offset >= record.size_bytes:
                break
            offset = max(offset, end)
        placed.append((offset, offset + record.size_bytes, record))
    return max((end for _, end, _ in placed), default=0)


@settings(deadline=None, max_examples=25)
@given(rows(most=6))
def test_the_solver_finds_what_trying_everything_finds(drawn: list[tuple[int, int, int]]) -> None:
    records = record_set(drawn)
    known = SHARED["naive"](records)
    solved = cp_sat.best_shared(records, known)
    assert solved is not None
    plan, proved = solved
    assert proved
    assert_shared_is_valid(records, plan)
    assert plan.total_bytes == least_shared(records.records, ())
    placed = cp_sat.best_offsets(records, OFFSET["naive"](records))
    assert placed is not None
    assert placed[1]
    assert_offsets_are_valid(records, placed[0])
    assert placed[0].total_bytes == least_offsets(records)


@pytest.mark.parametrize("model", MODELS)
def test_the_optima_of_networks_are_those_that_were_published(model: str) -> None:
    compared = compare(record_set(MODELS[model]))
    expected = expected_totals()[model]
    shared, offset = compared.shared_optimum, compared.offset_optimum
    assert f"{shared.plan.total_bytes / 2**20:.3f}" == expected["shared:optimum"]
    assert shared.proved
    assert shared.proof == ("bound" if "v1" in model else "solver")
    assert offset.proof == "bound"
    assert f"{offset.plan.total_bytes / 2**20:.3f}" == expected["offset:bound"]


def test_the_same_records_give_the_same_optimal_plan() -> None:
    records = record_set(MODELS["inception_v3_299"])
    known = SHARED["greedy by size"](records)
    assert cp_sat.best_shared(records, known) == cp_sat.best_shared(records, known)


def test_without_the_solver_only_a_met_bound_proves_an_optimum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cp_sat, "available", lambda: False)
    records = record_set(MODELS["mobilenet_v2_1.0_224"])
    compared = compare(records)
    assert compared.shared_optimum.proof == "none"
    assert "OR-tools is not installed" in compared.shared_optimum.reason
    assert compared.offset_optimum.proof == "bound"


def test_a_solver_that_is_cut_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cp_sat, "SECONDS", 1e-9)
    records = record_set(MODELS["inception_v3_299"])
    known = SHARED["greedy by size"](records)
    optimum = shared_optimum(records, known, shared_bound(records))
    assert not optimum.proved
    assert "was cut" in optimum.reason
    placed = offset_optimum(records, OFFSET["greedy in order"](records), offset_bound(records))
    assert not placed.proved


def test_what_is_too_large_for_the_solver_is_not_proved() -> None:
    records = record_set([(64 + n % 7, n, n + n % 3) for n in range(400)])
    known = SHARED["naive"](records)
    optimum = shared_optimum(records, known, shared_bound(records))
    assert (optimum.plan, optimum.proved) == (known, False)
    assert "too many" in optimum.reason
    assert not offset_optimum(records, OFFSET["naive"](records), offset_bound(records)).proved
