"""From read logs to a session and its runs; nothing is added to what the logs say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from harness import store
from harness.cli.logs import ReadLog, measurements_of
from harness.metrics import METRICS_VERSION
from harness.model import (
    Cell,
    Facts,
    Failed,
    Measured,
    Outcome,
    Pass,
    Proof,
    RunResult,
    Scalar,
    SessionRecord,
    TargetRecord,
)
from harness.tools.benchmark_model import OptionReading

SUITE = "imported"
FILE = "as logged"
UNNAMED_MODEL, UNNAMED_DEVICE = "model not named", "device not named"
NOT_PROVED = "device, tool build, model file, inputs, outputs, temperature and load"
_UNIT_OF_PASS: Mapping[Pass, str] = {"latency": "s", "memory": "B"}


@dataclass(frozen=True, slots=True)
class Import:
    """What the person who imports says about the logs: where, which model, for which pass."""

    pass_: Pass
    model: str
    device: str
    label: str
    started_utc: str
    command: tuple[str, ...]
    harness: Facts


def runs_of(logs: Sequence[ReadLog], told: Import) -> tuple[RunResult, ...]:
    """Return one run per option of each log; the same option again is the next block."""
    return tuple(_runs(logs, told))


def raw_name(number: int) -> str:
    """Name the folder of the log with that number under `raw/`."""
    return f"log-{number:04d}"


def session_of(logs: Sequence[ReadLog], runs: Sequence[RunResult], told: Import) -> SessionRecord:
    """Return the session that holds these runs; as many blocks count as planned as all have."""
    cells = tuple(dict.fromkeys(run.cell for run in runs))
    blocks = min(Counter(run.cell for run in runs).values())
    target = TargetRecord(
        name=_target(told),
        driver="log",
        bench=_bench(told),
        virtual=False,
        variants=tuple(dict.fromkeys(cell.variant for cell in cells)),
        baseline=None,
        ratios=(),
        min_effect=0.02,
    )
    return SessionRecord(
        schema=store.SCHEMA,
        suite=SUITE,
        suite_sha256=sha256(suite_text(logs).encode()).hexdigest(),
        label=told.label,
        started_utc=told.started_utc,
        command=told.command,
        seed=0,
        blocks=blocks if told.pass_ == "latency" else 0,
        memory_runs=blocks if told.pass_ == "memory" else 0,
        cells=cells,
        targets=(target,),
        harness=told.harness,
        # Where the logs were measured is not known; this host only read them.
        host={},
        models={},
    )


def suite_text(logs: Sequence[ReadLog]) -> str:
    """Return what stands in the place of a suite: the names and hashes of the logs."""
    lines = ["# No suite was run: these logs were read by `edgebench import`.", f"suite: {SUITE}"]
    lines += ["logs:"]
    for number, log in enumerate(logs, start=1):
        # A string of JSON is one of YAML too.
        name = json.dumps(log.name)
        lines.append(f"  - {{log: {name}, raw: {raw_name(number)}, sha256: {_digest(log)}}}")
    return "\n".join(lines) + "\n"


def _runs(logs: Sequence[ReadLog], told: Import) -> Iterator[RunResult]:
    seen: Counter[Cell] = Counter()
    order = 0
    for number, log in enumerate(logs, start=1):
        for place, option in enumerate(log.options, start=1):
            model = told.model or log.log.model or UNNAMED_MODEL
            cell = Cell(model, FILE, _target(told), option.label)
            order += 1
            seen[cell] += 1
            yield RunResult(
                run_id=f"{raw_name(number)}-{place}",
                cell=cell,
                bench=_bench(told),
                pass_=told.pass_,
                block=seen[cell],
                order=order,
                attempt=1,
                outcome=_outcome(option, told.pass_),
                started_utc=told.started_utc,
                duration_s=0.0,
                setting=_setting(log, option, told),
                subject=_subject(log, option),
                conditions=_conditions(log, option),
                proof=_proof(option),
                raw=f"raw/{raw_name(number)}",
            )


def _target(told: Import) -> str:
    return told.device or "log"


def _bench(told: Import) -> str:
    return f"log:{told.device}" if told.device else "log"


def _outcome(option: OptionReading, pass_: Pass) -> Outcome:
    if option.numbers is None:
        assert option.failure is not None
        return Failed(option.failure)
    unit = _UNIT_OF_PASS[pass_]
    return Measured(tuple(one for one in measurements_of(option) if one.unit == unit))


def _setting(log: ReadLog, option: OptionReading, told: Import) -> dict[str, Scalar]:
    facts = option.facts
    observed = facts.threads_observed
    return {
        "driver": "log",
        "read_from": log.log.kind,
        "device": told.device or UNNAMED_DEVICE,
        "virtual": False,
        "context": "app" if log.log.kind == "logcat" else None,
        "threads": facts.threads if observed is None else observed,
        "xnnpack": facts.xnnpack,
        "delegate": facts.delegate or None,
        "delegation": facts.delegation or None,
        "process": "shared with other options" if option.one_of_several else "its own",
        "timed": "invoke",
        "method": "the tool's own loop" if told.pass_ == "latency" else "ru_maxrss of a timed run",
        "metrics_version": METRICS_VERSION,
        **log.log.sampling,
    }


def _subject(log: ReadLog, option: OptionReading) -> dict[str, Scalar]:
    return {
        "tool_says_it_is": option.facts.tool or None,
        "tool_version": option.facts.version or None,
        "log_sha256": _digest(log),
    }


def _conditions(log: ReadLog, option: OptionReading) -> dict[str, Scalar]:
    numbers, facts = option.numbers, option.facts
    conditions: dict[str, Scalar] = {
        "imported": True,
        "log": log.name,
        "not_proved": NOT_PROVED,
        "exit_code": log.log.exit_code,
        "output_check": "none, read from a log",
        "delegated_nodes": facts.delegated_nodes,
        "total_nodes": facts.total_nodes,
        "partitions": facts.partitions,
    }
    if numbers is not None:
        conditions |= {
            "iterations_done": numbers.timed.count,
            "warmup_iterations_done": numbers.warmup.count if numbers.warmup else 0,
            "timer_resolution_s": numbers.tick_s,
            "batch_size": 1,
        }
    return conditions


def _proof(option: OptionReading) -> Proof:
    asked, applied = option.facts.asked, option.facts.applied
    if not asked:
        return Proof()
    ran = [name for name in asked if name in applied]
    return Proof({"delegates": ", ".join(asked)}, {"delegates": ", ".join(ran)})


def _digest(log: ReadLog) -> str:
    return sha256(log.files["log"]).hexdigest()
