"""The operator tables that `--enable_op_profiling=true` prints, of every era; pure.

Formats: tensorflow/core/util/stats_calculator.cc (`HeaderString`, `ColumnString`) and
tensorflow/lite/profiling/profile_summary_formatter.cc. Times are milliseconds, memory is kB of
1000 bytes. The table on stdout is tab separated and keeps three decimals; the CSV file separates
by `, `, leaves the commas of a node type as they are and replaces those of a name by tabs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from harness.errors import OutputUnreadable
from harness.tools.benchmark_model.grammar import PREFIX

_INIT = "Profiling Info for Benchmark Initialization:"
_RUNS = "Operator-wise Profiling Info for Regular Benchmark Runs:"
_GRAPH = re.compile(r"(?P<graph>Primary graph|Subgraph \(index: \d+|Delegate internal)\b.*:\s*")
_TABLE = re.compile(r"={10,} (?P<title>[A-Z].*?) ={10,}")
_NODES = re.compile(r"Number of nodes executed: (\d{1,9})")
_NUMBER = r"(?:\d{1,16}(?:\.\d{1,12})?(?:e[+-]\d{2,3})?)"
_TIMINGS = re.compile(
    r"(?:Subgraph \(index: \d+.*\) )?Timings \(microseconds\): count=\d{1,9}"
    rf"(?: curr=(?P<curr>\d{{1,12}})(?:\(all same\))?| first=.* avg=(?P<avg>{_NUMBER}) std=.*)?"
)
_SHARE = rf"(?:{_NUMBER}|-?nan)"
_TAB_ROW = re.compile(
    rf"\t *(?P<type>[^\t]*)(?:\t *(?P<start>{_NUMBER}))?\t *(?P<first>{_NUMBER})"
    rf"\t *(?P<mean>{_NUMBER})\t *(?P<share>{_SHARE})%\t *(?P<sum>{_SHARE})%"
    rf"\t *(?P<kb>{_NUMBER})\t *(?P<times>\d{{1,9}})\t(?P<name>.*)"
)
_CSV_ROW = re.compile(
    rf"(?P<type>.*?),(?: (?P<start>{_NUMBER}),)? (?P<first>{_NUMBER}), (?P<mean>{_NUMBER}), "
    rf"(?P<share>{_SHARE})%, (?P<sum>{_SHARE})%, (?P<kb>{_NUMBER}), "
    r"(?P<times>\d{1,9}), (?P<name>.*)"
)
_RUN_ORDER = "Run Order"
_LARGEST = Decimal(10) ** 12
_HINT = "run it again; compare the profile in the raw folder"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator, or what stands for it: a delegate's kernel, a phase of initialisation.

    `mean_s` is that of one call, `times_called` how often an inference calls it (whole, rounded
    down); `share` is its part of all operators of its table (0 to 1), None where the tool divided
    by zero. `graph` is '' for the
    primary graph, else `subgraph N` or `delegate` (what happens inside of a delegate's node,
    and is contained in that node's own time).
    """

    type: str
    name: str
    first_s: float
    mean_s: float
    share: float | None
    memory_bytes: float
    times_called: int
    graph: str = ""


@dataclass(frozen=True, slots=True)
class OpProfile:
    """The operators in the order in which they ran; the times of initialisation stand apart."""

    init: tuple[Operator, ...]
    runs: tuple[Operator, ...]


def read_op_profile(text: str, csv: bool) -> OpProfile:
    """Read the profile out of the tool's stdout (`csv` False), or out of its CSV file.

    Raises:
        OutputUnreadable: there is no profile of the regular runs, or a table in it is cut, torn,
            lacks a row or has one twice.
    """
    lines = [PREFIX.sub("", line, count=1) for line in text.replace("\r\n", "\n").split("\n")]
    found: dict[str, list[Operator]] = {_INIT: [], _RUNS: []}
    for section, operators in _tables(lines, _CSV_ROW if csv else _TAB_ROW):
        found[section] += operators
    if not found[_RUNS]:
        raise _unreadable("there is no table of operators of the regular runs", kind="no-profile")
    return OpProfile(tuple(found[_INIT]), tuple(found[_RUNS]))


