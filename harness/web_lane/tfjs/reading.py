"""What the adapter of TF.js says of itself, read into facts and metrics; pure."""

from __future__ import annotations

from harness.model import Facts, Measurement, Scalar
from harness.tools.measuring_page import PageAnswer, told_bytes
from harness.tools.tfjs_page import WASM_BINARIES, gpu_kind, threads_as_shipped
from harness.web_lane.runtime import RuntimeReading


def seen_of_tfjs(answer: PageAnswer) -> Facts:
    """Return which back end computed, and with how many threads or on which GPU."""
    facts = answer.facts
    seen: dict[str, Scalar] = {"backend": facts.backend}
    if facts.backend == "wasm":
        return {**seen, "threads": facts.threads, "as_shipped": facts.as_shipped}
    if facts.gpu_renderer:
        kind = gpu_kind(facts.gpu_renderer, fallback=facts.gpu_fallback)
        seen |= {"gpu_told": True, "gpu": kind, "gpu_renderer": facts.gpu_renderer}
    return seen


def setting_of_tfjs(observed: Facts) -> Facts:
    """Return what two runs must have in common of what was observed."""
    if observed.get("backend") not in {None, "wasm"}:
        return {key: observed.get(key) for key in ("backend", "gpu", "gpu_renderer")}
    variants = {binary: variant for variant, binary in WASM_BINARIES.items()}
    return {
        "threads": observed.get("threads"),
        "wasm": variants.get(str(observed.get("wasm_binary"))),
        "as_shipped": observed.get("as_shipped"),
    }


def _conditions(answer: PageAnswer) -> Facts:
    facts = answer.facts
    conditions: dict[str, Scalar] = {
        "tf_memory_unreliable": facts.tf_memory_unreliable,
        "execution": facts.execution,
    }
    cores = facts.hardware_concurrency_real or facts.hardware_concurrency
    if cores is not None and facts.threads is not None:
        by_itself = threads_as_shipped(cores)
        conditions["threads_as_shipped"] = by_itself
        conditions["threads_forced"] = facts.threads > by_itself
    return conditions


def memory_told(answer: PageAnswer) -> tuple[Measurement, ...]:
    """Return the memory metrics that TF.js itself tells."""
    facts = answer.facts
    numbers = told_bytes({"tf_num_bytes": facts.tf_num_bytes})
    if facts.backend == "wasm":
        return (*told_bytes({"wasm_heap": facts.wasm_heap_bytes}), *numbers)
    without = Measurement("wasm_heap", "B", absent=f"the {facts.backend} back end has no Wasm")
    if facts.gpu_renderer is None:
        return (without, *numbers)
    return (without, *numbers, *told_bytes({"tf_gpu_bytes": facts.tf_gpu_bytes}))


TFJS_READING = RuntimeReading(
    seen=seen_of_tfjs,
    setting=setting_of_tfjs,
    conditions=_conditions,
    memory=memory_told,
    unsupported_hint="convert the model without it; this back end of TF.js cannot run it",
)
