"""What sessions left on a device is found and taken away, under Android's shell and tools."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from phone_scripts import SCRIPTS, SHELLS, needed

SWEEP = SCRIPTS / "sweep.sh"
DAY_S = 24 * 3600


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The command that begins a script; with toybox nothing else of this host is on PATH."""
    program = needed(request.param.split()[0])
    if "toybox" not in request.param:
        return [program]
    toybox = needed("toybox")
    tools = tmp_path / "system-bin"
    tools.mkdir()
    for name in ("ls", "find", "rm", "sleep", "kill"):
        (tools / name).symlink_to(toybox)
    return ["env", f"PATH={tools}", program]


def sweep(shell: list[str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*shell, str(SWEEP), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_was_left_is_listed_with_its_age_and_its_owner(
    shell: list[str], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    for name in ("aa", "bb", "cc"):
        (runs / name).mkdir(parents=True)
    (runs / "aa.owner").write_text("host 12 34\n")
    (runs / "dd.owner").write_text("$(touch hacked) `id`\n")
    before = time.time() - 2 * DAY_S
    os.utime(runs / "bb", (before, before))
    assert sweep(shell, "list", runs).stdout.splitlines() == [
        "EDGEBENCH-LEFT aa new host 12 34",
        "EDGEBENCH-LEFT bb old ",
        "EDGEBENCH-LEFT cc new ",
        "EDGEBENCH-LEFT dd new $(touch hacked) `id`",
    ]
    assert not (runs / "hacked").exists()


def test_where_nothing_was_left_nothing_is_listed(shell: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "absent"):
        listed = sweep(shell, "list", folder)
        assert (listed.returncode, listed.stdout) == (0, "")


def test_only_what_works_inside_the_folder_is_killed(shell: list[str], tmp_path: Path) -> None:
    inside, beside = tmp_path / "a b", tmp_path / "a b2"
    (inside / "run").mkdir(parents=True)
    beside.mkdir()
    (tmp_path / "a b.owner").write_text("x\n")
    # Stays in a group of its own, as a tool does whose connection went away.
    processes = [
        subprocess.Popen(["sleep", "300"], cwd=where, start_new_session=True)
        for where in (inside, inside / "run", beside)
    ]
    try:
        ended = sweep(shell, "end", inside)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert [process.wait(10) for process in processes[:2]] == [-9, -9]
        assert processes[2].poll() is None
        assert [path.name for path in tmp_path.glob("a*")] == ["a b2"]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_ending_what_is_not_there_is_no_error(shell: list[str], tmp_path: Path) -> None:
    assert sweep(shell, "end", tmp_path / "absent").returncode == 0


def test_half_pushed_files_are_removed_and_whole_ones_kept(
    shell: list[str], tmp_path: Path
) -> None:
    for name in ("whole", "half.1a2b.part"):
        (tmp_path / name).touch()
    assert sweep(shell, "parts", tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["whole"]


@pytest.mark.parametrize("arguments", [[], ["end"], ["destroy", "/tmp/x"]])
def test_what_is_not_understood_does_nothing(shell: list[str], arguments: list[str]) -> None:
    assert sweep(shell, *arguments).returncode == 2
