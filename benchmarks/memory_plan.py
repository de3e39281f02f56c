"""CPU time of the memory planner's strategies on generated record sets.

    python benchmarks/memory_plan.py [--tensors 4000 20000] [--repeats 5]

Each strategy plans four sets: a chain (each tensor lives from its task to the next), one in
which a tensor overlaps with a tenth of the others, one in which all overlap, and one of random
lives with only eight sizes, as networks have. Else sizes are random, multiples of 64 bytes up to
4 MiB; the seed is fixed. CPU seconds, the least of the
repeats. Claimed for each greedy strategy: at most 0.5 s for 4,000 tensors, 3 s for 20,000.
Min-cost flow is cut after a fixed amount of work; it is measured once and not claimed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator

from machine_load import machine_line

from harness.memory_plan.records import OffsetPlan, RecordSet, SharedPlan, UsageRecord
from harness.memory_plan.strategies import OFFSET, SHARED

CLAIMS_S = {4_000: 0.5, 20_000: 3.0}
SHAPES = ("chain", "tenth overlaps", "all overlap", "eight sizes")
NOT_GREEDY = ("min-cost flow", "naive", "equality")


def record_set(shape: str, tensors: int, seed: int = 7) -> RecordSet:
    """Return a generated set of one of `SHAPES`."""
    source = random.Random(seed)
    records = []
    for index in range(tensors):
        size, first = 64 * source.randint(1, 65_536), index
        tasks = {"chain": 2, "tenth overlaps": max(1, tensors // 20), "all overlap": tensors}
        if shape == "eight sizes":
            size, first = 4096 << source.randrange(8), source.randrange(tensors)
            tasks[shape] = 1 + source.randrange(max(1, tensors // 10))
        records.append(UsageRecord(f"t{index}", size, first, first + tasks[shape] - 1))
    last = max(record.last for record in records)
    return RecordSet(f"{shape} {tensors}", "generated", shape, tuple(records), last + 1)


def main() -> int:
    """Measure and print; returns 0 if every claim holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensors", type=int, nargs="+", default=sorted(CLAIMS_S))
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print(f"machine   {machine_line()}")
    broken = 0
    for tensors in arguments.tensors:
        claim_s = CLAIMS_S.get(tensors)
        for shape in SHAPES:
            records = record_set(shape, tensors)
            for table, name, plan in strategies():
                repeats = 1 if name == "min-cost flow" else arguments.repeats
                seconds, note = measured(plan, records, repeats)
                late = claim_s is not None and name not in NOT_GREEDY and seconds > claim_s
                broken += late
                verdict = f"  more than {claim_s} s" if late else ""
                print(f"{tensors:6} {shape:14} {table:6} {name:24} {seconds:7.3f} s{verdict}{note}")
    print(f"machine   {machine_line()}")
    return 1 if broken else 0


def strategies() -> Iterator[tuple[str, str, Callable[[RecordSet], SharedPlan | OffsetPlan]]]:
    """Yield (table, strategy, function)."""
    for name, shared in SHARED.items():
        yield "shared", name, shared
    for name, offset in OFFSET.items():
        yield "offset", name, offset


def measured(
    plan: Callable[[RecordSet], SharedPlan | OffsetPlan], records: RecordSet, repeats: int
) -> tuple[float, str]:
    """Return the least CPU seconds of a plan, and whether its search was cut."""
    seconds = []
    for _ in range(repeats):
        begun = time.process_time()
        made = plan(records)
        seconds.append(time.process_time() - begun)
    return min(seconds), "  (cut)" if made.note else ""


if __name__ == "__main__":
    sys.exit(main())
