"""What stands under each table: where, on which builds, how, by which rule, and how undisturbed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from harness.counted import counted
from harness.model import RunResult, Scalar, SessionRecord
from harness.report.cell_ratios import distinct
from harness.report.disturbed import disturbed, others_cpu
from harness.report.family_wise import family_rule
from harness.report.layout import called
from harness.report.numbers import significant
from harness.report.sampling import blocks_made, rule_of
from harness.report.summary import CellSummary
from harness.statistics.paired import BLOCKS_FOR_AN_INTERVAL

BLOCKS_OF_A_FULL_LOOK = 10
_HASH_LENGTH = 8
_HASH = re.compile("[0-9a-f]{40,}")


def provenance(cells: Sequence[CellSummary]) -> tuple[str, ...]:
    """Return the notes on devices, builds, runs, disturbance and date, per session if several."""
    names = list(dict.fromkeys(cell.session_name for cell in cells))
    notes: list[str] = []
    for name in names:
        own = [cell for cell in cells if cell.session_name == name]
        lines = (
            _device(own),
            _threads(own),
            _isolation(own),
            _gpus(own),
            _builds(own),
            _models(own),
            _runs(own),
            _outputs(own),
            _quick_look(own),
            _console(own),
            others_cpu(own),
            disturbed(own),
            _when(own),
            made_from(own[0].session),
        )
        prefix = f"{name}: " if len(names) > 1 else ""
        notes += [prefix + line for line in lines if line]
    return tuple(dict.fromkeys(notes))


def ratio_rule(cells: Sequence[CellSummary]) -> tuple[str, ...]:
    """Return the notes on what a ratio says and how its verdict is drawn."""
    ratios = [ratio for cell in cells for ratio in cell.ratios]
    if not ratios:
        return ()
    first = ratios[0]
    notes = [
        (
            f"× is a speed-up: for {first.numerator}/{first.denominator}, the time of "
            f"{first.denominator} divided by the time of {first.numerator}; above 1 is faster."
        )
    ]
    estimates = [ratio.estimate for ratio in ratios if ratio.estimate]
    if any(estimate.low is not None for estimate in estimates):
        blocks = span([estimate.blocks for estimate in estimates if estimate.low is not None])
        methods = "; ".join(dict.fromkeys(e.method for e in estimates if e.low is not None))
        notes.append(
            f"Rule: [95 % interval], Hodges-Lehmann over {blocks} blocks, {methods}, unadjusted. "
            f"faster/slower: the interval excludes 1 and the effect is at least {_effect(cells)}; "
            f"same: the interval lies within ±{_effect(cells)}; else unclear."
        )
    notes += family_rule(ratios)
    if any(estimate.low is None for estimate in estimates):
        notes.append(
            f"Fewer than {BLOCKS_FOR_AN_INTERVAL} blocks give a ratio without interval or verdict."
        )
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        for ratio in cell.ratios:
            if ratio.reason:
                name = f"{called(cell, cells)} {ratio.numerator}/{ratio.denominator}"
                reasons.setdefault(ratio.reason, []).append(name)
    notes += [f"No ratio: {', '.join(names)} ({reason})." for reason, names in reasons.items()]
    return tuple(notes)


def span(numbers: Sequence[int]) -> str:
    """Return whole numbers as `6`, or `4–6` where they differ."""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}–{high}"


def _effect(cells: Sequence[CellSummary]) -> str:
    effects = dict.fromkeys(cell.target.min_effect for cell in cells)
    return " or ".join(
        f"{significant(100 * effect).rstrip('0').rstrip('.')} %" for effect in effects
    )


def _device(cells: Sequence[CellSummary]) -> str:
    devices = _by_target(cells, lambda cell: _joined(cell.observed("device")))
    if not devices:
        return "Device: not known, no run was measured."
    return f"Device: {devices}{_host(cells)}."


def _host(cells: Sequence[CellSummary]) -> str:
    if all(cell.target.bench != "host" for cell in cells):
        return ""
    host = cells[0].session.of_bench("host").host
    cores = host.get("cores")
    parts = [host.get("cpu_model"), cores and f"{cores} cores", host.get("os")]
    known = ", ".join(str(part) for part in parts if part)
    return f". This host: {known}" if known else ""


def _threads(cells: Sequence[CellSummary]) -> str:
    groups: dict[str, list[str]] = {}
    for cell in cells:
        threads = _joined(cell.observed("threads"))
        if threads:
            groups.setdefault(cell.cell.target, []).append(f"{cell.cell.variant} {threads}")
    text = "; ".join(f"{name}: {_list(parts)}" for name, parts in groups.items())
    return f"Threads as observed: {text}." if text else ""


def _isolation(cells: Sequence[CellSummary]) -> str:
    runs = _measured(cells)
    seen = [run.conditions.get("cross_origin_isolated") for run in runs]
    known = [value for value in seen if value is not None]
    if not known:
        return ""
    isolated = sum(value is True for value in known)
    if isolated in {0, len(known)}:
        return f"Cross-origin isolated: {'yes' if isolated else 'no'}, in every page."
    return f"Cross-origin isolated: in {isolated} of {len(known)} pages."


# Fact of `subject` that is a runtime's version → its name for people.
_RUNTIMES = {
    "node": "Node",
    "tfjs": "TF.js",
    "litert_js": "LiteRT.js",
    "onnxruntime_web": "onnxruntime-web",
}


def _gpus(cells: Sequence[CellSummary]) -> str:
    """Name the GPUs that computed; what one in software measures is no GPU's."""
    seen = {
        f"{run.cell.target}/{run.cell.variant}": run.setting
        for run in _measured(cells)
        if run.setting.get("gpu")
    }
    told = [f"{name} {facts['gpu']} ({facts['gpu_renderer']})" for name, facts in seen.items()]
    if not told:
        return ""
    software = any(facts["gpu"] == "software" for facts in seen.values())
    doubt = " One in software runs on the CPU: no figures of a GPU." if software else ""
    return f"GPU: {'; '.join(told)}.{doubt}"


