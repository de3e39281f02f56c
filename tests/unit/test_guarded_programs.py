"""Guarded programs end with all that they started: at their end, at ours, and when we are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness.transports.processes import command_of, descendants_of, is_alive, process_with
from harness.transports.webdriver.guarded import Guard

# A program with a child, as a driver has a browser.
FAMILY = ["/bin/sh", "-c", "sleep 600 & echo up; wait"]


def until(what: Callable[[], bool]) -> bool:
    patience = time.monotonic() + 20
    while not what() and time.monotonic() < patience:
        time.sleep(0.01)
    return what()


def test_a_program_ends_with_its_children_and_may_be_ended_twice(tmp_path: Path) -> None:
    guard = Guard()
    program = guard.start(FAMILY, environ=os.environ, log=tmp_path / "log")
    assert until(lambda: program.words() == "up")
    (child,) = descendants_of(program.root, naming="sleep")
    assert is_alive(program.root)
    guard.end()
    guard.end()
    assert program.ended
    assert until(lambda: not is_alive(child))


def test_a_program_that_is_ended_gently_clears_up(tmp_path: Path) -> None:
    guard = Guard()
    tidy = "trap 'echo cleared; exit' TERM; echo up; while :; do sleep 0.01; done"
    program = guard.start(
        ["/bin/sh", "-c", tidy], environ=os.environ, log=tmp_path / "log", gently=True
    )
    assert until(lambda: program.words() == "up")
    guard.end()
    assert program.words() == "up\ncleared"


def test_a_program_sees_its_environment_and_nothing_on_its_standard_input(tmp_path: Path) -> None:
    guard = Guard()
    program = guard.start(
        ["/bin/sh", "-c", 'cat; echo "$WORD"'],
        environ={**os.environ, "WORD": "a b"},
        log=tmp_path / "log",
    )
    assert until(lambda: program.ended)
    guard.end()
    assert program.words() == "a b"


def test_a_program_that_is_not_there_has_ended_and_says_so(tmp_path: Path) -> None:
    guard = Guard()
    program = guard.start(["no-such-program"], environ=os.environ, log=tmp_path / "log")
    assert until(lambda: program.ended)
    assert "no-such-program" in program.words()
    guard.end()


HARNESS = """
import os, sys, time
from pathlib import Path
from harness.transports.webdriver.guarded import Guard
program = Guard().start(["/bin/sh", "-c", "sleep 600 & wait"], environ=os.environ,
                        log=Path(sys.argv[1]))
print(program.root.pid, flush=True)
time.sleep(600)
"""


def test_a_program_ends_with_its_children_when_the_harness_is_killed(tmp_path: Path) -> None:
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(tmp_path / "log")], stdout=subprocess.PIPE
    )
    assert harness.stdout
    with harness.stdout:
        root = process_with(int(harness.stdout.readline()))
    assert until(lambda: bool(descendants_of(root, naming="sleep")))
    (child,) = descendants_of(root, naming="sleep")
    assert "sleep" in command_of(child.pid)
    harness.kill()
    harness.wait()
    assert until(lambda: not is_alive(root) and not is_alive(child))
