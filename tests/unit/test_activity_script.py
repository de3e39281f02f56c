"""activity.sh under Android's shell and tools, with a reconstructed `am` and `logcat`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from phone_scripts import SCRIPTS, SHELLS, needed

APP = Path(__file__).parents[1] / "fixtures" / "reconstructed_app" / "bin"
PACKAGE = "org.tensorflow.lite.benchmark"
TIMES = "Inference timings in us: Init: 5000"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """Programs of a phone without its app started: their state lies beside them."""
    programs = tmp_path / "system" / "bin"
    shutil.copytree(APP, programs)
    return programs


def run(shell: str, system: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    words = shell.split()
    tools = system.parent / "tools"
    tools.mkdir()
    for name in ("date", "sleep", "cat", "kill") if "toybox" in words else ():
        (tools / name).symlink_to(needed("toybox"))
    return subprocess.run(
        [
            needed(words[0]),
            str(SCRIPTS / "activity.sh"),
            PACKAGE,
            ".BenchmarkModelActivity",
            *flags,
        ],
        env={**os.environ, "PATH": f"{system}:{tools}:{os.environ['PATH']}"},
        cwd=system.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_it_prints_the_log_of_the_process_that_it_started(shell: str, system: Path) -> None:
    said = run(shell, system, "--graph=m", "--num_threads=2", "--flag=$(touch ran)")
    assert said.returncode == 0, said.stderr
    pid = (system.parent / "app_pid.txt").read_text().strip()
    lines = said.stdout.splitlines()
    assert any(TIMES in line for line in lines)
    assert any("Memory footprint delta" in line for line in lines), "what comes after is there"
    assert all(f"  {pid}  {pid} " in line for line in lines)
    log = (system.parent / "am.log").read_text().splitlines()
    assert "am start -S -W -n" in log[0]
    assert log[0].endswith("--es args --graph=m --num_threads=2 --flag=$(touch ran)")
    assert log[-1] == f"am force-stop {PACKAGE}"
    assert not (system.parent / "ran").exists()


def test_an_app_that_dies_does_not_keep_it_waiting(system: Path) -> None:
    said = run("dash", system, "--num_threads=3")
    assert said.returncode == 0
    assert TIMES not in said.stdout


def test_an_app_that_cannot_be_started_is_told(system: Path) -> None:
    (system / "am").write_text("#!/bin/sh\necho 'Error: Activity class does not exist.'\nexit 1\n")
    said = run("dash", system)
    assert said.returncode == 3
    assert "does not exist" in said.stderr
    assert said.stdout == ""