def _tables(
    lines: Sequence[str], row: re.Pattern[str]
) -> Iterator[tuple[str, tuple[Operator, ...]]]:
    """Give (section, operators) for each table in run order."""
    section, graph = "", ""
    seen: set[tuple[str, str]] = set()
    at = iter(lines)
    for line in at:
        title = _TABLE.fullmatch(line)
        if line in (_INIT, _RUNS):
            section, graph = line, ""
        elif match := _GRAPH.fullmatch(line):
            graph = _graph(match["graph"])
        elif title and title["title"] == _RUN_ORDER:
            if not section or (section, graph) in seen:
                raise _unreadable("a table of operators stands under no title, or is there twice")
            seen.add((section, graph))
            yield section, _table(at, row, graph)


def _graph(words: str) -> str:
    if words.startswith("Primary"):
        return ""
    return "delegate" if words.startswith("Delegate") else f"subgraph {words.rpartition(' ')[2]}"


def _table(at: Iterator[str], row: re.Pattern[str], graph: str) -> tuple[Operator, ...]:
    """Read the rows of one table, and what the tool says after it about their number."""
    if "times called" not in next(at, ""):
        raise _unreadable("the heading of a table of operators is damaged")
    operators, sums = [], []
    for line in at:
        if not line:
            break
        match = row.fullmatch(line)
        if match is None:
            raise _unreadable(f"a row of the table of operators is damaged: {line.strip()[:120]!r}")
        operators.append(_operator(match, graph))
        sums.append(_share(match["sum"]))
    total_s = _after_the_table(at, len(operators))
    _check_sums(operators, sums)
    _check_means(operators, total_s)
    return tuple(operators)


def _operator(match: re.Match[str], graph: str) -> Operator:
    return Operator(
        type=match["type"].strip(),
        # Only the CSV file has tabs there, in the place of commas.
        name=match["name"].replace("\t", ","),
        first_s=_scaled(match["first"], -3),
        mean_s=_scaled(match["mean"], -3),
        share=_share(match["share"]),
        memory_bytes=_scaled(match["kb"], 3),
        times_called=int(match["times"]),
        graph=graph,
    )


def _after_the_table(at: Iterable[str], rows: int) -> float:
    """Return the time of all operators of one inference; check how many the tool counted."""
    counted = False
    for line in at:
        if match := _NODES.fullmatch(line):
            if int(match[1]) != rows:
                raise _unreadable(f"the tool ran {match[1]} operators, its table has {rows}")
            counted = True
        elif match := _TIMINGS.fullmatch(line):
            if counted:
                return _scaled(match["avg"] or match["curr"] or "0", -6)
            break
        elif (title := _TABLE.fullmatch(line)) and title["title"] == _RUN_ORDER:
            break
    raise _unreadable("the table of operators has no end")


def _check_sums(operators: Sequence[Operator], sums: Sequence[float | None]) -> None:
    """Shares are printed with their running sum, so that a damaged one betrays itself."""
    total = 0.0
    for operator, printed in zip(operators, sums, strict=True):
        if operator.share is None or printed is None:
            if any(one.mean_s for one in operators):
                raise _unreadable(f"the share of {operator.name!r} is not a number")
            return
        if abs(total + operator.share - printed) > 3e-5:
            raise _unreadable(f"the shares do not add up at {operator.name!r}")
        total = printed
    if operators and abs(total - 1) > 1e-4:
        raise _unreadable(f"the shares add up to {100 * total:g} %")


def _check_means(operators: Sequence[Operator], total_s: float) -> None:
    """Every share is its time over that of all, where every inference calls each once."""
    if any(operator.times_called != 1 for operator in operators):
        return
    # The table keeps whole microseconds, and five digits of a share.
    slack_s = 6e-7 + 2e-5 * total_s
    for operator in operators:
        if abs((operator.share or 0.0) * total_s - operator.mean_s) > slack_s:
            raise _unreadable(f"time and share of {operator.name!r} disagree")
    if abs(math.fsum(one.mean_s for one in operators) - total_s) > len(operators) * slack_s:
        raise _unreadable("the times of the operators do not add up")


def _share(text: str) -> float | None:
    return None if text.endswith("nan") else _scaled(text, -2)


def _scaled(text: str, digits: int) -> float:
    value = Decimal(text)
    if value > _LARGEST:
        raise _unreadable(f"{text} is not a measurement")
    return float(value.scaleb(digits))


def _unreadable(message: str, *, kind: str = "") -> OutputUnreadable:
    return OutputUnreadable(message, hint=_HINT, kind=kind)