def _builds(cells: Sequence[CellSummary]) -> str:
    parts = [
        _joined(_over(cells, "browser")),
        *(_named(label, _over(cells, fact)) for fact, label in _RUNTIMES.items()),
        *dict.fromkeys(_tool(run) for run in _measured(cells)),
        _named("OS build", _over(cells, "os_build")),
        _wasm(cells),
    ]
    text = " · ".join(part for part in parts if part)
    return f"Builds: {text}." if text else ""


def _tool(run: RunResult) -> str:
    tool, version = run.subject.get("tool"), run.subject.get("tool_version")
    digest = run.subject.get("tool_sha256")
    if not tool:
        return ""
    return " ".join(str(part) for part in (tool, version, digest and f"({_short(digest)})") if part)


def _wasm(cells: Sequence[CellSummary]) -> str:
    kinds: dict[str, None] = {}
    for run in _measured(cells):
        kind, digest = run.setting.get("wasm"), run.subject.get("wasm_sha256")
        if digest:
            kinds[f"{kind or ''} {_short(digest)}".strip()] = None
    return f".wasm {', '.join(kinds)}" if kinds else ""


def _models(cells: Sequence[CellSummary]) -> str:
    found: dict[str, dict[str, None]] = {}
    for cell in cells:
        name = " ".join(part for part in (cell.cell.model, cell.cell.file) if part)
        known = [_short(digest) for digest in cell.observed("model_sha256")]
        if known:
            found.setdefault(name, {}).update(dict.fromkeys([*known, *_said(cell)]))
    text = ", ".join(f"{name} ({', '.join(parts)})" for name, parts in found.items())
    return f"Models: {text}." if text else ""


def _said(cell: CellSummary) -> Iterable[str]:
    """Return the licence and the source that the suite names for a model."""
    facts = cell.session.models.get(f"{cell.cell.model}/{cell.cell.file}", {})
    if facts.get("licence"):
        yield f"licence {facts['licence']}"
    if facts.get("source"):
        yield f"from {facts['source']}"
    for digest in cell.observed("workload_sha256"):
        yield f"run by {_joined(cell.observed('workload'))} {_short(digest)}"


def _runs(cells: Sequence[CellSummary]) -> str:
    session = cells[0].session
    served = any("served page" in cell.observed("context") for cell in cells)
    fresh = "page in the one browser that came" if served else "process or browser"
    text = (
        f"Runs: {blocks_made(cells)}, shuffled (seed {session.seed}); each run a "
        f"fresh {fresh}; values are medians over runs."
    )
    if rule := rule_of(session):
        text += f" By the suite's precision, {rule}."
    open_facts = _joined(_over(cells, "not_proved"))
    if open_facts:
        text = f"Runs: read from logs; values are medians over runs. Not proved: {open_facts}."
    warmup = _by_target(cells, lambda cell: _typical(cell, "warmup_iterations_done"))
    timed = _by_target(cells, lambda cell: _typical(cell, "iterations_done"))
    clock = _by_target(cells, lambda cell: _joined(cell.observed("timed")))
    if timed:
        text += f" Iterations timed per run: {timed}" + (f"; warm-up: {warmup}." if warmup else ".")
    if clock:
        text += f" Inside the clock: {clock}."
    return text + _batches(cells)


def _batches(cells: Sequence[CellSummary]) -> str:
    """Say which cells were too short for their clock, and how many iterations a sample is."""
    sizes = {cell.cell: _typical(cell, "batch_size") for cell in cells}
    told = {cell: size for cell, size in sizes.items() if size not in {"", "1"}}
    if not told:
        return ""
    if len(told) == len(sizes) and len(set(told.values())) == 1:
        return f" Timed in batches of {next(iter(told.values()))} iterations."
    listed = "; ".join(
        f"{at.model}/{at.file} {at.target} {at.variant} {size}" for at, size in told.items()
    )
    return f" Too short for the clock alone, so a sample is a batch of iterations: {listed}."


