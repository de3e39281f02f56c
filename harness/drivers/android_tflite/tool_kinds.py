"""How each of the two programs called benchmark_model spells what a variant asks for.

LiteRT's program (benchmark_litert_model) chooses accelerators where TFLite's applies delegates:
its CPU accelerator is on unless switched off, and with it a full delegation is a contradiction
that the program aborts on. Source: litert/tools/benchmark_litert_model.{h,cc}.
"""

from __future__ import annotations

from typing import Any

from harness.errors import RunFailed

LITERT = "litert"
# Keys of a variant that a kind has no flag for, and what to write instead.
_WITHOUT_A_FLAG = {
    LITERT: {
        "xnnpack": "leave `xnnpack` out; its CPU accelerator cannot be told to do without XNNPACK",
        "nnapi": "use `flags: {use_npu: true}` with the vendor's libraries, or TFLite's tool",
        "precision_loss": "give its own flag under `flags:`, as its --help spells it",
    }
}


def refuse_keys_without_a_flag(name: str, kind: str, variant: Any) -> None:
    """Refuse a variant (`VariantOptions`) with a key that this kind of tool has no flag for.

    Raises:
        RunFailed: it has one; the message names the key.
    """
    for key, instead in _WITHOUT_A_FLAG.get(kind, {}).items():
        # False is an answer to `xnnpack` and `precision_loss`; `nnapi: false` asks for nothing.
        asked = variant.nnapi is not False if key == "nnapi" else getattr(variant, key) is not None
        if asked:
            raise RunFailed(
                f"{name} cannot do `{key}`: LiteRT's tool has no such flag",
                hint=instead,
                kind="unsupported",
            )


def delegate_flags(kind: str, variant: Any, known: frozenset[str]) -> dict[str, bool | str]:
    """Return the flags for a variant's delegate, and for how much of the graph it must take.

    `known` are the flags of the build's usage; full delegation is asked of a tool that has a flag
    for it, and proved from the output of any.
    """
    flags: dict[str, bool | str] = dict(variant.delegate_flags())
    if variant.delegation == "full" and "require_full_delegation" in known:
        # Meaningful only since a delegate is asked for by name: the tool counts XNNPACK, where
        # the runtime applies it by itself, as a fallback to the CPU.
        flags["require_full_delegation"] = True
        if kind == LITERT:
            flags["use_cpu"] = False
    return flags
