"""Programs that the installer starts: real ones, that fail, hang or are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest

from installer import command_line
from installer.commands import Commands
from installer.lock import only_one
from installer.machine import Machine
from installer.stopped import SetupStopped
from installer.teller import Teller

ROOT = Path(__file__).parents[2]


@pytest.fixture
def commands(tmp_path):
    return Commands(tmp_path / ".setup", dict(os.environ))


def run(commands, *argv, timeout_s=30.0, **more):
    log = commands.start_log("step")
    commands.run("the step", argv, log=log, timeout_s=timeout_s, next_step="go on", **more)
    return log.read_text()


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def ends(pid):
    """Tell whether a process that was signalled is gone; the kernel may take a moment for it."""
    for _ in range(250):
        if not is_alive(pid):
            return True
        time.sleep(0.02)
    return False


def wait_for(path):
    for _ in range(1000):
        if path.exists() and path.read_text().strip():
            return path.read_text().strip()
        time.sleep(0.02)
    raise AssertionError(f"{path} never came")


def test_both_streams_go_to_the_log_and_stdin_is_empty(commands):
    said = run(commands, "sh", "-c", "cat; echo out; echo err >&2")
    assert said.splitlines()[1:] == ["out", "err"]


def test_a_failure_carries_the_end_of_the_log_and_the_next_step(commands):
    with pytest.raises(SetupStopped) as stopped:
        run(commands, "sh", "-c", "for i in $(seq 100); do echo line $i; done; exit 3")
    assert "exit 3" in stopped.value.message
    assert ".setup/step.log" in stopped.value.message
    assert stopped.value.tail[-1] == "line 100"
    assert len(stopped.value.tail) < 30
    assert stopped.value.next_step == "go on"


def test_a_program_that_is_not_there_stops_the_set_up(commands):
    with pytest.raises(SetupStopped, match="No such file"):
        run(commands, "/nonexistent/program")


def test_a_step_that_does_not_end_is_ended_with_all_its_children(commands, tmp_path):
    child = tmp_path / "child"
    with pytest.raises(SetupStopped, match="not done after 1 s"):
        run(commands, "sh", "-c", f"sleep 600 & echo $! > {child}; wait", timeout_s=1.0)
    assert ends(int(child.read_text()))


def test_what_a_program_says_is_none_if_it_fails_or_is_not_there(commands):
    assert commands.ask("sh", "-c", "echo ' 1.2 '") == "1.2"
    assert commands.ask("sh", "-c", "echo 1.2; exit 1") is None
    assert commands.ask("/nonexistent/program") is None


HOLDER = """
import sys
from pathlib import Path
from installer.commands import Commands
from installer.lock import only_one
from installer.teller import Teller
folder = Path(sys.argv[1])
with only_one(folder, Teller(sys.stderr)) as lock:
    commands = Commands(folder, {"PATH": "/usr/bin:/bin"}, lock)
    commands.run("step", ["sh", "-c", sys.argv[2]], log=commands.start_log("holder"),
                 timeout_s=60, next_step="")
"""


def hold(folder, script):
    return subprocess.Popen([sys.executable, "-c", HOLDER, folder, script], cwd=ROOT)


def test_after_a_kill_9_the_next_set_up_waits_for_the_pip_that_was_left_behind(tmp_path):
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    holder = hold(tmp_path, f"echo yes > {begun}; sleep 1; echo yes > {ended}")
    wait_for(begun)
    holder.kill()
    holder.wait()
    told = StringIO()
    with only_one(tmp_path, Teller(told)):
        assert ended.exists()
    assert "waiting" in told.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_step_and_its_children_and_says_how_to_go_on(tmp_path, number):
    child = tmp_path / "child"
    program = f"""
import sys
from installer import command_line
from installer.machine import Machine
def set_up(machine, commands, teller, purpose):
    script = "sleep 600 & echo $! > {child}; wait"
    commands.run("step", ["sh", "-c", script], log=commands.start_log("x"), timeout_s=60,
                 next_step="")
command_line._set_up = set_up
Machine.notes = property(lambda self: __import__("pathlib").Path({str(tmp_path)!r}))
sys.exit(command_line.run(["run"]))
"""
    installer = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    pid = int(wait_for(child))
    # Python loses an interrupt that comes while it clears up after starting a program.
    time.sleep(0.5)
    installer.send_signal(number)
    _, told = installer.communicate(timeout=60)
    assert installer.returncode == 130
    assert "run the same command again" in told
    assert ends(pid)


def test_a_stop_is_told_with_its_log_and_next_step_and_exits_1(monkeypatch, capsys, tmp_path):
    def set_up(*_arguments):
        raise SetupStopped("pip failed", next_step="try again", tail=["a", "b"])

    monkeypatch.setattr(command_line, "_set_up", set_up)
    monkeypatch.setattr(Machine, "notes", property(lambda _self: tmp_path))
    monkeypatch.setattr(signal, "signal", lambda *_arguments: None)
    assert command_line.run(["test"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "setup stopped: pip failed",
        "  | a",
        "  | b",
        "  next step: try again",
    ]


def test_a_folder_of_somebody_else_is_told_in_two_lines(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(Machine, "notes", property(lambda _self: Path("/proc/edgebench")))
    monkeypatch.setattr(signal, "signal", lambda *_arguments: None)
    assert command_line.run(["run"]) == 1
    problem, next_step = capsys.readouterr().err.splitlines()
    assert "/proc/edgebench" in problem
    assert "belongs to you" in next_step


AS_PYTHON_39 = """
import runpy, sys
sys.version_info = (3, 9, 1)
sys.argv = ["installer", "run"]
runpy.run_module("installer", run_name="__main__")
"""


def test_a_python_that_is_too_old_says_so_in_one_line_and_what_to_do():
    answer = subprocess.run(
        [sys.executable, "-c", AS_PYTHON_39],
        cwd=ROOT,
        env={"PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    problem, next_step = answer.stderr.splitlines()
    assert problem.endswith(f"Python 3.11 or newer is needed, {sys.executable} is 3.9")
    assert "make PYTHON=" in next_step


def test_a_python_that_is_too_old_hands_over_to_a_newer_one_on_path(tmp_path):
    newer = tmp_path / "python3.12"
    newer.write_text('#!/bin/sh\necho "handed over: $*"\n')
    newer.chmod(0o755)
    answer = subprocess.run(
        [sys.executable, "-c", AS_PYTHON_39],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "handed over: -m installer run\n"


def test_the_installer_needs_nothing_but_the_standard_library():
    answer = subprocess.run(
        [sys.executable, "-S", "-m", "installer", "--help"],
        cwd=ROOT,
        env={"PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "test" in answer.stdout