def _outputs(cells: Sequence[CellSummary]) -> str:
    several = len({cell.cell.file for cell in cells}) > 1

    def check(cell: CellSummary) -> str:
        # Memory runs only say that their outputs are checked elsewhere.
        told = distinct(run.conditions.get("output_check") for run in cell.latency.measured)
        text = _joined(told or cell.observed("output_check"))
        return f"{cell.cell.model}/{cell.cell.file} {text}" if several and text else text

    checks = _by_target(cells, check)
    references = _joined(_over(cells, "output_reference"))
    whose = f" of {references}" if references else ""
    return f"Outputs against the reference{whose}: {checks}." if checks else ""


def _quick_look(cells: Sequence[CellSummary]) -> str:
    session = cells[0].session
    blocks = session.blocks
    if blocks >= BLOCKS_OF_A_FULL_LOOK or session.precision is not None:
        return ""
    return f"Quick look: {counted(blocks, 'block')}; {BLOCKS_OF_A_FULL_LOOK} or more are the rule."


def _console(cells: Sequence[CellSummary]) -> str:
    runs = _measured(cells)
    seen = [run.conditions.get("console_errors") for run in runs]
    loud = [errors for errors in seen if isinstance(errors, int) and errors]
    if not loud:
        return ""
    total = counted(sum(loud), "error")
    return f"On the browser's console: {total}, in {len(loud)} of {len(runs)} runs."


def _when(cells: Sequence[CellSummary]) -> str:
    session = cells[0].session
    word = "Measured" if all(cell.target.driver != "log" for cell in cells) else "Read from logs"
    if session.merged:
        each = "; ".join(
            f"{_stamp(part.session)} ({', '.join(part.benches) or 'no runs'}), "
            f"label {part.session.label}, {_build(part.session)}"
            for part in session.merged
        )
        sessions = counted(len(session.merged), "merged session")
        return f"{word} in {sessions} of the suite {session.suite}: {each}."
    return (
        f"{word} {_stamp(session)}; suite {session.suite}, label {session.label}, "
        f"{_build(session)}."
    )


def _stamp(session: SessionRecord) -> str:
    return f"{session.started_utc[:16].replace('T', ' ')} UTC"


def _build(session: SessionRecord) -> str:
    harness = session.harness
    commit = harness.get("commit")
    build = f", commit {str(commit)[:_HASH_LENGTH]}" if commit else ""
    build += " with local changes" if commit and harness.get("dirty") else ""
    return f"edgebench {harness.get('version') or 'of unknown version'}{build}"


def _measured(cells: Iterable[CellSummary]) -> list[RunResult]:
    return [run for cell in cells for run in (*cell.latency.measured, *cell.memory.measured)]


def _over(cells: Iterable[CellSummary], fact: str) -> tuple[Scalar, ...]:
    return distinct(value for cell in cells for value in cell.observed(fact))


def _typical(cell: CellSummary, condition: str) -> str:
    seen = [run.conditions.get(condition) for run in cell.latency.measured]
    numbers = [value for value in seen if isinstance(value, int)]
    return str(round(median(numbers))) if numbers else ""


def _by_target(cells: Iterable[CellSummary], text_of: Callable[[CellSummary], str]) -> str:
    """Return what holds for all targets once, else `target: text` for each."""
    texts: dict[str, dict[str, None]] = {}
    for cell in cells:
        text = text_of(cell)
        if text:
            texts.setdefault(cell.cell.target, {})[text] = None
    merged = {name: _list(found) for name, found in texts.items()}
    if len(set(merged.values())) == 1:
        return next(iter(merged.values()))
    return "; ".join(f"{name}: {text}" for name, text in merged.items())


def _list(parts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(parts))


def _joined(values: Iterable[Scalar]) -> str:
    return _list(str(value) for value in values)


def _named(name: str, values: Sequence[Scalar]) -> str:
    return f"{name} {_joined(values)}" if values else ""


def _short(digest: Scalar) -> str:
    return str(digest)[:_HASH_LENGTH]


def made_from(session: SessionRecord) -> str:
    """Say from which folder a session was made, and what changed; '' for one that was not."""
    lineage = session.lineage
    if lineage is None:
        return ""
    told = (
        f"{fact} {_shown(lineage.before.get(fact))} → {_shown(lineage.after.get(fact))}"
        for fact in {**lineage.before, **lineage.after}
        if lineage.before.get(fact) != lineage.after.get(fact)
    )
    changed = "; ".join(told) or "nothing that is known"
    return f"{lineage.how.capitalize()} from {lineage.of}: {lineage.why} ({changed})."


def _shown(value: Scalar) -> str:
    text = "not known" if value is None else str(value)
    return _short(text) if _HASH.fullmatch(text) else text
