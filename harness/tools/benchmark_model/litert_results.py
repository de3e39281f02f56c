"""The results block of LiteRT's own tools: `benchmark_litert_model` and `litert-benchmark`.

Milliseconds with two decimals (so a tick of 10 µs) and MB of 2**20 bytes; the C++ tool
writes it to stderr through its log, the Python one to stdout.
Format: litert/tools/benchmark_litert_model.h and ai_edge_litert/tools/benchmark_litert_model.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.tools.benchmark_model.grammar import Unreadable, megabytes, seconds
from harness.tools.benchmark_model.reading import Stats

TICK_S = 1e-5

# What the Python tool logs before it runs; the C++ one never says which accelerator it was given.
_LOGGED = re.compile(r".* benchmark_litert_model: (?P<name>[A-Z][a-z ]+): +(?P<value>\S.*)")
_FULLY = re.compile(r"Fully accelerated: +(?P<answer>True|False)")
_TITLE = re.compile(r"(?:=+ )? ?BENCHMARK RESULTS(?: =+)?")
_END = re.compile(r"={30,}")
_LINE = re.compile(
    r"(?P<label>Model initialization|Warmup \((?:first|avg)\)|Inference \([a-z0-9]+\)"
    r"|Init footprint|Overall footprint|Peak memory): +"
    r"(?P<figure>-[01]\.00|(?:0|[1-9]\d{0,9})\.\d{2})(?P<unit> ms| MB)?"
    r"(?: \((?P<runs>\d{1,9}) runs\))?"
)
_LABELS = (
    "Model initialization",
    "Warmup (",
    "Inference (",
    "Init footprint",
    "Overall footprint",
    "Peak memory:",
)
NO_RUNS = "No inference runs were performed."


@dataclass(frozen=True, slots=True)
class ResultsBlock:
    """The figures of one block: label → figure as printed, and run counts."""

    figures: dict[str, str]
    runs: dict[str, int]

    def seconds(self, label: str) -> float | None:
        """Return a figure of milliseconds in seconds."""
        text = self.figures.get(label)
        return None if text is None else seconds(text, 3)

    def bytes(self, label: str) -> float | None:
        """Return a figure of MB in bytes."""
        text = self.figures.get(label)
        return None if text is None else megabytes(text)


def logged(texts: Sequence[str]) -> dict[str, str]:
    """Return what the Python tool logs about its run: `Accelerators`, `Num threads`, …"""
    matches = (match for text in texts if (match := _LOGGED.fullmatch(text)))
    return {match["name"]: match["value"].strip() for match in matches}


def fully_accelerated(texts: Sequence[str]) -> bool:
    """Tell whether the Python tool says so in its results."""
    answers = {match["answer"] for text in texts if (match := _FULLY.fullmatch(text))}
    return answers == {"True"}


def find_blocks(texts: Sequence[str]) -> list[ResultsBlock]:
    """Return every complete block among lines whose log prefixes are stripped.

    Raises:
        Unreadable: a block has no end, or a figure in it is damaged or there twice.
    """
    blocks: list[ResultsBlock] = []
    current: ResultsBlock | None = None
    for text in texts:
        if _TITLE.fullmatch(text.rstrip()):
            if current is not None:
                raise Unreadable("a results block has no end")
            current = ResultsBlock({}, {})
        elif current is not None and _END.fullmatch(text):
            # The Python tool has a rule under its title too.
            if current.figures:
                blocks.append(current)
                current = None
        elif current is not None:
            _add(current, text)
    if current is not None:
        raise Unreadable("the results block has no end")
    return blocks


def block_stats(block: ResultsBlock) -> tuple[Stats | None, Stats]:
    """Return warm-up and timed statistics of a block.

    Raises:
        Unreadable: a figure that every build prints is missing, or they contradict each other.
    """
    count = block.runs.get("Inference (avg)")
    mean_s = block.seconds("Inference (avg)")
    if not count or mean_s is None or "Model initialization" not in block.figures:
        raise Unreadable("the results block is not complete")
    timed = Stats(
        count,
        min_s=block.seconds("Inference (min)"),
        max_s=block.seconds("Inference (max)"),
        mean_s=mean_s,
        std_s=block.seconds("Inference (std)"),
        p5_s=block.seconds("Inference (p5)"),
        p50_s=block.seconds("Inference (median)"),
        p95_s=block.seconds("Inference (p95)"),
    )
    _check_order(timed)
    warmups = block.runs.get("Warmup (avg)", 0)
    warmup = Stats(
        warmups, first_s=block.seconds("Warmup (first)"), mean_s=block.seconds("Warmup (avg)")
    )
    return (warmup if warmups else None), timed


def _add(block: ResultsBlock, text: str) -> None:
    match = _LINE.fullmatch(text)
    if match is None:
        if text.startswith(_LABELS):
            raise Unreadable(f"{text!r} is damaged")
        return
    label = match["label"]
    wanted = " MB" if "footprint" in label or "memory" in label else " ms"
    # The C++ tool prints its standard deviation without a unit.
    if match["unit"] != wanted and label != "Inference (std)":
        raise Unreadable(f"{text!r} has no unit")
    # Only memory is ever "not available".
    if match["figure"].startswith("-") and wanted != " MB":
        raise Unreadable(f"{text!r} is no time")
    if label in block.figures:
        raise Unreadable(f"{label} is there twice", kind="inconsistent-output")
    block.figures[label] = match["figure"]
    if match["runs"] is not None:
        block.runs[label] = int(match["runs"])


def _check_order(stats: Stats) -> None:
    low = stats.min_s if stats.min_s is not None else 0.0
    high = stats.max_s if stats.max_s is not None else float("inf")
    figures = (stats.mean_s, stats.p5_s, stats.p50_s, stats.p95_s)
    ordered = [value for value in (stats.p5_s, stats.p50_s, stats.p95_s) if value is not None]
    if ordered != sorted(ordered) or any(
        value is not None and not low <= value <= high for value in figures
    ):
        raise Unreadable("the results block contradicts itself", kind="inconsistent-output")
