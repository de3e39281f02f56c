"""The installer with real Python, pip, npm and browser, on a machine whose PATH is empty.

The checkout is a small copy: edgebench without the packages that it depends on.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.system_packages import read_list

ROOT = Path(__file__).parents[2]
FILES = (".npmrc", "apt-packages.txt", "constraints.txt", "package.json", "package-lock.json")
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "edgebench"
version = "0"
[project.optional-dependencies]
litert = []
dev = []
[project.scripts]
edgebench = "harness.cli:main"
[tool.hatch.build.targets.wheel]
packages = ["harness"]
"""


@dataclass(frozen=True)
class Checkout:
    root: Path

    def start(self, purpose: str, **environ: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if name != "CI"}
        return subprocess.Popen(
            [sys.executable, "-m", "installer", purpose],
            cwd=self.root,
            env={**kept, "PATH": "/nonexistent", **environ},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def set_up(self, purpose: str, **environ: str) -> tuple[int, list[str]]:
        process = self.start(purpose, **environ)
        _, told = process.communicate(timeout=280)
        if process.returncode and "can be reached" in told and os.environ.get("CI") != "true":
            pytest.skip("the package registries cannot be reached from here")
        return process.returncode, told.splitlines()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    root = tmp_path_factory.mktemp("installer") / "a checkout"
    for name in ("harness", "installer"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, root / file)
    (root / "pyproject.toml").write_text(PROJECT)
    yield Checkout(root)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def repaired(checkout: Checkout) -> list[str]:
    """Tell what the set-up says that follows one killed in the middle of making `.venv`."""
    killed = checkout.start("run")
    for _ in range(3000):
        if (checkout.root / ".venv" / "edgebench-setup.json").exists():
            break
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    status, told = checkout.set_up("run")
    assert status == 0, told
    return told


def test_with_an_emptied_path_npm_comes_from_pip_and_one_line_says_so(
    checkout: Checkout, repaired: list[str]
) -> None:
    parts = [line for line in repaired if not line.startswith("setup ")]
    assert [line.split()[0] for line in parts] == ["python", "packages", "tf.js", "browser"]
    assert "no node ≥ 18 with npm on PATH" in parts[2]
    assert (checkout.root / ".venv/bin/npm").exists()
    lock = json.loads((checkout.root / "package-lock.json").read_text())["packages"]
    for name, entry in lock.items():
        # The other runtimes are optional, and this set-up is the light one.
        if name and not entry.get("optional"):
            package = json.loads((checkout.root / name / "package.json").read_text())
            assert package["version"] == entry["version"], name


def test_a_set_up_that_was_killed_is_repaired_by_the_next(
    checkout: Checkout, repaired: list[str]
) -> None:
    assert any("installed into .venv" in line for line in repaired)
    python = checkout.root / ".venv/bin/python"
    where = "import harness; print(harness.__file__)"
    answer = subprocess.run([python, "-I", "-c", where], capture_output=True, text=True, check=True)
    assert Path(answer.stdout.strip()) == checkout.root / "harness/__init__.py"
    assert (checkout.root / ".venv/bin/edgebench").exists()


def test_a_repeated_set_up_only_looks(checkout: Checkout, repaired: list[str]) -> None:
    logs = {path: path.stat().st_mtime_ns for path in (checkout.root / ".setup").glob("*.log")}
    status, told = checkout.set_up("run")
    assert status == 0
    assert "up to date" in told[1]
    assert "up to date" in told[2]
    assert logs
    assert logs == {path: path.stat().st_mtime_ns for path in logs}


def absent() -> list[str]:
    """The listed packages that an emptied PATH hides: those with a program in a fixed place stay."""
    rows = read_list((ROOT / "apt-packages.txt").read_text())
    return [row.package for row in rows if not any(Path(p).is_file() for p in row.programs)]


def test_without_ci_missing_parts_are_told_one_by_one_and_nothing_fails(
    checkout: Checkout, repaired: list[str]
) -> None:
    status, told = checkout.set_up("test")
    assert status == 0
    missing = [line for line in told if line.startswith("system ")]
    assert [line.split()[2] for line in missing] == [p for p in absent() if p != "chromium"]
    assert all("; get it: " in line for line in missing)


def test_with_ci_a_missing_part_fails_before_anything_is_installed(checkout: Checkout) -> None:
    status, told = checkout.set_up("test", CI="true")
    assert status == 1
    assert told[-2] == f"setup stopped: not on this machine: {', '.join(absent())}"
    assert told[-1].startswith("  next step: install it by hand: ")
