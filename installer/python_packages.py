"""The virtual environment in `.venv`, with edgebench and what it needs, at pinned versions."""

from __future__ import annotations

import os
import shutil
import time
import tomllib
from collections.abc import Callable, Mapping
from importlib import util
from pathlib import Path
from typing import Any, Literal

from installer.commands import Commands
from installer.machine import Machine
from installer.stamps import Stamp, digest
from installer.stopped import SetupStopped
from installer.teller import Teller

PART = "packages"
# Installed first, pinned too, so that building edgebench itself fetches nothing of its own choice.
_BUILD_TOOLS = ("hatchling", "editables")
_TIMEOUT_S = 1800.0
# These would send the packages elsewhere than into our environment.
_LEADING_ASTRAY = (
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_TARGET",
    "PIP_USER",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)


def without_detours(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which pip installs into the environment that it runs in."""
    return {name: value for name, value in environ.items() if name not in _LEADING_ASTRAY}


def wanted(machine: Machine, extras: frozenset[str]) -> dict[str, Any]:
    """Return what the environment is to be made from: a change in it means work to do."""
    project = tomllib.loads((machine.root / "pyproject.toml").read_text(encoding="utf-8"))
    relevant = {key: project.get(key) for key in ("build-system", "project")}
    constraints = (machine.root / "constraints.txt").read_bytes()
    major, minor, _ = machine.python_version
    return {
        "root": str(machine.root),
        "python": f"{major}.{minor}",
        "inputs": digest(repr(relevant).encode(), constraints),
        "extras": sorted(extras),
    }


def state(machine: Machine, want: Mapping[str, Any]) -> Literal["ready", "outdated", "unusable"]:
    """Tell what has to be done about `.venv`.

    An environment that somebody else made is outdated, not unusable: it is added to.
    """
    noted = Stamp(machine.venv).read()
    whole = all(os.access(machine.venv_bin / name, os.X_OK) for name in ("python", "pip"))
    if not whole:
        return "unusable"
    if noted is None:
        return "outdated"
    # An unfinished one has noted neither.
    if any(noted.get(key) != want[key] for key in ("root", "python")):
        return "unusable"
    has_all = set(want["extras"]) <= set(noted.get("extras", ()))
    has_program = (machine.venv_bin / "edgebench").exists()
    return "ready" if has_all and has_program and noted["inputs"] == want["inputs"] else "outdated"


def bring(
    machine: Machine,
    commands: Commands,
    teller: Teller,
    *,
    extras: frozenset[str],
    has_module: Callable[[str], bool] = lambda name: util.find_spec(name) is not None,
) -> None:
    """Make `.venv` hold edgebench with these extras.

    Raises:
        SetupStopped: this Python has no venv, or pip failed.
    """
    stamp = Stamp(machine.venv)
    want = wanted(machine, extras)
    found = state(machine, want)
    if found == "ready":
        teller.done(PART, f"up to date in .venv ({_names(extras)})")
        return
    started = time.monotonic()
    log = commands.start_log(PART)
    if found == "unusable":
        _new_environment(machine, commands, teller, log, has_module)
    else:
        # What an earlier set-up brought stays, so that the two commands don't undo each other.
        extras = extras | set((stamp.read() or {}).get("extras", ()))
    stamp.begin()
    teller.begin(PART, f"installing edgebench ({_names(extras)}) into .venv")
    pip_install(machine, commands, log, *_BUILD_TOOLS)
    target = f"{machine.root}[{','.join(sorted(extras))}]"
    pip_install(machine, commands, log, "--no-build-isolation", "--editable", target)
    stamp.finish({**want, "extras": sorted(extras)})
    teller.done(
        PART, f"installed into .venv ({_names(extras)}) in {time.monotonic() - started:.0f} s"
    )


def pip_install(machine: Machine, commands: Commands, log: Path, *arguments: str) -> None:
    """Install into `.venv` at the pinned versions; raises `SetupStopped`."""
    pip = [str(machine.venv_bin / "python"), "-m", "pip", "--no-input", "install", "--quiet"]
    commands.run(
        "pip",
        [*pip, "--constraint", str(machine.root / "constraints.txt"), *arguments],
        log=log,
        timeout_s=_TIMEOUT_S,
        next_step="see that the Python package index can be reached, then run the command again",
        environ={"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )


def _new_environment(
    machine: Machine,
    commands: Commands,
    teller: Teller,
    log: Path,
    has_module: Callable[[str], bool],
) -> None:
    missing = [name for name in ("venv", "ensurepip") if not has_module(name)]
    if missing:
        major, minor, _ = machine.python_version
        raise SetupStopped(
            f"{machine.python} has no {' and no '.join(missing)}",
            next_step=f"install the package python{major}.{minor}-venv (or python3-venv), "
            "then run the command again",
        )
    teller.begin(PART, "making .venv")
    _discard(machine.venv, machine.notes)
    Stamp(machine.venv).begin()
    commands.run(
        "making .venv",
        [machine.python, "-m", "venv", str(machine.venv)],
        log=log,
        timeout_s=300.0,
        next_step="install this Python's venv package (python3-venv), then run the command again",
    )


def _discard(folder: Path, notes: Path) -> None:
    # Renamed first: a deletion that is interrupted must not leave half an environment in place.
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        folder.replace(notes / f"discarded-{os.getpid()}")
    for leftover in notes.glob("discarded-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _names(extras: frozenset[str]) -> str:
    return "with " + ", ".join(sorted(extras)) if extras else "without extras"
