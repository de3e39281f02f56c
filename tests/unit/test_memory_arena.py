"""TFLite's own arena: what its unit tests expect, from the facts that stand in a fixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.memory_plan.arena import ArenaGraph, ArenaNode, InPlace, SimpleArena, plan_arena

ORACLE: Any = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "memory" / "memory-oracle.json").read_text()
)["unit_tests"]
PLANNER = next(value for key, value in ORACLE.items() if key.startswith("arena_planner"))
OVER_FIRST = InPlace((0,))


def planner_graph(case: Any) -> ArenaGraph:
    nodes = tuple(
        ArenaNode(tuple(inputs), tuple(outputs), tuple(temporaries), OVER_FIRST)
        for inputs, outputs, temporaries in case["nodes [in,out,tmp]"]
    )
    named = {int(key): value for key, value in case.get("bytes", {}).items()}
    tensors = {
        index for node in nodes for index in (*node.inputs, *node.outputs, *node.temporaries)
    }
    tensors |= set(case["inputs"])
    sizes = {index: named.get(index, (index + 1) * 3) for index in tensors if index >= 0}
    return ArenaGraph(nodes, tuple(case["inputs"]), tuple(case["outputs"]), sizes)


@pytest.mark.parametrize("name", PLANNER)
def test_the_planner_puts_tensors_where_tflites_unit_tests_expect_them(name: str) -> None:
    case = PLANNER[name]
    plan = plan_arena(planner_graph(case), alignment=4)
    found = {
        str(tensor): plan.blocks[plan.shared.get(tensor, tensor)].offset
        for tensor in (*plan.blocks, *plan.shared)
    }
    assert {key: found[key] for key in case["offsets"]} == case["offsets"]


def test_the_arena_places_blocks_where_tflites_unit_tests_expect_them() -> None:
    case = ORACLE["simple_memory_arena"]
    arena = SimpleArena(case["alignment"])
    offsets = [
        arena.place(size, first, last).offset
        for size, first, last in case["allocs [size,first,last]"]
    ]
    assert offsets == case["offsets"]


def test_a_block_of_no_bytes_is_at_offset_0_and_in_nobodys_way() -> None:
    arena = SimpleArena(32)
    allocations = [(2047, 0, 4), (0, 1, 2), (1023, 1, 2), (2047, 3, 4)]
    assert [arena.place(*each).offset for each in allocations] == [0, 0, 2048, 2048]
