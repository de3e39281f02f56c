"""github-action-benchmark's own input, tool `customSmallerIsBetter`.

Format: benchmark-action/github-action-benchmark, README "Charts in GitHub Pages" and
`src/extract.ts`: a list of {name, unit, value, range, extra}. Times in ms, memory in MiB.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from harness.report.exports.cells import Exported
from harness.report.metric_values import MetricSummary

_UNITS = {"s": ("ms", 1e3), "B": ("MiB", 1 / 2**20)}


def render(cells: Sequence[Exported]) -> str:
    """Return a JSON list with an entry per metric of each cell that has a number."""
    entries = [_entry(each, name, metric) for each in cells for name, metric in each.numbers]
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def _entry(each: Exported, name: str, metric: MetricSummary) -> dict[str, Any]:
    unit, factor = _UNITS["B" if metric.is_bytes else "s"]
    half = (metric.high - metric.low) / 2 * factor
    return {
        "name": f"{each.name}: {name}",
        "unit": unit,
        "value": metric.median * factor,
        "range": f"± {half:.3g}",
        "extra": each.told,
    }
