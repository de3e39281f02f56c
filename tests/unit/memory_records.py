"""Record sets for the planner's tests, and checks of plans that share no code with it."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from harness.memory_plan.records import OffsetPlan, RecordSet, SharedPlan, UsageRecord

FIXTURES = Path(__file__).parents[1] / "fixtures" / "memory"
ORACLE: dict[str, Any] = json.loads((FIXTURES / "memory-oracle.json").read_text())
UNIT_TESTS: dict[str, Any] = ORACLE["unit_tests"]
MODELS: dict[str, list[list[int]]] = ORACLE["models"]["records"]


def record_set(rows: Sequence[Sequence[int]], title: str = "x") -> RecordSet:
    """Return records of (size, first, last) rows."""
    records = tuple(UsageRecord(f"t{n}", *row) for n, row in enumerate(rows))
    return RecordSet(
        title, "a test", "csv", records, max((r.last for r in records), default=-1) + 1
    )


def expected_totals() -> dict[str, dict[str, str]]:
    """Return model → column → MiB as text."""
    with (FIXTURES / "expected-totals.tsv").open() as file:
        return {row.pop("model"): row for row in csv.DictReader(file, delimiter="\t")}


def rows(most: int = 25) -> st.SearchStrategy[list[tuple[int, int, int]]]:
    """Draw (size, first, last) rows with many equal sizes, nothing in order."""
    size = st.one_of(st.sampled_from([0, 1, 8, 8, 16]), st.integers(0, 300))
    life = st.tuples(st.integers(0, 20), st.integers(0, 8)).map(lambda t: (t[0], sum(t)))
    return st.lists(st.tuples(size, life).map(lambda t: (t[0], *t[1])), max_size=most)


def live_at(records: RecordSet, task: int) -> list[int]:
    """Return the sizes of what lives during a task, largest first."""
    sizes = (r.size_bytes for r in records.records if r.first <= task <= r.last)
    return sorted(sizes, reverse=True)


def assert_shared_is_valid(records: RecordSet, plan: SharedPlan) -> None:
    """Each tensor fits into its object, and no two in one object live during one task."""
    assert len(plan.assignment) == len(records.records)
    assert set(plan.assignment) == set(range(len(plan.object_sizes)))
    assert plan.total_bytes == sum(plan.object_sizes)
    placed = list(zip(records.records, plan.assignment, strict=True))
    for number, size in enumerate(plan.object_sizes):
        assert size == max(r.size_bytes for r, object_ in placed if object_ == number)
    for (one, a), (other, b) in combinations(placed, 2):
        together = one.first <= other.last and other.first <= one.last
        assert not (together and a == b), (one, other)


def assert_offsets_are_valid(records: RecordSet, plan: OffsetPlan) -> None:
    """No byte belongs to two tensors during one task."""
    assert len(plan.offsets) == len(records.records)
    assert all(offset >= 0 for offset in plan.offsets)
    placed = list(zip(records.records, plan.offsets, strict=True))
    assert plan.total_bytes == max((o + r.size_bytes for r, o in placed), default=0)
    for (one, a), (other, b) in combinations(placed, 2):
        together = one.first <= other.last and other.first <= one.last
        share_bytes = max(a, b) < min(a + one.size_bytes, b + other.size_bytes)
        assert not (together and share_bytes), (one, other)
