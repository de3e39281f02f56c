"""The outputs of `benchmark_model_performance_options`: a block per option, then a summary.

Format: tensorflow/lite/tools/benchmark/benchmark_performance_options.cc. That tool exits with 0
whatever happens, so an option is proved by its own complete block and by the row of the summary
that repeats its statistics letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.model import Failure
from harness.tools.benchmark_model import failures, grammar
from harness.tools.benchmark_model.facts import read_facts
from harness.tools.benchmark_model.parser import lines_of, parse
from harness.tools.benchmark_model.reading import Numbers, OptionReading, ToolFacts

_LIST = re.compile(r"The list of TFLite runtime options to be benchmarked: \[(.*)\]")
_LIST_OF_ONE = "The list of TFLite runtime options to be benchmarked: [none]"
_SUMMARY = re.compile(r"=+ ?Summary of All Runs w/ Different Performance Options ?=+")
_ROW = re.compile(r" *(?P<label>\S.{0,80}?): (?P<said>count=.*| failed!)")
# The first line of a block, newest build first; a build prints one of them once per block.
_BLOCK_STARTS = ("Log parameter values verbosely:", "Min num runs:", "Num runs:")
_LOW_PRECISION = re.compile(r"Allow lower precision in gpu ?: \[1\]")
_ACCELERATOR = re.compile(r"NNAPI accelerator name ?: \[(.+)\]", re.IGNORECASE)
_NOT_TOLD = "not told"
_THREADS = re.compile(r" w/ -?\d+ threads")
_FAILED = " failed!"


@dataclass(frozen=True, slots=True)
class _Block:
    text: str
    texts: tuple[str, ...]
    facts: ToolFacts

    @property
    def said(self) -> str:
        """The statistics of the timed runs, as the summary repeats them."""
        stats = [text for text in self.texts if text.startswith("count=")]
        return stats[1] if len(stats) == 2 else ""


def parse_options(
    stdout: str, stderr: str, exit_code: int | None, result_proto: bytes | None = None
) -> tuple[OptionReading, ...]:
    """Read any output of the tools, one reading per benchmarked option. Never raises.

    As `parse`, with two differences: the multi-option tool's output is read, and without an
    exit code complete figures are `unproved` instead of none. `result_proto` belongs to the
    last option, since each one overwrites the file.
    """
    texts = [grammar.PREFIX.sub("", line, count=1) for line in lines_of(stdout)]
    if any(_LIST.fullmatch(text) or _SUMMARY.fullmatch(text) for text in texts):
        return _read_several(stdout, stderr, exit_code, result_proto)
    if any("for multi-option runs" in line for line in lines_of(stderr)):
        return (_nothing_ran("options", texts, [*lines_of(stderr), *texts], exit_code),)
    starts = [at for at, text in enumerate(texts) if text.startswith("STARTING!")]
    if len(starts) > 1:
        return _read_one_by_one(lines_of(stdout), starts, exit_code)
    return (_read_one(stdout, stderr, exit_code, result_proto),)


def label_of(texts: Sequence[str], facts: ToolFacts, xnnpack: Sequence[str]) -> str:
    """Name an option as the multi-option tool does, by the flags that its block echoes.

    `xnnpack` are the delegates among which it is looked for: those asked for, or applied.
    """
    if facts.tool in ("benchmark_litert_model", "litert-benchmark"):
        return _label_of_litert(facts)
    if "NNAPI" in facts.asked:
        names = [match[1] for text in texts if (match := _ACCELERATOR.fullmatch(text))]
        return f"nnapi({names[0]})" if names else "nnapi(w/o accel name)"
    if "GPU" in facts.asked:
        return "gpu-fp16" if any(map(_LOW_PRECISION.fullmatch, texts)) else "gpu-default"
    if "Hexagon" in facts.asked:
        return "dsp w/ hexagon"
    for name in ("COREML", "EXTERNAL"):
        if name in facts.asked:
            return name.lower()
    threads = "" if facts.threads is None else f" w/ {facts.threads} threads"
    return f"cpu{threads}" + (" (xnnpack)" if "XNNPACK" in xnnpack else "")


def _read_one_by_one(
    lines: Sequence[str], starts: Sequence[int], exit_code: int | None
) -> tuple[OptionReading, ...]:
    """Read runs that stand one after another in a log; the exit code is that of the last one.

    A separate stderr and a result file are left out: nobody knows which run they belong to.
    """
    ends = [*starts[1:], len(lines)]
    readings = []
    for start, end in zip([0, *starts[1:]], ends, strict=True):
        last = end == len(lines)
        text = "\n".join(lines[start:end]) + ("" if last else "\n")
        readings.append(_read_one(text, "", exit_code if last else None, None))
    return tuple(readings)


def _label_of_litert(facts: ToolFacts) -> str:
    """Name the accelerator; the C++ tool does not say which one its flags asked for."""
    names = [name for name in (*facts.asked, *facts.applied) if name != "XNNPACK"]
    told = "+".join(dict.fromkeys(name.lower() for name in names))
    if not told:
        told = "cpu" if facts.tool == "litert-benchmark" else "accelerator not told"
    threads = "" if facts.threads is None else f" w/ {facts.threads} threads"
    return f"{told}{threads}" + (" (xnnpack)" if facts.xnnpack and told == "cpu" else "")


def _read_one(
    stdout: str, stderr: str, exit_code: int | None, result_proto: bytes | None
) -> OptionReading:
    lines = [*lines_of(stdout), *lines_of(stderr)]
    texts = [grammar.PREFIX.sub("", line, count=1) for line in lines]
    said = parse(stdout, stderr, 0 if exit_code is None else exit_code, result_proto)
    label = label_of(texts, said.facts, said.facts.applied)
    if label == "cpu" and not said.facts.tool:
        label = _NOT_TOLD  # it never started, or this is a part of its output
    if exit_code is not None:
        return OptionReading(label, said.facts, said.numbers, failure=said.failure)
    failure = failures.for_lines(lines, " ".join(said.facts.unconsumed_flags)) or said.failure
    if failure is None:
        failure = failures.exit_code_unknown()
        return OptionReading(label, said.facts, unproved=said.numbers, failure=failure)
    if failure.kind == "no-timing-line":
        failure = failures.no_results()
    return OptionReading(label, said.facts, failure=failure)


def _read_several(
    stdout: str, stderr: str, exit_code: int | None, result_proto: bytes | None
) -> tuple[OptionReading, ...]:
    lines = lines_of(stdout)
    texts = [grammar.PREFIX.sub("", line, count=1) for line in lines]
    end = next((at for at, text in enumerate(texts) if _SUMMARY.fullmatch(text)), len(texts))
    starts = _block_starts(texts[:end])
    everything = [*lines_of(stderr), *lines]
    if not starts:
        return (_nothing_ran("options", texts, everything, exit_code),)
    ignored = read_facts(texts[: starts[0]])
    blocks = [
        _block(lines, texts, start, stop, ignored)
        for start, stop in zip(starts, [*starts[1:], end], strict=True)
    ]
    # Only the list `none` stands for one run.
    alone = _LIST_OF_ONE in texts
    rows = [match for text in texts[end:] if (match := _ROW.fullmatch(text))]
    files = [*([None] * (len(blocks) - 1)), result_proto]
    readings = [
        _read_block(block, rows, file, exit_code, alone=alone)
        for block, file in zip(blocks, files, strict=True)
    ]
    told = _told_by_stderr(readings, lines_of(stderr))
    return (*told, *_without_a_block(rows, blocks, readings))


def _block_starts(texts: Sequence[str]) -> list[int]:
    for words in _BLOCK_STARTS:
        starts = [at for at, text in enumerate(texts) if text.startswith(words)]
        if starts:
            return starts
    return []


def _block(
    lines: Sequence[str], texts: Sequence[str], start: int, stop: int, ignored: ToolFacts
) -> _Block:
    # Only an output that was cut has a last line without an end.
    end = "\n" if stop < len(lines) else ""
    facts = read_facts(texts[start:stop])
    facts = replace(
        facts,
        unconsumed_flags=(*ignored.unconsumed_flags, *facts.unconsumed_flags),
        duplicate_flags=(*ignored.duplicate_flags, *facts.duplicate_flags),
    )
    return _Block("\n".join(lines[start:stop]) + end, tuple(texts[start:stop]), facts)


def _read_block(
    block: _Block,
    rows: Sequence[re.Match[str]],
    file: bytes | None,
    exit_code: int | None,
    *,
    alone: bool,
) -> OptionReading:
    own = label_of(block.texts, block.facts, block.facts.asked)
    said = parse(block.text, "", 0, file)
    row = _row_of(block, own, rows)
    label = row["label"] if row else own
    if said.numbers is None or (row and row["said"] == _FAILED):
        failed = failures.for_lines(block.text.split("\n"), "") or said.failure
        return OptionReading(label, block.facts, failure=failed or failures.option_failed())
    failure = _why_refused(block, own, row, rows)
    if failure is not None:
        return OptionReading(label, block.facts, failure=failure)
    # The high-water mark of a process belongs to none of the options that it ran.
    numbers = said.numbers if alone else _without_memory(said.numbers)
    missing = _why_unproved(row, exit_code)
    return OptionReading(
        label,
        block.facts,
        numbers=None if missing else numbers,
        unproved=numbers if missing else None,
        failure=missing,
        one_of_several=not alone,
    )


def _without_memory(numbers: Numbers) -> Numbers:
    return replace(numbers, footprint_init_bytes=None, footprint_bytes=None, peak_rss_bytes=None)


def _row_of(block: _Block, own: str, rows: Sequence[re.Match[str]]) -> re.Match[str] | None:
    """Return the row with the very statistics of a block, or the failed one of its name."""
    same = [row for row in rows if block.said and row["said"] == block.said]
    failed = [row for row in rows if row["said"] == _FAILED and row["label"] == own]
    found = same or failed
    return found[0] if len(found) == 1 else None


def _why_refused(
    block: _Block, own: str, row: re.Match[str] | None, rows: Sequence[re.Match[str]]
) -> Failure | None:
    facts = block.facts
    if facts.unconsumed_flags:
        return failures.unconsumed_flags(" ".join(facts.unconsumed_flags))
    if facts.duplicate_flags:
        return failures.duplicate_flags(" ".join(facts.duplicate_flags))
    if row is None:
        if not rows:
            return None
        return failures.unreadable(
            "inconsistent-output", f"no row of the summary repeats the statistics of {own!r}"
        )
    if [other["label"] for other in rows].count(row["label"]) > 1 or not _same(own, row["label"]):
        return failures.unreadable(
            "inconsistent-output",
            f"the summary calls {row['label']!r} what ran with the flags of {own!r}",
        )
    return None


def _same(own: str, label: str) -> bool:
    """Tell whether a label of the summary may stand for the flags that a block echoes."""
    kinds = ("gpu", "nnapi", "dsp", "coreml", "external", "cpu")
    kind, other = (next((k for k in kinds if t.startswith(k)), t) for t in (own, label))
    if kind != other:
        return False
    # Threads that were not set are not echoed, and stand in the summary as -1.
    shown = label if " w/ " in own else _THREADS.sub("", label)
    # Off Android the tool calls every precision gpu-default.
    return kind == "gpu" or own == shown.replace("(xnnpack-fp16)", "(xnnpack)")


def _why_unproved(row: re.Match[str] | None, exit_code: int | None) -> Failure | None:
    if row is None:
        return failures.not_in_summary()
    if exit_code is None:
        return failures.exit_code_unknown()
    return failures.for_exit_code(exit_code, [], "")


def _told_by_stderr(
    readings: Sequence[OptionReading], lines: Sequence[str]
) -> tuple[OptionReading, ...]:
    """Give the one option that failed what stderr says; with several, nobody knows whose it is."""
    failed = [reading for reading in readings if reading.outcome == "failed"]
    told = failures.for_lines(lines, "")
    if len(failed) != 1 or told is None or failed[0].failure is None:
        return tuple(readings)
    vague = failed[0].failure.kind in {"no-timing-line", "option-failed", "inconsistent-output"}
    return tuple(
        replace(reading, failure=told) if vague and reading is failed[0] else reading
        for reading in readings
    )


def _without_a_block(
    rows: Sequence[re.Match[str]], blocks: Sequence[_Block], readings: Sequence[OptionReading]
) -> tuple[OptionReading, ...]:
    """Return a reading for each row of the summary that stands for no block."""
    labels = {reading.label for reading in readings}
    said = {block.said for block in blocks}
    found = []
    for row in rows:
        if row["label"] in labels or row["said"] in said:
            continue
        failure = failures.option_failed()
        if row["said"] != _FAILED:
            failure = failures.unreadable(
                "inconsistent-output", "the summary has figures whose own output is not there"
            )
        found.append(OptionReading(row["label"], ToolFacts(), failure=failure))
    return tuple(found)


def _nothing_ran(
    label: str, texts: Sequence[str], lines: Sequence[str], exit_code: int | None
) -> OptionReading:
    asked = next((match[1] for text in texts if (match := _LIST.fullmatch(text))), label)
    facts = read_facts(texts)
    failure = failures.for_exit_code(exit_code or 1, lines, " ".join(facts.unconsumed_flags))
    if exit_code is None:
        failure = failures.for_lines(lines, "") or failure
    return OptionReading(asked, facts, failure=failure)
