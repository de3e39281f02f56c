"""Which part of a plan one of several machines makes: whole benches, about as long for each.

A bench is never divided: the runs of a block are compared with each other, so they belong to one
session on one machine. Who makes what follows from the plan alone, so machines that have the same
suite and the same devices.yaml agree without asking each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.model import ShardRecord
from harness.plan import Plan, estimated_seconds


def shards_of(plan: Plan, count: int) -> Mapping[str, int]:
    """Return the part of `count` that makes each bench of a plan.

    The longest lane goes first, always to the part with the least to do, the first of equals.
    """
    seconds = {lane.bench: sum(map(estimated_seconds, lane.runs)) for lane in plan.lanes}
    busy = [0.0] * count
    parts: dict[str, int] = {}
    for bench in sorted(seconds, key=lambda bench: (-seconds[bench], bench)):
        part = busy.index(min(busy))
        busy[part] += seconds[bench]
        parts[bench] = part + 1
    return {lane.bench: parts[lane.bench] for lane in plan.lanes}


def cut(plan: Plan, index: int, count: int) -> Plan:
    """Return part `index` of `count` of a plan; one without lanes has nothing to do."""
    parts = shards_of(plan, count)
    return replace(
        plan,
        lanes=tuple(lane for lane in plan.lanes if parts[lane.bench] == index),
        shard=ShardRecord(
            index=index,
            count=count,
            benches=parts,
            targets=tuple(target.name for target in plan.suite.targets),
        ),
    )


def told(shard: ShardRecord) -> str:
    """Say what a shard makes, and what the others make."""
    own = [bench for bench, part in shard.benches.items() if part == shard.index]
    others = [
        f"{bench} ({part}/{shard.count})"
        for bench, part in shard.benches.items()
        if part != shard.index
    ]
    makes = ", ".join(own) or "nothing to do, there are fewer benches than shards"
    rest = f"; others make {', '.join(others)}" if others else ""
    return f"shard {shard.index}/{shard.count}: {makes}{rest}"
