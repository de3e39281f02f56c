"""The wrapper that runs a tool on a device, under Android's shell and tools and others."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from phone_scripts import SHELLS, needed

SCRIPTS = Path(__file__).parents[2] / "device_scripts"
RUN = SCRIPTS / "android" / "run.sh"
MARKERS = re.compile(
    r"EDGEBENCH-BEGIN (?P<begun>\w+) uptime=[\d.]+ load=[\d.]+ clock=[\d.]*\n"
    r"EDGEBENCH-END (?P<ended>\w+) exit=(?P<code>\d+) uptime=[\d.]+ load=[\d.]+ clock=[\d.]*\n"
)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """A shell, and an environment; with toybox nothing else of this host is on PATH."""
    program = needed(request.param.split()[0])
    if "toybox" not in request.param:
        return program, dict(os.environ)
    toybox = needed("toybox")
    tools = tmp_path / "system-bin"
    tools.mkdir()
    (tools / "sh").symlink_to(program)
    for name in ("cat", "setsid", "sleep", "kill"):
        (tools / name).symlink_to(toybox)
    return program, {"PATH": str(tools)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "a folder; with 'everything' $in `it`"
    made.mkdir()
    return made


def tool(folder: Path, script: str) -> str:
    path = folder / "the tool"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def run(
    shell: tuple[str, dict[str, str]], folder: Path, *command: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shell[0], str(RUN), str(folder), "n0nce", *command],
        env=shell[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_what_the_tool_says_is_kept_apart_and_its_exit_code_told(
    shell: tuple[str, dict[str, str]], folder: Path
) -> None:
    said = run(shell, folder, tool(folder, "echo out; echo err >&2; exit 7"))
    match = MARKERS.fullmatch(said.stdout)
    assert match, said
    assert (match["begun"], match["ended"], match["code"]) == ("n0nce", "n0nce", "7")
    assert (folder / "stdout.txt").read_text() == "out\n"
    assert (folder / "stderr.txt").read_text() == "err\n"
    assert said.returncode == 0


def test_arguments_are_data(shell: tuple[str, dict[str, str]], folder: Path) -> None:
    arguments = ["a b", "$(touch harmed)", "`touch harmed`", "; touch harmed", "*", "", "-n", "\\n"]
    script = 'for one in "$@"; do echo "[$one]"; done; echo "$#"'
    # A real file, for echo differs between shells.
    program = tool(folder, script.replace("echo", "/bin/echo"))
    run(shell, folder, program, *arguments)
    lines = (folder / "stdout.txt").read_text().splitlines()
    assert lines == [*(f"[{one}]" for one in arguments), str(len(arguments))]
    assert not (folder / "harmed").exists()


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("kill -SEGV $$", 139), ("kill -ABRT $$", 134), ("kill -9 $$", 137)],
)
def test_a_signal_is_told_as_shells_tell_it(
    shell: tuple[str, dict[str, str]], folder: Path, script: str, code: int
) -> None:
    match = MARKERS.fullmatch(run(shell, folder, tool(folder, script)).stdout)
    assert match
    assert int(match["code"]) == code


def test_what_cannot_be_executed_is_told(shell: tuple[str, dict[str, str]], folder: Path) -> None:
    missing = MARKERS.fullmatch(run(shell, folder, str(folder / "nothing")).stdout)
    assert missing
    assert missing["code"] == "127"
    (folder / "text").write_text("no program")
    forbidden = MARKERS.fullmatch(run(shell, folder, str(folder / "text")).stdout)
    assert forbidden
    assert forbidden["code"] == "126"
    assert (folder / "stderr.txt").read_text()


def test_a_folder_that_is_not_there_gives_no_end(
    shell: tuple[str, dict[str, str]], folder: Path
) -> None:
    said = run(shell, folder / "nothing", tool(folder, "exit 0"))
    assert "EDGEBENCH" not in said.stdout


def test_the_tool_is_alone_in_a_group_that_one_kill_ends(
    shell: tuple[str, dict[str, str]], folder: Path
) -> None:
    program = tool(folder, "sleep 100 & echo $$ $! > pids; wait")
    wrapper = subprocess.Popen(
        [shell[0], str(RUN), str(folder), "n0nce", program],
        env=shell[1],
        stdout=subprocess.PIPE,
        text=True,
    )
    pids: list[int] = []
    try:
        pids = [int(pid) for pid in _waited(folder / "pids").split()]
        group = int((folder / "pgid").read_text())
        assert {os.getpgid(pid) for pid in pids} == {group}
        assert group not in {os.getpgid(0), os.getpgid(wrapper.pid)}
        os.killpg(group, signal.SIGKILL)
        said, _ = wrapper.communicate(timeout=20)
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wrapper.kill()
        wrapper.communicate()
    assert "EDGEBENCH-BEGIN" in said
    assert "EDGEBENCH-END" not in said
    end = time.monotonic() + 20
    while not all(_gone(pid) for pid in pids):
        assert time.monotonic() < end, "a process of the group lives on"
        time.sleep(0.01)


def test_a_group_is_written_only_where_it_is_the_tools_own(tmp_path: Path, folder: Path) -> None:
    dash = needed("dash")
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("cat", "sh"):
        found = shutil.which(name)
        assert found
        (bare / name).symlink_to(found)
    program = tool(folder, "exit 0")
    said = run((dash, {"PATH": str(bare)}), folder, program)
    assert MARKERS.fullmatch(said.stdout)
    # Without setsid and without a terminal dash cannot make a group, and must not name ours.
    if (folder / "pgid").exists():
        assert int((folder / "pgid").read_text()) != os.getpgid(0)


def test_a_fat_parent_does_not_show_in_the_tools_memory(
    shell: tuple[str, dict[str, str]], folder: Path
) -> None:
    ballast = bytearray(os.urandom(1024) * 1024 * 200)
    program = tool(
        folder,
        f"exec {sys.executable} -c 'import resource as r; print(r.getrusage(r.RUSAGE_SELF).ru_maxrss)'",
    )
    run(shell, folder, program)
    peak_kb = int((folder / "stdout.txt").read_text())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > len(ballast) // 1024
    assert peak_kb < 100 * 1024


def test_too_few_arguments_are_a_usage(shell: tuple[str, dict[str, str]]) -> None:
    said = subprocess.run(
        [shell[0], str(RUN), "x"], env=shell[1], capture_output=True, text=True, check=False
    )
    assert said.returncode == 2
    assert "usage" in said.stderr


def test_shellcheck_has_no_objection() -> None:
    program = needed("shellcheck")
    scripts = sorted(SCRIPTS.rglob("*.sh"))
    assert RUN in scripts
    checked = subprocess.run(
        [program, "--norc", "-x", *map(str, scripts)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def _waited(path: Path) -> str:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if path.exists() and path.read_text().endswith("\n"):
            return path.read_text()
        time.sleep(0.01)
    pytest.fail(f"{path} never came")


def _gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"
