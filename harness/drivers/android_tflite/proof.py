"""What a variant asks for, and what was seen to run: the same facts on both sides.

A number needs every asked fact to be observed. What a build does not say is not observed, and
so is refused: silence is never taken for a yes. The runtime's own lines ("Replacing N out of M
nodes") are missing in release builds off Android; the tool's own lines about a delegate that
was asked for are there in every build of TFLite's tool, and are enough.
"""

from __future__ import annotations

import re
from typing import Any

from harness.core_sets import core_list, core_numbers
from harness.model import Scalar
from harness.tools.benchmark_model import ToolFacts
from harness.tools.benchmark_model.parameters import Parameters

_KINDS = {"benchmark_model": "benchmark_model", "benchmark_litert_model": "litert"}
"""What a tool's output shows it to be → the suite's word for it."""

_ALLOWED = re.compile(r"Cpus_allowed_list:[ \t]+(?P<cores>[0-9,-]+)\r?\n")


def asked_facts(variant: Any) -> dict[str, Scalar]:
    """Return what a variant (a `VariantOptions`) asks for and its run must show."""
    asked: dict[str, Scalar] = {"threads": variant.threads}
    if variant.xnnpack is not None:
        asked["xnnpack"] = variant.xnnpack
    delegate = variant.asked_delegate
    if delegate is not None and (delegate != "XNNPACK" or variant.delegation):
        asked |= _asked_share(delegate, variant.delegation or "partial")
    if variant.precision_loss is not None:
        asked["precision_loss"] = variant.precision_loss
    if variant.accelerator:
        asked["accelerator"] = variant.accelerator
    if variant.core_set is not None:
        asked["cores"] = core_list(variant.core_set)
    return asked


def observed_facts(facts: ToolFacts, parameters: Parameters, affinity: str) -> dict[str, Scalar]:
    """Return the same facts as they were seen; None is what nothing was said about.

    `affinity` is what on_cores.sh left: the cores that the tool was started on, '' if not asked.
    """
    some, whole = _shares(facts)
    return {
        "threads": threads(facts),
        "xnnpack": facts.xnnpack,
        "delegate": None if some is False else _delegate(facts),
        "delegation": facts.delegation or None,
        "some_nodes_delegated": some,
        "all_nodes_delegated": whole,
        "nodes_delegated": nodes(facts),
        "precision_loss": parameters.precision_loss,
        "accelerator": parameters.accelerator,
        "cores": _allowed(affinity),
        "tool_kind": _KINDS.get(facts.tool),
    }


def threads(facts: ToolFacts) -> int | None:
    """Return the threads that were counted, else what the tool says it was set to."""
    # Counted threads prove more than what the tool says it was set to.
    return facts.threads if facts.threads_observed is None else facts.threads_observed


def nodes(facts: ToolFacts) -> str | None:
    """Return `N of M` nodes of the graph that were delegated, None where nobody says."""
    if facts.delegated_nodes is None or facts.total_nodes is None:
        return None
    return f"{facts.delegated_nodes} of {facts.total_nodes}"


def _asked_share(delegate: str, share: str) -> dict[str, Scalar]:
    asked: dict[str, Scalar] = {"delegate": delegate}
    if share == "full":
        asked["all_nodes_delegated"] = True
    elif share == "partial":
        asked["some_nodes_delegated"] = True
    return asked


def _delegate(facts: ToolFacts) -> str | None:
    if facts.delegate in facts.applied:
        return facts.delegate
    # The runtime may give XNNPACK the nodes that another delegate left over.
    others = [name for name in facts.applied if name != "XNNPACK"]
    return next(iter(others or facts.applied), None)


def _shares(facts: ToolFacts) -> tuple[bool | None, bool | None]:
    """Return whether some nodes, and whether all nodes were delegated; None: nobody says."""
    said = {"completely": (True, True), "partially": (True, False), "not": (False, False)}
    some, whole = said.get(facts.delegation, (None, None))
    nodes_taken, total = facts.delegated_nodes, facts.total_nodes
    if nodes_taken is None or not total:
        return some, whole
    # Words and numbers that contradict each other prove the lesser.
    some = nodes_taken > 0 and some is not False
    return some, some and nodes_taken == total and whole is not False


def _allowed(affinity: str) -> str | None:
    match = _ALLOWED.fullmatch(affinity)
    try:
        return core_list(core_numbers(match["cores"])) if match else None
    except ValueError:
        return None
