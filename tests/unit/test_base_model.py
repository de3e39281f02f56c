"""Models that are compared to a base model share blocks, and are ratios of those blocks."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import suite_fakes
from report_folders import CHROMIUM, failed, folder, session, times

from harness import plan
from harness.model import Cell, Figure, Outcome, ResultFolder
from harness.report import tables
from harness.suite.finding import SuiteMistakes
from harness.suite.load import parse

SUITE = """\
suite: s
{base}
models:
  big: {{generate: mobilenet_v2}}
  small: {{generate: mobilenet_v2, matrix: {{seed: [1, 2]}}}}
targets:
  web: {{driver: web-tfjs, variants: {{plain: {{wasm: plain}}, simd: {{wasm: simd}}}}}}
sampling: {{blocks: 6}}
"""


def planned(base: str) -> plan.Plan:
    suite = parse(SUITE.format(base=base), Path("s.yaml"), plugins=suite_fakes.plugins)
    drivers: dict[str, Any] = suite_fakes.DRIVERS
    return plan.make(suite, drivers)


def test_a_base_model_puts_all_models_into_one_block() -> None:
    (lane,) = planned("base_model: big").lanes
    latency = [run for run in lane.runs if run.pass_ == "latency"]
    in_order = [run.block for run in latency]
    assert in_order == sorted(in_order)
    first = [run.cell.model for run in latency if run.block == 1]
    assert sorted(set(first)) == ["big", "small-seed-1", "small-seed-2"]
    # Models are mixed in a block, not one after the other.
    assert first != sorted(first)


def test_without_one_each_model_has_blocks_of_its_own() -> None:
    (lane,) = planned("").lanes
    models = [run.cell.model for run in lane.runs if run.pass_ == "latency" and run.block == 1]
    assert models == sorted(models, key=models.index)
    assert models[0] == models[1]


def test_a_base_model_that_there_is_not_is_a_mistake_at_its_place() -> None:
    with pytest.raises(SuiteMistakes) as caught:
        planned("base_model: small")
    (finding,) = caught.value.findings
    assert finding.line == 2
    assert "small-seed-1" in str(caught.value)


def results(base: str | None, *, broken: str = "") -> ResultFolder:
    record = session((CHROMIUM,), ("base", "quick"), blocks=10, base_model=base)
    dice = random.Random(1)
    # Each block is slow or fast as a whole, much more than the models differ.
    drift = [dice.lognormvariate(0, 0.5) for _ in range(11)]

    def outcome_of(cell: Cell, block: int) -> Outcome:
        if cell.variant == broken and cell.model == "quick":
            return failed()
        own = 0.01 if cell.model == "base" else 0.008
        return times(own * drift[block] * dice.lognormvariate(0, 0.002))

    made = folder(record, outcome_of)
    shaped = [
        replace(run, setting={**run.setting, "inputs_sha256": f"of {run.cell.model}"})
        for run in made.runs
    ]
    return replace(made, runs=tuple(shaped))


def rows(of: ResultFolder) -> list[dict[str, Any]]:
    built = {table.name: table for table in tables.build([of])}
    table = built["models"]
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]


def test_models_are_compared_block_by_block_although_their_inputs_differ() -> None:
    by_model = {(row["model"], row["variant"]): row["over_base"] for row in rows(results("base"))}
    assert by_model["base", "simd"] == "base"
    quick = by_model["quick", "simd"]
    assert isinstance(quick, Figure)
    assert quick.value == pytest.approx(1.25, rel=0.01)
    # The drift of whole blocks is not in the interval.
    assert (quick.high or 0) - (quick.low or 9) < 0.02
    assert "faster" in quick.text


def test_a_model_that_failed_has_no_ratio_and_a_reason() -> None:
    found = {
        (r["model"], r["variant"]): r["over_base"] for r in rows(results("base", broken="simd"))
    }
    assert found["quick", "simd"] is None
    built = {table.name: table for table in tables.build([results("base", broken="simd")])}
    assert any("quick has no time here" in note for note in built["models"].notes)


def test_without_a_base_model_there_is_no_such_table() -> None:
    assert "models" not in {table.name for table in tables.build([results(None)])}
