"""A cell stands beside another build exactly where its own files differ, and in the same blocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_plan import DRIVERS, a_suite

from harness import plan
from harness.errors import SuiteError
from harness.gate.builds import Build, Part, PartName
from harness.gate.twins import Builds, Twins, refuse_names_of_twins, twins_of
from harness.model import Cell
from harness.options import Sampling
from harness.plan import PlannedRun
from harness.retries import group_of
from harness.suite.values import Suite
from harness.twin_names import own_name, twin_name

MODEL0, MODEL1 = "model:m0/fp32/tflite", "model:m1/fp32/tflite"
TOOL, RUNTIME = "tool:t/x86_64", "runtime:d"


class Driver:
    """A driver as far as twins need one: its option is the bench."""

    model_format = "tflite"

    def bench(self, options: Any) -> str:
        return str(getattr(options, "bench", options)).partition("-")[0]


OF: Any = {"d": Driver()}


def part(content: str, name: str = "m.tflite", **facts: Any) -> Part:
    return Part(f"folder-{content}", content, name, len(content), {name: content}, facts)


def a_build(**changed: Part) -> Build:
    usual: dict[PartName, Part] = {
        MODEL0: part("zero"),
        MODEL1: part("one"),
        TOOL: part("tool", "tool", kind="benchmark_model"),
        RUNTIME: part("runtime", ""),
    }
    names = {"m0": MODEL0, "m1": MODEL1, "tool": TOOL, "runtime": RUNTIME}
    return Build({**usual, **{names[key]: value for key, value in changed.items()}})


def made(
    suite: Suite,
    candidate: Build,
    last_good: Build | None = None,
    reference: Build | None = None,
    **options: Any,
) -> tuple[Twins, list[PlannedRun]]:
    own = plan.cell_runs(suite, OF)
    before = last_good or a_build()
    builds = Builds(candidate, before, reference or before)
    return twins_of(own, OF, builds, lambda part: Path("/kept") / part.sha256, **options), own


def with_tools(suite: Suite, tool: str | None) -> Suite:
    targets = [
        replace(target, options=SimpleNamespace(bench="host", tool=tool))
        for target in suite.targets
    ]
    return replace(suite, targets=tuple(targets))


def test_only_the_cells_whose_files_differ_have_a_twin() -> None:
    twins, own = made(a_suite(2, {"host": 2}), a_build(m1=part("newer")))
    changed = [run.cell for run in own if run.cell.model == "m1"]
    assert list(twins.of["last good"]) == changed
    for cell, twin in twins.of["last good"].items():
        assert twin == replace(cell, target="host (last good)")
    (file,) = twins.models["m1", "fp32 (last good)"].values()
    assert (file.path, file.sha256) == (Path("/kept/folder-one/m.tflite"), "one")


def test_identical_builds_have_no_twins_unless_they_are_asked_for() -> None:
    assert made(a_suite(2, {"host": 2}), a_build())[0].runs == ()
    assert len(made(a_suite(2, {"host": 2}), a_build(), anyway=True)[0].runs) == 4


def test_another_runtime_gives_every_cell_of_its_driver_a_twin_that_runs_the_kept_one() -> None:
    twins, own = made(a_suite(2, {"host": 2}), a_build(runtime=part("newer", "")))
    assert len(twins.runs) == len(own)
    kept = twins.runs[0].target.kept
    assert kept is not None
    assert kept.runtime == Path("/kept/folder-runtime")
    assert kept.tools["t"]["x86_64"].path == Path("/kept/folder-tool/tool")


@pytest.mark.parametrize(("named", "twins"), [("t", 2), (None, 2), ("other", 0)])
def test_another_tool_matters_to_the_cells_that_run_it(named: str | None, twins: int) -> None:
    suite = with_tools(a_suite(1, {"host": 2}), named)
    newer = a_build(tool=part("newer", "tool", kind="benchmark_model"))
    assert len(made(suite, newer)[0].runs) == twins


def test_a_cell_that_last_good_does_not_have_stands_alone() -> None:
    before = Build({name: p for name, p in a_build().parts.items() if name != MODEL1})
    assert made(a_suite(2, {"host": 1}), a_build(), before)[0].runs == ()


def test_what_a_known_cell_runs_for_the_first_time_is_named() -> None:
    before = Build({name: p for name, p in a_build().parts.items() if name != RUNTIME})
    twins, own = made(a_suite(1, {"host": 1}), a_build(), before)
    assert twins.alone == {own[0].cell: RUNTIME}


def test_a_model_without_a_file_for_a_driver_has_no_twin_whatever_else_changed() -> None:
    newer = a_build(runtime=part("newer", ""))
    candidate = Build({name: p for name, p in newer.parts.items() if name != MODEL1})
    twins, _ = made(a_suite(2, {"host": 1}), candidate)
    assert {run.cell.model for run in twins.runs} == {"m0"}


def test_the_reference_has_runs_of_its_own_only_where_it_is_neither_build() -> None:
    suite = a_suite(1, {"host": 1})
    cell = Cell("m0", "fp32", "host", "v0")
    newer, older, oldest = (a_build(m0=part(name)) for name in ("newer", "older", "oldest"))
    three, _ = made(suite, newer, older, oldest)
    assert three.cell(cell, "reference") == replace(cell, target="host (reference)")
    assert len(three.runs) == 2
    two, _ = made(suite, newer, older, older)
    assert two.cell(cell, "reference") == two.cell(cell, "last good")
    assert len(two.runs) == 1
    back, _ = made(suite, oldest, older, oldest)
    assert back.cell(cell, "reference") is None


def test_twins_stand_in_every_block_of_their_model() -> None:
    suite = a_suite(2, {"host": 2})
    twins, own = made(suite, a_build(m0=part("newer")))
    planned = plan.make(suite, OF, blocks=3, seed=1, twins=twins.runs)
    for block in range(1, 4):
        runs = [r.cell for r in planned.runs if (r.pass_, r.block) == ("latency", block)]
        first = [cell for cell in runs if cell.model == "m0"]
        assert set(first) == {c for r in own if (c := r.cell).model == "m0"} | set(
            twins.of["last good"].values()
        )
        place = [runs.index(cell) for cell in first]
        assert max(place) - min(place) == len(first) - 1
    assert set(planned.cells) == {run.cell for run in own} | set(twins.of["last good"].values())
    memory = [run.cell for run in planned.runs if run.pass_ == "memory"]
    assert set(memory) == set(planned.cells)


def test_twins_have_latency_and_memory_runs_alone() -> None:
    suite = a_suite(1, {"host": 1})
    asking = Sampling(blocks=3, memory_runs=1, profile="ops", sustained=60.0)
    suite = replace(suite, targets=tuple(replace(t, sampling=asking) for t in suite.targets))
    twins, _ = made(suite, a_build(m0=part("newer")))
    planned = plan.make(suite, OF, twins=twins.runs)
    passes = {run.pass_ for run in planned.runs if run.cell in twins.of["last good"].values()}
    assert passes == {"latency", "memory"}
    assert {run.pass_ for run in planned.runs} == {"latency", "memory", "ops", "sustained"}


def test_a_selection_takes_the_twins_of_its_cells_along() -> None:
    suite = a_suite(1, {"host": 2})
    twins, _ = made(suite, a_build(m0=part("newer")))
    only = plan.parse_selection(["variant=v1"])
    planned = plan.make(suite, OF, only=only, twins=twins.runs)
    assert {run.cell.variant for run in planned.runs} == {"v1"}
    assert {run.cell.target for run in planned.runs} == {"host", "host (last good)"}


def test_a_block_that_is_added_for_a_failure_has_the_twin_too() -> None:
    cell = Cell("m", "fp32", "phone", "v")
    twin = replace(cell, target=twin_name("phone", "last good"))
    assert group_of(cell, "latency") == group_of(twin, "latency")
    assert group_of(cell, "memory") != group_of(twin, "memory")
    assert own_name(twin.target) == "phone"
    assert plan.own_cell(twin) == cell


def test_a_plan_without_twins_is_as_it_was() -> None:
    suite = a_suite()
    assert plan.make(suite, DRIVERS) == plan.make(suite, DRIVERS, twins=())


def test_a_suite_that_names_something_like_a_twin_is_refused() -> None:
    suite = a_suite(1, {"host (last good)": 1})
    with pytest.raises(SuiteError, match="own rows of another build"):
        refuse_names_of_twins(suite)
