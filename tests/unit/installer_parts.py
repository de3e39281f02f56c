"""A machine that is made up for the installer, and commands that are noted instead of run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from installer import tfjs_packages
from installer.commands import Commands
from installer.machine import Machine
from installer.stopped import SetupStopped

PROJECT = """
[build-system]
requires = ["hatchling"]
[project]
name = "edgebench"
[tool.ruff]
line-length = 100
"""
LISTED = """
# package   programs
chromium    chromium|google-chrome   # the Wasm lane
mksh        mksh                     # device scripts
"""


@dataclass(frozen=True, slots=True)
class Scripted(Commands):
    """Commands that are noted, not run; `answers` and `effects` are by the program's name."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    ran: list[list[str]] = field(default_factory=list)
    environs: list[Mapping[str, str]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    effects: dict[str, Callable[[Sequence[str]], object]] = field(default_factory=dict)

    def run(self, what, argv, *, log, timeout_s, next_step, environ=None, share_lock=True):
        self.ran.append(list(argv))
        self.environs.append({**self.environ, **(environ or {})})
        for word, effect in self.effects.items():
            if word in what or word in argv:
                effect(argv)

    def ask(self, *argv, timeout_s=20.0):
        self.asked.append(argv)
        return self.answers.get(argv[0])


def fails(_argv: Sequence[str]) -> None:
    raise SetupStopped("it failed (exit 1); the end of its log:", next_step="try again")


def is_interrupted(_argv: Sequence[str]) -> None:
    raise KeyboardInterrupt


def bare_machine(tmp_path: Path) -> Machine:
    (tmp_path / "programs").mkdir()
    root = tmp_path / "checkout"
    (root / ".setup").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "constraints.txt").write_text("hatchling==1.0\n")
    (root / "apt-packages.txt").write_text(LISTED)
    (root / ".npmrc").write_text("")
    (root / "package-lock.json").write_text("{}")
    (root / "package.json").write_text(
        json.dumps({"dependencies": {"@tensorflow/tfjs-backend-wasm": "4.22.0"}})
    )
    environ = {"PATH": str(tmp_path / "programs")}
    return Machine(root, "/usr/bin/python3", (3, 11, 7), environ, is_root=False)


def add_program(machine: Machine, name: str) -> str:
    path = Path(machine.environ["PATH"]) / name
    path.write_text("")
    path.chmod(0o755)
    return str(path)


def make_venv(machine: Machine) -> Callable[[Sequence[str]], None]:
    def effect(_argv: Sequence[str]) -> None:
        machine.venv_bin.mkdir(parents=True, exist_ok=True)
        for name in ("python", "pip", "edgebench"):
            (machine.venv_bin / name).write_text("")
            (machine.venv_bin / name).chmod(0o755)

    return effect


def unpack_tfjs(machine: Machine) -> Callable[[Sequence[str]], None]:
    def effect(argv: Sequence[str]) -> None:
        if "--omit=optional" not in argv:
            for name in tfjs_packages._OTHERS:
                (machine.node_modules / name).parent.mkdir(parents=True, exist_ok=True)
                (machine.node_modules / name).write_text("")
        dist = machine.node_modules / "@tensorflow/tfjs-backend-wasm/dist"
        dist.mkdir(parents=True, exist_ok=True)
        for kind in ("", "-simd", "-threaded-simd"):
            (dist / f"tfjs-backend-wasm{kind}.wasm").write_bytes(b"\0asm")

    return effect


def scripted(machine: Machine, **effects: Callable[[Sequence[str]], object]) -> Scripted:
    commands = Scripted(machine.notes, machine.environ)
    commands.effects.update({"venv": make_venv(machine), **effects})
    return commands
