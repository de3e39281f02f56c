"""Reads the interpreter states that benchmark_model prints with `--print_preinvoke_state` and
`--print_postinvoke_state` (tensorflow/lite/optional_debug_tools.cc).

The text is for people: only the lines that hold totals are read, and a state without them is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_END = re.compile(r"=Printing out TfLite interpreter (pre|post)-invoke state ends=")
_STATUS = "Memory Arena Status Start"
_TOTAL = re.compile(r"^- Total (arena|dynamic) memory usage: (\d+) bytes", re.MULTILINE)
_SUBGRAPH = re.compile(r"^Subgraph#(\d+)\s+Arena \((Normal|Persistent)\)\s+(\d+) \(", re.MULTILINE)
_DELEGATE = re.compile(r"^\s*Node \d+ is a (\w+) node \(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class InterpreterState:
    """One printed state: arenas in bytes per subgraph, and the delegates in its execution plan.

    `arena_bytes` is the sum of all arenas, `dynamic_bytes` what lies on the heap beside them.
    """

    moment: str
    arena_bytes: int
    dynamic_bytes: int
    normal: dict[int, int]
    persistent: dict[int, int]
    delegates: tuple[str, ...]


def read_states(text: str) -> tuple[InterpreterState, ...]:
    """Return the states that a tool's stdout has whole, in order."""
    begin = 0
    states = []
    for end in _END.finditer(text):
        states.append(_state(end.group(1), text[begin : end.start()]))
        begin = end.end()
    return tuple(state for state in states if state is not None)


def _state(moment: str, text: str) -> InterpreterState | None:
    graph, found, status = text.rpartition(_STATUS)
    totals = {match.group(1): int(match.group(2)) for match in _TOTAL.finditer(status)}
    if not found or totals.keys() != {"arena", "dynamic"}:
        return None
    arenas: dict[str, dict[int, int]] = {"Normal": {}, "Persistent": {}}
    for match in _SUBGRAPH.finditer(status):
        arenas[match.group(2)][int(match.group(1))] = int(match.group(3))
    return InterpreterState(
        moment,
        totals["arena"],
        totals["dynamic"],
        arenas["Normal"],
        arenas["Persistent"],
        tuple(dict.fromkeys(_DELEGATE.findall(graph))),
    )
