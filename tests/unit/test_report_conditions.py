"""Marked runs are never shown as others are, and a sustained run is a series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from report_folders import DEVICE, memory, realistic, run, session, times

from harness.model import (
    Cell,
    Failed,
    Failure,
    Figure,
    Measured,
    Measurement,
    ResultFolder,
    RunResult,
    Table,
)
from harness.plugins import registry
from harness.report import tables
from harness.report.notes import provenance
from harness.report.summary import summarise

PHONE = replace(DEVICE, virtual=False, bench="phone:1a2b3c4d")
SUSTAINED = replace(PHONE, extra_passes=("sustained",))
CELLS = [Cell("m", "fp32", "device", variant) for variant in PHONE.variants]
LIGHT = "thermal status 1 (light) at the end"


def marked(one: RunResult, word: str | None, reason: str = LIGHT) -> RunResult:
    verdict: dict[str, Any] = {} if word is None else {"verdict": word, "verdict_reason": reason}
    return replace(
        one,
        bench=PHONE.bench,
        setting={**one.setting, "virtual": False},
        conditions={**one.conditions, **verdict},
    )


def folder(word_of: Callable[[Cell, int], str | None], *more: RunResult) -> ResultFolder:
    runs = [
        marked(run(cell, block, times(0.01)), word_of(cell, block))
        for block in range(1, 7)
        for cell in CELLS
    ]
    return ResultFolder("r", session((PHONE,), ("m",), memory_runs=0), (*runs, *more))


def table(name: str, *folders: ResultFolder) -> Table:
    return next(found for found in tables.build(folders) if found.name == name)


def column(found: Table, key: str) -> list[Any]:
    at = [column.key for column in found.columns].index(key)
    return [value.text if isinstance(value, Figure) else value for value in
            (row[at] for row in found.rows)]  # fmt: skip


def test_without_verdicts_there_is_no_column_for_them() -> None:
    found = table("latency", folder(lambda *_: None))
    assert "conditions" not in {one.key for one in found.columns}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ok",) * 6, "ok"),
        (("throttled",) * 6, "throttled"),
        (("ok", "ok", "noisy", "throttled", "ok", "ok"), "1 throttled, 1 noisy of 6"),
        (("ok", None, "ok", "ok", "ok", "ok"), "not known"),
    ],
)
def test_each_row_says_its_verdicts(words: tuple[str | None, ...], said: str) -> None:
    found = table("latency", folder(lambda _, block: words[block - 1]))
    assert column(found, "conditions") == [said, said]


def test_conditions_that_were_watched_and_not_told_are_not_known() -> None:
    silent = folder(lambda *_: None)
    reason = {"verdict_reason": "neither of them is known"}
    runs = [replace(one, conditions={**one.conditions, **reason}) for one in silent.runs]
    found = table("latency", replace(silent, runs=tuple(runs)))
    assert column(found, "conditions") == ["not known", "not known"]
    assert "Conditions not known: neither of them is known." in found.notes


def test_marked_runs_keep_their_numbers_and_are_told_under_every_table() -> None:
    folders = folder(lambda cell, block: "throttled" if (cell, block) == (CELLS[1], 3) else "ok")
    for name in ("latency", "coverage"):
        notes = "\n".join(table(name, folders).notes)
        assert f"Marked throttled: 1 × m cpu-2 (latency). Why: {LIGHT}." in notes
    assert column(table("latency", folders), "runs") == ["6", "6"]


def test_a_ratio_says_how_many_of_its_blocks_are_marked() -> None:
    folders = folder(lambda cell, block: "noisy" if block < 3 and cell == CELLS[0] else "ok")
    for name in ("latency", "speedups"):
        notes = "\n".join(table(name, folders).notes)
        assert "noisy or throttled runs in their blocks: cpu-2/cpu-1 2 of 6" in notes
    clean = "\n".join(table("latency", folder(lambda *_: "ok")).notes)
    assert "in their blocks" not in clean


def test_memory_rows_say_their_verdicts_too() -> None:
    fat = marked(run(CELLS[0], 1, memory(peak_rss=2.0**20), pass_="memory"), "noisy", "busy")
    found = table("memory", folder(lambda *_: "ok", fat))
    assert column(found, "conditions") == ["noisy"]
    assert any("Why: busy." in note for note in found.notes)


def test_an_invalid_run_is_a_failure_with_its_reason() -> None:
    failure = Failure("conditions-invalid", "thermal status 3 (severe) at the end", "let it cool")
    broken = marked(run(CELLS[0], 6, Failed(failure), attempt=2), "invalid")
    found = table("coverage", folder(lambda *_: "ok", broken))
    assert column(found, "reason") == ["conditions-invalid: thermal status 3 (severe) at the end"]
    assert column(found, "next_step") == ["let it cool"]


def sustained(**series: tuple[float, ...]) -> ResultFolder:
    units = {"window_latency_mean": "s", "window_frequency": "Hz"}
    measured = (
        Measurement(name, units.get(name, "degC"), samples=values)
        for name, values in series.items()
    )
    unknown = Measurement("window_skin_temperature", "degC", absent="not known")
    outcome = Measured((*measured, unknown))
    one = marked(
        run(CELLS[0], 1, outcome, pass_="sustained", setting={"timed_max_seconds": 60.0}),
        "throttled",
    )
    one = replace(one, conditions={**one.conditions, "tool_share": 0.97})
    first = folder(lambda *_: None)
    record = replace(first.session, targets=(SUSTAINED,))
    return replace(first, session=record, runs=(*first.runs, one))


SERIES = sustained(
    window_latency_mean=(0.010, 0.011, 0.014, 0.012),
    window_battery_temperature=(30.0, 33.0, 36.5, 38.1),
    window_frequency=(2.8e9, 2.8e9, 1.9e9, 2.1e9),
)


def test_a_sustained_run_has_a_row_with_its_first_last_and_worst_window() -> None:
    found = table("sustained", SERIES)
    keys = ("first", "last", "worst", "drift", "battery_begin", "battery_end", "clock_begin",
            "clock_end", "conditions")  # fmt: skip
    assert [column(found, key) for key in keys] == [
        ["10.0"], ["12.0"], ["14.0"], ["1.20×"], ["30.0"], ["38.1"], ["2.80"], ["2.10"],
        ["throttled"],
    ]  # fmt: skip
    notes = "\n".join(found.notes)
    assert "windows of 60 s; the tool ran for at least 97 % of that time" in notes
    assert "No window_skin_temperature: not known." in notes
    assert LIGHT in notes


def test_a_sustained_run_has_a_row_per_window() -> None:
    found = table("sustained-series", SERIES)
    assert column(found, "window") == ["1", "2", "3", "4"]
    assert column(found, "time") == ["10.0", "11.0", "14.0", "12.0"]
    assert column(found, "battery") == ["30.0", "33.0", "36.5", "38.1"]
    assert column(found, "clock") == ["2.80", "2.80", "1.90", "2.10"]
    assert column(found, "skin") == [None] * 4


def test_a_series_never_touches_latency_or_its_ratios() -> None:
    assert column(table("latency", SERIES), "time") == ["10.0", "10.0"]


@pytest.mark.parametrize("name", registry("formats").names)
def test_every_format_shows_marks_and_series(name: str) -> None:
    text = registry("formats").get(name).render(tables.build([SERIES]))
    assert "throttled" in text
    assert "1.20" in text


def test_console_errors_are_told_under_the_table() -> None:
    quiet = realistic()
    assert "console" not in " ".join(provenance(summarise([quiet])))
    runs = tuple(
        replace(run, conditions={**run.conditions, "console_errors": 2 * int(run.block == 1)})
        for run in quiet.runs
    )
    notes = " ".join(provenance(summarise([replace(quiet, runs=runs)])))
    assert "On the browser's console: " in notes
