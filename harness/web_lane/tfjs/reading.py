"""What the adapter of TF.js says of itself, read into facts and metrics; pure."""

from __future__ import annotations

from harness.model import Facts, Measurement
from harness.tools.measuring_page import PageAnswer, told_bytes
from harness.tools.tfjs_page import WASM_BINARIES
from harness.web_lane.runtime import RuntimeReading


def _seen(answer: PageAnswer) -> Facts:
    return {"backend": answer.facts.backend, "threads": answer.facts.threads}


def _setting(observed: Facts) -> Facts:
    variants = {binary: variant for variant, binary in WASM_BINARIES.items()}
    return {
        "threads": observed.get("threads"),
        "wasm": variants.get(str(observed.get("wasm_binary"))),
    }


def _conditions(answer: PageAnswer) -> Facts:
    facts = answer.facts
    return {"tf_memory_unreliable": facts.tf_memory_unreliable, "execution": facts.execution}


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
