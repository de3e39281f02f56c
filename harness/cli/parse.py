"""`edgebench parse LOG…`: read the tool's output captured anywhere, one object per option."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from harness.cli.logs import ReadLog, measurements_of, read_logs
from harness.cli.printing import print_tables
from harness.errors import EXIT_FINDINGS, EXIT_OK
from harness.model import Column, Measurement, Table, TableValue
from harness.report.numbers import BYTES, SECONDS, Scale, count, scale_for
from harness.tools.benchmark_model import OptionReading, ToolFacts

JSON_SCHEMA = 1
_SHOWN = {
    "latency_mean": ("mean", SECONDS),
    "latency_p50": ("p50", SECONDS),
    "latency_p95": ("p95", SECONDS),
    "init": ("init", SECONDS),
    "first_inference": ("first", SECONDS),
    "tool_footprint": ("tool footprint", BYTES),
    "peak_rss": ("peak RSS", BYTES),
}


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 only when every option was measured, and proved."""
    logs = read_logs(arguments)
    if arguments.json:
        document = {"schema": JSON_SCHEMA, "options": [_record(*one) for one in _pairs(logs)]}
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        sys.stdout.buffer.write((text + "\n").encode("utf-8", errors="backslashreplace"))
        sys.stdout.buffer.flush()
    else:
        print_tables([_table(logs), *_reasons(logs)], arguments.format)
    measured = all(option.outcome == "measured" for _, option in _pairs(logs))
    return EXIT_OK if measured else EXIT_FINDINGS


def _pairs(logs: Sequence[ReadLog]) -> list[tuple[ReadLog, OptionReading]]:
    return [(log, option) for log in logs for option in log.options]


def _record(log: ReadLog, option: OptionReading) -> dict[str, Any]:
    failure, numbers = option.failure, option.numbers or option.unproved
    return {
        "log": log.name,
        "kind": log.log.kind,
        "model": log.log.model or None,
        "exit_code": log.log.exit_code,
        "label": option.label,
        "outcome": option.outcome,
        "measurements": [_measurement(one) for one in measurements_of(option)],
        "iterations": numbers.timed.count if numbers else None,
        "warmup_iterations": (numbers.warmup.count if numbers.warmup else 0) if numbers else None,
        "timer_resolution_s": numbers.tick_s if numbers else None,
        "error": None
        if failure is None
        else {"class": failure.kind, "message": failure.message, "hint": failure.hint},
        "facts": _facts(option.facts),
    }


def _measurement(one: Measurement) -> dict[str, Any]:
    record: dict[str, Any] = {"metric": one.metric, "unit": one.unit, "value": one.value}
    return record | ({"absent": one.absent} if one.absent else {})


def _facts(facts: ToolFacts) -> dict[str, Any]:
    return {
        "tool": facts.tool or None,
        "tool_version": facts.version or None,
        "threads": facts.threads,
        "threads_observed": facts.threads_observed,
        "xnnpack": facts.xnnpack,
        "delegates": {
            "asked": list(facts.asked),
            "applied": list(facts.applied),
            "not_applied": list(facts.not_applied),
            "delegation": facts.delegation or None,
            "delegated_nodes": facts.delegated_nodes,
            "total_nodes": facts.total_nodes,
            "partitions": facts.partitions,
            "kernels": facts.delegate_kernels,
            "unsupported_ops": list(facts.unsupported_ops),
        },
        "unconsumed_flags": list(facts.unconsumed_flags),
        "duplicate_flags": list(facts.duplicate_flags),
    }


def _table(logs: Sequence[ReadLog]) -> Table:
    values = [{one.metric: one.value for one in measurements_of(o)} for _, o in _pairs(logs)]
    found = {name: [v for row in values if (v := row.get(name)) is not None] for name in _SHOWN}
    scales = {name: scale_for(own, _SHOWN[name][1]) for name, own in found.items() if own}
    return Table(
        name="parse",
        title="Logs: what the tool measured",
        columns=(
            Column("log", "log"),
            Column("option", "option"),
            Column("outcome", "outcome"),
            *(Column(name, _SHOWN[name][0], scale.unit, "right") for name, scale in scales.items()),
            Column("iterations", "n", align="right"),
            Column("delegates", "delegates"),
        ),
        rows=tuple(
            (log.name, option.label, option.outcome, *_values(option, row, scales))
            for (log, option), row in zip(_pairs(logs), values, strict=True)
        ),
        notes=_notes(logs),
    )


def _values(
    option: OptionReading, row: dict[str, float | None], scales: dict[str, Scale]
) -> tuple[TableValue, ...]:
    figures = (
        None if (value := row.get(name)) is None else scale.figure(value)
        for name, scale in scales.items()
    )
    numbers = option.numbers or option.unproved
    return (
        *figures,
        count(numbers.timed.count) if numbers else None,
        _delegates(option.facts) or None,
    )


def _reasons(logs: Sequence[ReadLog]) -> tuple[Table, ...]:
    rows = tuple(
        (log.name, option.label, option.outcome, f"{why.kind}: {why.message}", why.hint)
        for log, option in _pairs(logs)
        if (why := option.failure) is not None
    )
    if not rows:
        return ()
    names = ("log", "option", "outcome", "why", "next step")
    columns = tuple(Column(name.replace(" ", "_"), name) for name in names)
    return (Table("reasons", "What was not measured, or is not proved", columns, rows),)


def _delegates(facts: ToolFacts) -> str:
    extent = f" {facts.delegation}" if facts.delegation else ""
    if facts.delegated_nodes is not None:
        extent = f" {facts.delegated_nodes} of {facts.total_nodes} nodes"
    whose = facts.delegate or next(iter(facts.applied), "")
    return ", ".join(name + (extent if name == whose else "") for name in facts.applied)


def _notes(logs: Sequence[ReadLog]) -> tuple[str, ...]:
    outcomes = [option.outcome for _, option in _pairs(logs)]
    measured = f"{outcomes.count('measured')} of {len(outcomes)} options measured and proved"
    if "unproved" not in outcomes:
        return (f"{measured}; n: iterations of that run.",)
    return (
        f"{measured}; n: iterations of that run.",
        "unproved: the figures stand in the log; what is missing to prove them is said below.",
    )
