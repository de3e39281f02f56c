"""What cannot be kept with a build: systems, browsers, what our package brings. Noted, compared.

That it changed is told beside the verdicts, and is never one: both builds run in it tonight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.gate.builds import Build, runtime_part
from harness.gate.observing import Summaries
from harness.model import Facts, RunResult, Scalar, SessionRecord
from harness.paired_runs import measured_runs
from harness.store.gate_record import EnvironmentChange
from harness.twin_names import is_twin

_HOST = ("os", "kernel", "cpu_model", "cores", "memory_bytes", "python")
_HARNESS = ("version", "commit")
_OF_A_BENCH = ("os_build", "os_major")
_OF_A_TARGET = ("browser",)
# A tool that comes with our own package: what it runs is installed, not named by the suite.
_OWN_TOOL, _OF_OWN_TOOL = "litert-host", ("tool_version", "tool_sha256")
_OF_A_RUNTIME = ("tfjs", "tfjs_sha256", "wasm_sha256")


def environment_of(found: Summaries, session: SessionRecord, build: Build) -> Mapping[str, Facts]:
    """Return bench → fact → value of everything that is known and could not be kept."""
    seen: dict[str, dict[str, dict[Scalar, None]]] = {}
    host = {fact: session.host.get(fact) for fact in _HOST}
    host |= {f"edgebench {fact}": session.harness.get(fact) for fact in _HARNESS}
    for fact, value in host.items():
        if value is not None:
            seen.setdefault("host", {})[fact] = {value: None}
    for cell, summary in found.items():
        if is_twin(cell.target):
            continue
        kept = runtime_part(summary.target.driver) in build.parts
        for run in measured_runs((*summary.latency.runs, *summary.memory.runs)):
            for fact, value in _facts(run, kept=kept):
                seen.setdefault(run.bench, {}).setdefault(fact, {})[value] = None
    return {
        bench: {fact: _one(values) for fact, values in facts.items()}
        for bench, facts in seen.items()
    }


def _facts(run: RunResult, *, kept: bool) -> Iterator[tuple[str, Scalar]]:
    known = {**run.setting, **run.subject}
    names = [*_OF_A_TARGET]
    names += _OF_OWN_TOOL if known.get("tool") == _OWN_TOOL else ()
    names += () if kept else _OF_A_RUNTIME
    for fact in _OF_A_BENCH:
        if known.get(fact) is not None:
            yield fact, known[fact]
    for fact in names:
        if known.get(fact) is not None:
            yield f"{fact} of {run.cell.target}", known[fact]


def _one(values: Mapping[Scalar, None]) -> Scalar:
    return next(iter(values)) if len(values) == 1 else ", ".join(sorted(map(str, values)))


def changes(before: Mapping[str, Facts], now: Mapping[str, Facts]) -> tuple[EnvironmentChange, ...]:
    """Return what is known of both nights and differs."""
    return tuple(
        EnvironmentChange(bench, fact, before[bench][fact], value)
        for bench, facts in now.items()
        for fact, value in facts.items()
        if fact in before.get(bench, {}) and before[bench][fact] != value
    )
