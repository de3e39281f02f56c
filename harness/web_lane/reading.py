"""From the files of a run to its outcome; pure, and safe on any bytes."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import OutputUnreadable, RunFailed
from harness.model import (
    Capture,
    Facts,
    Failed,
    Failure,
    Measured,
    Measurement,
    Pass,
    Proof,
    Reading,
    Scalar,
)
from harness.tools import measuring_page, workload_page
from harness.tools.measuring_page import TIMED, PageAnswer, PageFacts
from harness.transports.browsing import NODE_PROCESS
from harness.web_lane.phone_conditions import with_phone_conditions
from harness.web_lane.run_record import (
    RendererMemory,
    Request,
    RunRecord,
    Said,
    file_of,
    requests_of,
    run_record_of,
    said_of,
)
from harness.web_lane.runtime import RuntimeReading
from harness.web_lane.workloads import WORKLOAD_FOLDER

PASSES: frozenset[Pass] = frozenset({"latency", "memory", "quality"})
"""The passes of every web driver."""

LATENCY_METHOD = "loop in the page, one fresh browser process per run"
MEMORY_METHOD = "after garbage collection, above the same page before the runtime"
QUALITY_METHOD = "each labelled example once"
_MISMATCH_HINT = (
    "what ran is not what was asked for, so it has no number; see requests.json and page.json "
    "of this run, and change the variant or the browser"
)
_PAGE_HINT = "console.json and page.json of this run have what the page said"
_WORKLOAD_HINT = "correct the module; page.json of this run has the stack, console.json its words"
_CLOCK_HINT = "the model is too small for this clock; measure a larger one"


def read_capture(capture: Capture, of: RuntimeReading) -> Reading:
    """Read a run; `of` reads what the runtime's adapter said.

    Raises:
        OutputUnreadable: a file is missing or is not what was written.
    """
    run = run_record_of(capture)
    return with_phone_conditions(_read(capture, run, of), capture, run.pass_)


def _read(capture: Capture, run: RunRecord, of: RuntimeReading) -> Reading:
    requests = requests_of(capture)
    said = said_of(capture)
    if run.failure is not None:
        failure = Failure(run.failure.kind, run.failure.message, run.failure.hint)
        return Reading(
            Failed(failure),
            setting=_setting(run, {}, of),
            subject=_subject(run, requests),
            conditions={**run.conditions, **_said(said)},
            proof=Proof(run.asked, _served(requests)),
            phases_s=_phases(run, None),
        )
    answer = measuring_page.read_answer(file_of(capture, "page.json"))
    if answer.pass_ != run.pass_:
        raise OutputUnreadable(
            f"the page answers for a {answer.pass_} pass, the run is a {run.pass_} pass",
            hint="files of two runs were mixed up; measure again",
        )
    proof = Proof(run.asked, {**_served(requests), **_seen(answer), **of.seen(answer)})
    reading = Reading(
        outcome=Failed(Failure("", "", "")),
        setting=_setting(run, proof.observed, of),
        subject=_subject(run, requests),
        conditions={**_conditions(run, answer), **_said(said), **of.conditions(answer)},
        proof=proof,
        phases_s=_phases(run, answer),
    )
    failure_ = _failure(run, answer, proof, of) or _uncaught(said)
    if failure_ is not None:
        return replace(reading, outcome=Failed(failure_))
    try:
        measured = Measured(_measurements(run, answer, of))
    except RunFailed as error:
        return replace(reading, outcome=Failed(Failure(error.kind, str(error), error.hint)))
    if run.pass_ == "quality":
        every = tuple(measuring_page.outputs(answer, i) for i in range(len(answer.output_sets)))
        return replace(reading, outcome=measured, answers=every)
    if answer.gave_nothing_to_check:
        return replace(reading, outcome=measured, outputs_absent="the workload returns no outputs")
    return replace(reading, outcome=measured, outputs=measuring_page.outputs(answer))


def _wasm(requests: tuple[Request, ...]) -> list[Request]:
    """Return the runtime's own; what a workload brings for itself, such as a decoder, is not."""
    return [
        r
        for r in requests
        if r.path.endswith(".wasm")
        and r.status == 200
        and r.complete
        and not r.path.startswith(WORKLOAD_FOLDER)
    ]


