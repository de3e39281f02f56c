"""on_cores.sh confines the very process that becomes the tool, under Android's shell and tools."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from phone_scripts import SCRIPTS, SHELLS, needed

CORE = min(os.sched_getaffinity(0))
MASK = f"{1 << CORE:x}"


def run(
    shell: str, folder: Path, *command: str, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it in a folder; with toybox nothing of this host but `cat` and `taskset` is on PATH."""
    program = needed(shell.split(maxsplit=1)[0])
    environment = dict(os.environ)
    if "toybox" in shell:
        tools = folder / "bin"
        tools.mkdir()
        for name in ("cat", "taskset"):
            (tools / name).symlink_to(needed("toybox"))
        environment = {"PATH": str(tools)}
    return subprocess.run(
        [program, str(SCRIPTS / "on_cores.sh"), *command],
        env=environment | ({} if path is None else {"PATH": path}),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_it_says_where_the_tool_runs_and_becomes_the_tool(shell: str, tmp_path: Path) -> None:
    cat = needed("cat")
    said = run(shell, tmp_path, MASK, cat, "/proc/self/status")
    assert said.returncode == 0, said.stderr
    assert f"Cpus_allowed_list:\t{CORE}\n" in said.stdout
    assert (tmp_path / "cores.txt").read_text() == f"Cpus_allowed_list: {CORE}\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_arguments_arrive_as_they_are(shell: str, tmp_path: Path) -> None:
    nasty = ("a b", "'", '"', "$(id)", "`id`", "two\nlines", "ü", "")
    tool = tmp_path / "the tool"
    tool.write_text(f'#!{needed("sh")}\nfor a in "$@"; do echo "[$a]"; done\n')
    tool.chmod(0o755)
    said = run(shell, tmp_path, MASK, str(tool), *nasty)
    assert said.stdout == "".join(f"[{argument}]\n" for argument in nasty)


@pytest.mark.parametrize("shell", SHELLS)
def test_without_its_cores_the_tool_does_not_run(shell: str, tmp_path: Path) -> None:
    said = run(shell, tmp_path, f"{1 << 1000:x}", needed("touch"), "ran")
    assert said.returncode == 125
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "cores.txt").exists()


def test_without_taskset_the_tool_does_not_run(tmp_path: Path) -> None:
    said = run("dash", tmp_path, MASK, needed("touch"), "ran", path="/nowhere")
    assert said.returncode == 125
    assert not (tmp_path / "ran").exists()
