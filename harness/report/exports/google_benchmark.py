"""Google Benchmark's JSON, for its `compare.py` and for what else reads it.

Format: google/benchmark, docs/user_guide.md "Output Formats" and tools/gbench/report.py. Each run
is a repetition, so that `compare.py` tests over runs and not over iterations. There is no CPU time:
`cpu_time` repeats the real one, and the context says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from harness.report.exports.cells import Exported

_NANOSECONDS = 1e9


def render(cells: Sequence[Exported]) -> str:
    """Return the JSON document; a cell without a time has no entry."""
    session = cells[0].cell.session if cells else None
    context: dict[str, Any] = {
        "date": session.started_utc if session else "",
        "executable": f"edgebench run {session.suite}" if session else "edgebench",
        "num_cpus": session.host.get("cores") if session else 0,
        "mhz_per_cpu": 0,
        "cpu_scaling_enabled": False,
        "caches": [],
        "library_build_type": "release",
        "edgebench_note": "cpu_time is real_time: no CPU time is measured",
    }
    numbered = enumerate(each for each in cells if each.cell.time)
    benchmarks = [entry for family, each in numbered for entry in _entries(family, each)]
    document = {"context": context, "benchmarks": benchmarks}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _entries(family: int, each: Exported) -> Iterator[dict[str, Any]]:
    time = each.cell.time
    assert time is not None
    threads = [value for value in each.cell.observed("threads") if isinstance(value, int)]
    for repetition, seconds in enumerate(time.values):
        yield {
            "name": each.name,
            "family_index": family,
            "per_family_instance_index": 0,
            "run_name": each.name,
            "run_type": "iteration",
            "repetitions": time.n,
            "repetition_index": repetition,
            "threads": threads[0] if threads else 1,
            "iterations": 1,
            "real_time": seconds * _NANOSECONDS,
            "cpu_time": seconds * _NANOSECONDS,
            "time_unit": "ns",
            "label": each.told,
        }
