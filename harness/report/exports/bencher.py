"""Bencher Metric Format (BMF): {benchmark: {measure: {value, lower_value, upper_value}}}.

Format: bencher.dev, "Bencher Metric Format". Bencher's measure `latency` is in nanoseconds; other
metrics keep the name of ours, times in ns too and memory in bytes. The bounds are the fastest and
slowest run, not an interval of the median.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from harness.report.exports.cells import Exported, statistic_of
from harness.report.metric_values import MetricSummary


def render(cells: Sequence[Exported]) -> str:
    """Return a JSON object with an entry per cell that has a number."""
    found = {
        each.name: {
            _measure(name, metric): {
                "value": metric.median * _factor(metric),
                "lower_value": metric.low * _factor(metric),
                "upper_value": metric.high * _factor(metric),
            }
            for name, metric in each.numbers
        }
        for each in cells
    }
    kept = {name: measures for name, measures in found.items() if measures}
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def _measure(name: str, metric: MetricSummary) -> str:
    return "latency" if statistic_of(metric) else name.replace("_", "-")


def _factor(metric: MetricSummary) -> float:
    return 1.0 if metric.is_bytes else 1e9