def _subject(run: RunRecord, requests: tuple[Request, ...]) -> Facts:
    """Add to what was meant to run what was served of it: where nothing was asked, that counts."""
    wasm = _wasm(requests)
    if not wasm:
        return run.subject
    served: dict[str, Scalar] = {
        "wasm_sha256": ", ".join(r.sha256 for r in wasm),
        "wasm_bytes": sum(r.bytes for r in wasm),
    }
    return {**served, **run.subject}


def _served(requests: tuple[Request, ...]) -> Facts:
    """Say which Wasm binary the server delivered; a second one would be named too."""
    wasm = _wasm(requests)
    if not wasm:
        return {"wasm_binary": None, "wasm_sha256": None}
    return {
        "wasm_binary": ", ".join(r.path.rpartition("/")[2] for r in wasm),
        "wasm_sha256": ", ".join(r.sha256 for r in wasm),
    }


def _seen(answer: PageAnswer) -> Facts:
    return {"cross_origin_isolated": answer.facts.cross_origin_isolated}


def _failure(
    run: RunRecord, answer: PageAnswer, proof: Proof, of: RuntimeReading
) -> Failure | None:
    foreign = _foreign(run, answer)
    if foreign:
        return Failure(
            "page-error",
            f"the page asked for something from outside: {foreign[0]}",
            "a run is served from this host alone; remove what asks for it",
        )
    mismatches = proof.mismatches()
    if (mismatches or answer.error) and _lacks_threads(run, answer):
        return Failure(
            "unsupported",
            "this browser has no SharedArrayBuffer in an isolated page, so it has no threads",
            "nothing to do: measure a variant without threads, or another browser",
        )
    wrong = [fact for fact in mismatches if fact[2] is not None]
    # What a page that failed early could not tell is no mismatch; what it did tell is.
    if wrong or (mismatches and answer.error is None):
        parts = [f"{name} asked {asked!r}, observed {seen!r}" for name, asked, seen in mismatches]
        also = f"; the page said: {answer.error.message}" if answer.error else ""
        return Failure("variant-mismatch", "; ".join(parts) + also, _MISMATCH_HINT)
    if answer.error is not None:
        kind = answer.error.kind
        hints = {
            "below-timer-resolution": _CLOCK_HINT,
            "unsupported": of.unsupported_hint,
            "workload-error": _WORKLOAD_HINT,
        }
        return Failure(kind, answer.error.message, hints.get(kind, _PAGE_HINT))
    return None


def _lacks_threads(run: RunRecord, answer: PageAnswer) -> bool:
    """Tell whether a build for threads was asked of a browser that cannot share memory."""
    shares = answer.facts.shared_array_buffer or not answer.facts.cross_origin_isolated
    return not shares and "threaded" in str(run.asked.get("wasm_binary"))


def _uncaught(said: Said | None) -> Failure | None:
    """Refuse a page in which something broke that its answer does not know of."""
    if said is None or not said.errors:
        return None
    return Failure("page-error", f"an error that nothing caught: {said.errors[0]}", _PAGE_HINT)


def _said(said: Said | None) -> Facts:
    if said is None:
        return {"console_errors": None, "uncaught_errors": None}
    errors = sum(line.startswith("error:") for line in said.console)
    return {"console_errors": errors, "uncaught_errors": len(said.errors)}


def _foreign(run: RunRecord, answer: PageAnswer) -> tuple[str, ...]:
    return (*run.foreign_requests, *answer.facts.blocked)


