"""Which delegates were asked for, which took how much of the graph, and which did not.

Lines of tensorflow/lite/tools/benchmark/benchmark_tflite_model.cc and tools/delegates/*.cc (what
was asked for and applied), core/subgraph.cc (`Replacing N out of M node(s)`) and
delegates/gpu/common/model_builder.cc (operators that the GPU does not take).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.model import Failure
from harness.tools.benchmark_model import litert_results
from harness.tools.benchmark_model.reading import Delegation, ToolFacts

# How the tool echoes a flag that was given; the eras to 2.4 put a space before the colon.
_ASKED = {
    "GPU": re.compile(r"Use gpu ?: \[1\]", re.IGNORECASE),
    "NNAPI": re.compile(r"Use nnapi ?: \[1\]", re.IGNORECASE),
    "Hexagon": re.compile(r"Use hexagon ?: \[1\]", re.IGNORECASE),
    "COREML": re.compile(r"Use core ?ml ?: \[1\]", re.IGNORECASE),
    "EXTERNAL": re.compile(r"External delegate path ?: \[.+\]"),
    "XNNPACK": re.compile(r"Use xnnpack ?: \[1\]"),
}
_APPLIED = re.compile(
    r"(?:Explicitly a|A)pplied (?P<name>\S+) delegate(?:, and the model graph will be "
    r"(?P<extent>completely|partially) executed (?:by|w/) the delegate"
    r"(?: w/ (?P<kernels>\d{1,6}) delegate kernels)?)?\.?"
)
_NOT_APPLIED = (
    re.compile(r"Though (\S+) delegate is explicitly applied, the model graph will not be .*"),
    re.compile(r"(\S+) acceleration is unsupported on this platform\.?"),
    re.compile(r"Failed to apply (\S+) delegate\.?"),
    re.compile(r"Could not create (\S+) delegate: .*"),
)
_TAKEN_BACK = "Restored original execution plan after delegate application failure."
_REPLACED = re.compile(
    r"Replacing (?P<nodes>\d{1,9}) out of (?P<of>\d{1,9}) node\(s\) with delegate "
    r"\((?P<kernel>[^)]*)\) node, yielding (?P<partitions>\d{1,9}) partitions"
    r"(?: for (?P<graph>subgraph \d+|the whole graph).*?)?\.?"
)
_GPU_COUNT = re.compile(
    r"(?:First )?(?P<gpu>\d{1,9}) operations will run on the GPU, and the remaining "
    r"(?P<cpu>\d{1,9})(?: operations will run)? on the CPU\.?"
)
_GPU_NONE = re.compile(
    r"No operations will run on the GPU, and all (?P<cpu>\d{1,9}) operations .* on the CPU\.?"
)
_UNSUPPORTED = re.compile(r"(?:Following|Next) operations are not supported by GPU delegate:")
_OPERATION = re.compile(r"[A-Z0-9_a-z() -]+: ?.*")
_KERNELS = re.compile(r"Created (?P<kernels>[1-9]\d{0,5}) GPU delegate kernels\.?")
_XNNPACK_CREATED = "Created TensorFlow Lite XNNPACK delegate for CPU."
# The names of delegates' nodes, by a part of them.
_KERNEL_NAMES = {
    "xnnpack": "XNNPACK",
    "gpu": "GPU",
    "litert_cl": "GPU",
    "nnapi": "NNAPI",
    "hexagon": "Hexagon",
    "coreml": "COREML",
}


def with_delegates(facts: ToolFacts, texts: Sequence[str]) -> ToolFacts:
    """Add what lines whose log prefixes are stripped say about delegates."""
    asked = tuple(name for name, echo in _ASKED.items() if any(map(echo.fullmatch, texts)))
    explicit = [match for text in texts if (match := _APPLIED.fullmatch(text))]
    refused = _refused(texts, asked)
    delegate = explicit[0]["name"] if explicit else next(iter(refused), "")
    replaced = _replaced(texts)
    applied = [match["name"] for match in explicit]
    applied += [name for name in _seen_otherwise(texts, replaced) if name not in applied]
    nodes, total, partitions = _nodes(texts, replaced, delegate)
    return replace(
        facts,
        asked=asked,
        applied=tuple(dict.fromkeys(name for name in applied if name not in refused)),
        not_applied=refused,
        delegate=delegate,
        delegation=_extent(explicit, refused),
        delegated_nodes=nodes,
        total_nodes=total,
        partitions=partitions,
        delegate_kernels=_kernels(explicit),
        unsupported_ops=_unsupported(texts),
    )


def with_accelerators(facts: ToolFacts, texts: Sequence[str]) -> ToolFacts:
    """Add what LiteRT's Python tool says: the accelerators asked for, and whether all ran there.

    Only a single accelerator is proved by that: of several, nobody knows which took what.
    """
    names = re.findall(r"[A-Z]+", litert_results.logged(texts).get("Accelerators", ""))
    asked = tuple(name for name in names if name != "CPU")
    proved = len(names) == 1 and litert_results.fully_accelerated(texts)
    return replace(
        facts,
        asked=(*facts.asked, *asked),
        applied=(*facts.applied, *(asked if proved else ())),
        delegate=facts.delegate or (asked[0] if asked else ""),
        delegation=facts.delegation or ("completely" if asked and proved else ""),
    )


def refusal(facts: ToolFacts) -> Failure | None:
    """Return why a run is not what was asked for: a delegate of its flags did not run."""
    hint = "the delegate does not take this model on this device; remove its flag"
    for name in facts.asked:
        if name in facts.not_applied:
            return Failure(
                "delegate-refused", f"{name} was asked for, and the tool says it did not run", hint
            )
        if name not in facts.applied:
            return Failure(
                "delegate-not-proved",
                f"{name} was asked for, and nothing in the output shows that it ran",
                "keep stderr too: some builds say there what a delegate took",
            )
    return None


def _refused(texts: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    matches = (pattern.fullmatch(text) for text in texts for pattern in _NOT_APPLIED)
    names = [match[1] for match in matches if match]
    # The runtime took a delegate back without a name: none of those asked for is proved.
    names += asked if _TAKEN_BACK in texts else ()
    return tuple(dict.fromkeys(names))


def _extent(explicit: Sequence[re.Match[str]], refused: Sequence[str]) -> Delegation:
    if explicit:
        extent = explicit[0]["extent"]
        return "completely" if extent == "completely" else "partially" if extent else ""
    return "not" if refused else ""


def _kernels(explicit: Sequence[re.Match[str]]) -> int | None:
    return int(explicit[0]["kernels"]) if explicit and explicit[0]["kernels"] else None


def _replaced(texts: Sequence[str]) -> dict[tuple[str, str], re.Match[str]]:
    """Return the last replacement by each delegate in each subgraph."""
    matches = (match for text in texts if (match := _REPLACED.fullmatch(text)))
    return {
        (_name_of(match["kernel"]), match["graph"] or ""): match
        for match in matches
        if match["nodes"] != "0"
    }


def _seen_otherwise(texts: Sequence[str], replaced: Iterable[tuple[str, str]]) -> Iterable[str]:
    yield from (name for name, _ in replaced)
    if any(map(_KERNELS.fullmatch, texts)):
        yield "GPU"
    if _XNNPACK_CREATED in texts:
        yield "XNNPACK"


def _name_of(kernel: str) -> str:
    low = kernel.lower()
    return next((name for part, name in _KERNEL_NAMES.items() if part in low), kernel)


def _nodes(
    texts: Sequence[str], replaced: dict[tuple[str, str], re.Match[str]], delegate: str
) -> tuple[int | None, int | None, int | None]:
    """Return (nodes, of, partitions) of one delegate: the explicit one, else the first."""
    names = [name for name, _ in replaced]
    wanted = delegate or next(iter(names), "")
    own = [match for (name, _), match in replaced.items() if name == wanted]
    if own:
        nodes, total, partitions = (
            sum(int(match[part]) for match in own) for part in ("nodes", "of", "partitions")
        )
        return nodes, total, partitions
    for text in texts:
        if wanted in ("", "GPU") and (match := _GPU_COUNT.fullmatch(text)):
            return int(match["gpu"]), int(match["gpu"]) + int(match["cpu"]), None
        if wanted in ("", "GPU") and (match := _GPU_NONE.fullmatch(text)):
            return 0, int(match["cpu"]), None
    return None, None, None


def _unsupported(texts: Sequence[str]) -> tuple[str, ...]:
    """Return `OP: reason` for each operator that the GPU does not take."""
    found: list[str] = []
    listing = False
    for text in texts:
        if _UNSUPPORTED.fullmatch(text):
            listing = True
        elif listing and _OPERATION.fullmatch(text):
            found.append(text.strip())
        else:
            listing = False
    return tuple(dict.fromkeys(found))
