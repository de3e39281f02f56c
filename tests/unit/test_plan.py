"""The plan: blocks hold every cell once, in a recorded random order; a resume makes the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import plan
from harness.errors import SuiteError
from harness.options import Sampling
from harness.suite.values import Generated, ModelSource, Suite, Target, Variant


class BenchDriver:
    """A driver as far as a plan needs one: its option is the bench."""

    def bench(self, options: str) -> str:
        return options


DRIVERS: Any = {"d": BenchDriver()}


def a_suite(models: int = 2, targets: dict[str, int] | None = None, memory_runs: int = 1) -> Suite:
    sampling = Sampling(blocks=3, memory_runs=memory_runs)
    return Suite(
        name="s",
        path=Path("s.yaml"),
        text="suite: s\n",
        models=tuple(
            ModelSource(f"m{i}", "fp32", Generated("n", 1), {}, (), "cpu", 1e-4)
            for i in range(models)
        ),
        targets=tuple(
            Target(
                name,
                "d",
                name.partition("-")[0],
                tuple(Variant(f"v{i}", SimpleNamespace()) for i in range(variants)),
                None,
                (),
                sampling,
            )
            for name, variants in (targets or {"host-web": 3, "host-device": 2}).items()
        ),
        tools=(),
        sampling=sampling,
    )


@given(
    models=st.integers(1, 3),
    variants=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    blocks=st.integers(1, 5),
    seed=st.integers(0, 99),
    memory_runs=st.integers(0, 2),
)
@settings(deadline=None, max_examples=50)
def test_every_block_holds_every_cell_of_its_model_once(
    models: int, variants: list[int], blocks: int, seed: int, memory_runs: int
) -> None:
    suite = a_suite(models, {f"host-{i}": n for i, n in enumerate(variants)}, memory_runs)
    planned = plan.make(suite, DRIVERS, blocks=blocks, seed=seed)
    (lane,) = planned.lanes
    per_model = sum(variants)
    latency = [run for run in lane.runs if run.pass_ == "latency"]
    assert len(latency) == models * per_model * blocks
    for start in range(0, len(latency), per_model):
        block = latency[start : start + per_model]
        assert len({run.cell for run in block}) == per_model
        assert len({(run.cell.model, run.block) for run in block}) == 1
    memory = [run for run in lane.runs if run.pass_ == "memory"]
    assert len(memory) == models * per_model * memory_runs
    assert lane.runs[len(latency) :] == tuple(memory)
    assert [run.order for run in lane.runs] == list(range(1, len(lane.runs) + 1))
    assert len({run.run_id(1) for run in lane.runs}) == len(lane.runs)


def test_the_same_seed_gives_the_same_order_and_another_seed_another() -> None:
    orders = [
        [run.key for run in plan.make(a_suite(), DRIVERS, seed=seed).runs] for seed in (1, 1, 2)
    ]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def test_the_order_within_blocks_is_not_the_order_of_the_file() -> None:
    runs = plan.make(a_suite(1), DRIVERS, blocks=12).runs
    first = {run.cell.variant + run.cell.target for run in runs[::5]}
    assert len(first) > 2


def test_more_blocks_keep_the_order_of_the_earlier_ones() -> None:
    few = plan.make(a_suite(memory_runs=0), DRIVERS, blocks=2).runs
    many = plan.make(a_suite(memory_runs=0), DRIVERS, blocks=5).runs
    assert [run.key for run in many[: len(few)]] == [run.key for run in few]


def test_each_bench_is_a_lane_of_its_own() -> None:
    planned = plan.make(a_suite(1, {"host-web": 1, "phone": 2}), DRIVERS)
    assert [lane.bench for lane in planned.lanes] == ["host", "phone"]
    assert {run.cell.target for run in planned.lanes[1].runs} == {"phone"}


def test_a_resume_makes_exactly_the_missing_runs() -> None:
    planned = plan.make(a_suite(), DRIVERS)
    done = {run.key for run in planned.runs[:7]}
    assert plan.without(planned, done).runs == planned.runs[7:]
    assert plan.without(planned, {run.key for run in planned.runs}).lanes == ()


def test_only_selects_by_name_and_says_what_there_is_when_nothing_is_left() -> None:
    only = plan.parse_selection(["model=m1,target=host-web", "variant=v0,variant=v2"])
    cells = plan.make(a_suite(), DRIVERS, only=only).cells
    assert sorted(cell.variant for cell in cells) == ["v0", "v2"]
    assert {cell.model for cell in cells} == {"m1"}
    with pytest.raises(SuiteError, match="no cell") as caught:
        plan.make(a_suite(), DRIVERS, only=plan.parse_selection(["model=nope"]))
    assert "m0/fp32 on host-web/v0" in caught.value.hint


@pytest.mark.parametrize("text", ["", "model", "modle=x", "model=a,,b"])
def test_a_selection_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(SuiteError, match="--only does not understand"):
        plan.parse_selection([text])


def test_a_pass_of_its_own_comes_last_once_per_cell_that_asks_for_it() -> None:
    suite = a_suite(2, {"host-web": 2, "host-device": 1})
    asking = replace(
        suite.targets[0],
        sampling=suite.sampling.model_copy(update={"profile": "ops", "sustained": 60.0}),
    )
    lane = plan.make(replace(suite, targets=(asking, suite.targets[1])), DRIVERS).lanes[0]
    extra = [run for run in lane.runs if run.pass_ not in {"latency", "memory"}]
    assert [run.pass_ for run in extra] == ["ops"] * 4 + ["sustained"] * 4
    assert {run.cell.target for run in extra} == {"host-web"}
    assert len({run.run_id(1) for run in lane.runs}) == len(lane.runs)
    assert [run.order for run in extra] == list(range(len(lane.runs) - 7, len(lane.runs) + 1))
    assert plan.estimated_seconds(extra[-1]) > 60


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("10min", 600.0), ("2h", 7200.0), ("1.5 min", 90.0), (5, 5.0)],
)
def test_a_duration_is_read_into_seconds(text: object, seconds: float) -> None:
    assert Sampling.model_validate({"sustained": text}).sustained == seconds


@pytest.mark.parametrize("text", ["10", "10m", "-1s", "min", 0, True])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="sustained"):
        Sampling.model_validate({"sustained": text})
