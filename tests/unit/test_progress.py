"""Progress: one line per run in a pipe, JSON for programs, nothing that a name can steer."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.errors import TargetLost, TargetNotFound
from harness.model import Cell, Failed, Failure, Measured, Measurement, Outcome, RunResult
from harness.plan import PlannedRun
from harness.progress import Style, display, duration_text
from harness.progress.pace import Pace
from harness.progress.texts import quantity_text
from harness.runner.events import (
    BlockAdded,
    BrowserJoined,
    Event,
    LaneAhead,
    Looked,
    Noticed,
    RunFinished,
    RunStarted,
    RunWaiting,
    Serving,
    SessionFinished,
    SessionStarted,
    TargetAway,
    TargetBack,
    TargetUnavailable,
)


def a_run(variant: str = "simd", block: int = 1) -> PlannedRun:
    nothing = cast("Any", SimpleNamespace())
    cell = Cell("blazeface", "fp32", "chromium", variant)
    return PlannedRun(cell, "host", "latency", block, block, nothing, nothing, nothing)


def a_result(run: PlannedRun, outcome: Outcome) -> RunResult:
    return RunResult("id", run.cell, "host", "latency", 1, 1, 1, outcome, "2026", 1.0)


LATENCY = Measured((Measurement("latency_p50", "s", 0.002923),))


def events(outcome: Outcome = LATENCY, variant: str = "simd") -> list[Event]:
    run = a_run(variant)
    return [
        SessionStarted("results/x", 2, 1, 120.0),
        RunStarted(run),
        RunFinished(run, a_result(run, outcome)),
        TargetUnavailable("phone", TargetNotFound("no phone", hint="plug it in"), 1),
        SessionFinished(interrupted=False),
    ]


def said(style: Style, happened: list[Event]) -> str:
    stream = io.StringIO()
    with display(style, stream) as show:
        for event in happened:
            show(event)
    return stream.getvalue()


def test_a_pipe_gets_one_line_per_run_with_value_and_time_left() -> None:
    lines = said("auto", events()).splitlines()
    (line,) = [line for line in lines if "block 1" in line and "chromium/simd" in line]
    assert line.startswith("[1/2] blazeface · chromium/simd · block 1: 2.92 ms, ")
    assert line.endswith(" left")
    assert any("no phone" in line and "plug it in" in line for line in lines)


def test_a_failure_is_shown_with_its_class() -> None:
    text = said("lines", events(Failed(Failure("crashed", "it fell over", "-"))))
    assert "FAILED (crashed) it fell over" in text


def test_json_events_are_one_object_per_line() -> None:
    records = [json.loads(line) for line in said("json", events()).splitlines()]
    assert [record["event"] for record in records] == [
        "session_started",
        "run_started",
        "run_finished",
        "target_unavailable",
        "session_finished",
    ]
    assert records[2]["values"] == {"latency_p50": 0.002923}
    assert records[3]["error"]["hint"] == "plug it in"


def test_quiet_says_nothing() -> None:
    assert said("quiet", events()) == ""


@pytest.mark.parametrize("style", ["lines", "live"])
def test_a_hostile_name_cannot_steer_the_terminal(style: Style) -> None:
    text = said(style, events(variant="\x1b]0;pwned\x07[red]x"))
    assert "\x1b]0;pwned" not in text
    assert "[red]x" in text


def test_the_live_display_draws_and_leaves() -> None:
    text = said("live", events())
    assert "2 runs in 1 block," in text
    assert "1 run in" in text


def test_time_left_starts_with_the_plan_and_ends_with_the_pace() -> None:
    now = [0.0]
    pace = Pace(clock=lambda: now[0])
    pace.start(10, 100.0)
    assert pace.left_s == 100.0
    now[0], pace.done = 50.0, 5
    assert pace.left_s == 50.0
    now[0], pace.done = 300.0, 9
    assert pace.left_s == pytest.approx(300 / 9)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0187234, "s", "18.7 ms"),
        (1.5, "s", "1.50 s"),
        (2.5e-6, "s", "2.50 µs"),
        (60397977.6, "B", "57.6 MiB"),
        (512.0, "B", "512 B"),
        (0.0, "s", "0.00 µs"),
    ],
)
def test_quantities_show_three_significant_digits(value: float, unit: str, text: str) -> None:
    assert quantity_text(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (3700, "1 h 01 min")]
)
def test_durations_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_the_folder_is_named_at_the_start() -> None:
    assert str(Path("results/x")) in said("lines", events())


AWAY: list[Event] = [
    SessionStarted("results/x", 2, 1, 120.0),
    TargetAway("phone", TargetLost("the cable is out", hint="put it in"), 120.5),
    TargetBack("phone", "rebooted"),
    BlockAdded("phone", "blazeface", 3),
]


@pytest.mark.parametrize("style", ["lines", "live"])
def test_a_target_that_goes_away_and_comes_back_is_told_with_the_next_step(style: Style) -> None:
    text = " ".join(said(style, AWAY).split())
    assert "phone: the cable is out; waiting up to 2 min 00 s. Next step: put it in" in text
    assert "phone: back (rebooted)" in text
    assert "phone: a block of blazeface is added, 3 more runs" in text


def test_added_runs_count_as_runs_to_do() -> None:
    *_, last = [json.loads(line) for line in said("json", AWAY).splitlines()]
    assert (last["event"], last["runs"], last["total"]) == ("block_added", 3, 5)


LOOKS: list[Event] = [
    SessionStarted("results/x", 12, 30, 18.0, looks=(6, 9, 14, 20, 30)),
    Looked("host", "net", 6, math.log(1.031), 0.02, "sampling", 6),
    Looked("host", "", 9, math.inf, 0.02, "not reached", 0),
    Looked("host", "net", 9, None, 0.02, "reached", 0),
]


@pytest.mark.parametrize("style", ["lines", "live"])
def test_a_look_says_what_it_saw_and_what_follows(style: Style) -> None:
    text = " ".join(said(style, LOOKS).split())
    assert "12 runs for certain, 6 to 30 blocks in all, about 18 s" in text
    assert "net: ±3.1 % after 6 blocks, ±2 % asked: 6 more runs follow" in text
    assert "all models: an interval is missing after 9 blocks, ±2 % asked: not reached" in text
    assert "net: nothing to estimate after 9 blocks, ±2 % asked: reached" in text


def test_a_program_is_told_of_a_look_in_plain_json() -> None:
    records = [json.loads(line) for line in said("json", LOOKS).splitlines()]
    looked = [record for record in records if record["event"] == "looked"]
    assert [record["total"] for record in looked] == [18, 18, 18]
    assert [record["half_width"] for record in looked] == [math.log(1.031), None, None]


def test_a_program_is_told_the_class_of_a_loss() -> None:
    away = json.loads(said("json", AWAY).splitlines()[1])
    assert away["error"] == {
        "class": "target-lost",
        "message": "the cable is out",
        "hint": "put it in",
    }


@pytest.mark.parametrize("style", ["lines", "live", "json"])
def test_every_lane_is_told_apart_by_name(style: Style) -> None:
    runs = [replace(a_run(), bench=bench) for bench in ("phone:1", "phone:2")]
    lanes = (LaneAhead("phone:1", "pixel8-a", 1), LaneAhead("phone:2", "pixel8-b", 1))
    happened: list[Event] = [SessionStarted("r", 2, 1, 1.0, lanes)]
    happened += [RunStarted(run) for run in runs]
    happened += [RunFinished(run, a_result(run, LATENCY)) for run in runs]
    text = said(style, happened)
    marks = {"lines": ": blazeface", "live": "  0/1  blazeface", "json": '"'}
    for name in ("pixel8-a", "pixel8-b"):
        assert f"{name}{marks[style]}" in text


@pytest.mark.parametrize("style", ["lines", "live", "json"])
def test_a_run_that_must_wait_says_why(style: Style) -> None:
    run = a_run()
    begun = SessionStarted("results/x", 1, 1, 9.0)
    text = said(style, [begun, RunStarted(run), RunWaiting(run, "hot\x07 (for 300 s at most)")])
    assert "for 300 s at most" in text
    assert "\x07" not in text


SERVED: list[Event] = [
    Serving("http://192.0.2.7:80/t/abc/", "\x1b[48;5;231m██\x1b[0m", "AB:CD", "kitchen-ipad"),
    BrowserJoined("Kitchen iPad", "Safari/WebKit 18", "Mozilla\x1b[31m/5.0" + "x" * 900, True),
    Noticed("refused a second device from 192.0.2.9\x07"),
]


def test_a_served_session_says_where_to_come_who_came_and_what_was_refused() -> None:
    lines = said("lines", SERVED).splitlines()
    assert lines[0].endswith("http://192.0.2.7:80/t/abc/")
    assert "AB:CD" in lines[1]
    assert "kitchen-ipad" in lines[2]
    assert lines[3].startswith("connected: Kitchen iPad, Safari/WebKit 18 (threads); it calls")
    assert len(lines[3]) < 300
    assert lines[4].startswith("refused a second device")
    # No picture where nobody can point a camera at it, and nothing that steers the terminal.
    assert "\x1b" not in "".join(lines)
    assert "\x07" not in "".join(lines)


def test_a_live_display_shows_the_code_and_the_address_in_one_piece() -> None:
    shown = said("live", SERVED)
    assert "██" in shown
    assert "http://192.0.2.7:80/t/abc/" in shown
    assert "\x07" not in shown


def test_programs_that_watch_are_given_the_address_without_the_picture() -> None:
    serving, joined, noticed = map(json.loads, said("json", SERVED).splitlines())
    assert serving["event"] == "serving"
    assert serving["address"] == "http://192.0.2.7:80/t/abc/"
    assert "qr" not in serving
    assert (joined["event"], joined["label"], joined["threads"]) == (
        "browser_joined",
        "Kitchen iPad",
        True,
    )
    assert noticed["event"] == "noticed"
