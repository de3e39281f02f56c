"""What the adapter of TF.js says of itself, read into facts and metrics; pure."""

from __future__ import annotations

from harness.model import Facts, Measurement, Scalar
from harness.tools.measuring_page import PageAnswer, told_bytes
from harness.tools.tfjs_page import WASM_BINARIES, threads_as_shipped
from harness.web_lane.runtime import RuntimeReading


def _seen(answer: PageAnswer) -> Facts:
    facts = answer.facts
    return {"backend": facts.backend, "threads": facts.threads, "as_shipped": facts.as_shipped}


def _setting(observed: Facts) -> Facts:
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


def _memory(answer: PageAnswer) -> tuple[Measurement, ...]:
    return told_bytes(
        {"wasm_heap": answer.facts.wasm_heap_bytes, "tf_num_bytes": answer.facts.tf_num_bytes}
    )


TFJS_READING = RuntimeReading(
    seen=_seen,
    setting=_setting,
    conditions=_conditions,
    memory=_memory,
    unsupported_hint="convert the model without it; TF.js' Wasm back end cannot run this",
)