def _measurements(
    run: RunRecord, answer: PageAnswer, of: RuntimeReading
) -> tuple[Measurement, ...]:
    if run.pass_ == "latency":
        return (
            *measuring_page.cold_start(answer),
            *measuring_page.latency(answer),
            *workload_page.measurements(answer),
        )
    if run.pass_ == "quality":
        return ()
    memory = run.memory or RendererMemory(absent="the process was not looked at")
    if memory.method == "dumpsys meminfo":
        grown = _growth("meminfo_pss", memory.meminfo_pss_delta_bytes, memory.absent)
        return (*of.memory(answer), grown)
    in_node = run.setting.get("context") == NODE_PROCESS
    process = "node" if in_node else "renderer"
    return (
        *of.memory(answer),
        _growth(f"{process}_uss", memory.uss_delta_bytes, memory.absent),
        _growth(f"{process}_pss", memory.pss_delta_bytes, memory.absent),
        *((_growth("vm_hwm", memory.vm_hwm_bytes, memory.absent),) if in_node else ()),
    )


def _growth(metric: str, delta_bytes: int | None, absent: str) -> Measurement:
    if delta_bytes is None:
        return Measurement(metric, "B", absent=absent or "the process was not looked at")
    if delta_bytes < 0:
        return Measurement(metric, "B", absent="the process shrank below its baseline")
    return Measurement(metric, "B", float(delta_bytes))


def _setting(run: RunRecord, observed: Facts, of: RuntimeReading) -> Facts:
    sampling = run.sampling
    return {
        "virtual": False,
        "context": "page",
        **run.setting,
        **of.setting(observed),
        "timed": run.setting.get("timed", TIMED),
        "method": run.method or _method(run),
        "warmup_iterations": sampling.warmup.iterations,
        "warmup_seconds": sampling.warmup.seconds,
        "timed_iterations": sampling.timed.iterations,
        "timed_max_seconds": sampling.timed.max_seconds,
    }


def _method(run: RunRecord) -> str:
    if run.pass_ == "memory":
        memory = run.memory or RendererMemory()
        return "; ".join(part for part in (MEMORY_METHOD, memory.method, memory.gc) if part)
    return LATENCY_METHOD if run.pass_ == "latency" else QUALITY_METHOD


def _pretended(facts: PageFacts) -> bool | None:
    """Tell whether the page was shown more cores than there are; None where it was left alone."""
    shown, real = facts.hardware_concurrency, facts.hardware_concurrency_real
    return None if shown is None or real is None else shown > real


def _conditions(run: RunRecord, answer: PageAnswer) -> Facts:
    facts, timed, warmup = answer.facts, answer.timed, answer.warmup
    conditions: dict[str, Scalar] = {
        **run.conditions,
        "cross_origin_isolated": facts.cross_origin_isolated,
        "timer_resolution_s": None
        if answer.clock_tick_ms is None
        else round(answer.clock_tick_ms / 1000, 9),
        "hardware_concurrency": facts.hardware_concurrency,
        "hardware_concurrency_real": facts.hardware_concurrency_real,
        "threads_forced": _pretended(facts),
        "wasm_heap_shared": facts.wasm_heap_shared,
        "user_agent": facts.user_agent,
        "scripts_s": None if answer.scripts_ms is None else answer.scripts_ms / 1000,
        "foreign_requests": len(_foreign(run, answer)),
        **workload_page.conditions(answer),
    }
    if warmup is not None:
        conditions["warmup_iterations_done"] = warmup.iterations
        conditions["warmup_seconds_done"] = warmup.elapsed_ms / 1000
    if timed is not None:
        conditions["batch_size"] = timed.batch_size
        conditions["iterations_done"] = len(timed.samples_ms) * timed.batch_size
    return conditions


def _phases(run: RunRecord, answer: PageAnswer | None) -> dict[str, float]:
    """Split the evaluation by the page's own clock; what it does not name is loading."""
    told = run.phases_s
    warmup = answer.warmup.elapsed_ms / 1000 if answer and answer.warmup else 0.0
    timed = answer.timed.elapsed_ms / 1000 if answer and answer.timed else 0.0
    return {
        "launch": told.get("launch", 0.0),
        "load": max(0.0, told.get("evaluate", 0.0) - warmup - timed),
        "warmup": warmup,
        "timed": timed,
        "collect": told.get("collect", 0.0),
    }
