"""What the end-to-end tests share: the command as a stranger calls it, a documented driver."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness.transports.adb import find_adb

DOCUMENT = Path(__file__).parents[2] / "docs" / "writing-a-driver.md"
FILES = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Commander:
    """Calls `edgebench` in a folder, with an environment."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def within(self, **changes: str) -> Commander:
        return replace(self, environment={**self.environment, **changes})

    def without(self, name: str) -> Commander:
        kept = {key: value for key, value in self.environment.items() if key != name}
        return replace(self, environment=kept)


@pytest.fixture
def edgebench(tmp_path: Path) -> Commander:
    """The command in an empty folder."""
    return Commander(tmp_path, dict(os.environ))


@pytest.fixture
def adb_of_its_own(edgebench: Commander) -> Iterator[Commander]:
    """The command with an adb server on a port of its own, which is ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    yield edgebench.within(ANDROID_ADB_SERVER_PORT=port)
    subprocess.run([find_adb(), "-P", port, "kill-server"], check=False, capture_output=True)


@pytest.fixture(scope="session")
def stranger_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and install the package that docs/writing-a-driver.md shows; return its folder."""
    folder = tmp_path_factory.mktemp("stranger")
    for name, text in FILES.findall(DOCUMENT.read_text()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(folder / "installed"), str(folder)], check=True)
    return folder


@pytest.fixture
def stranger(stranger_package: Path, tmp_path: Path) -> Commander:
    """The command in a folder of its own, with the stranger's driver installed."""
    for name in ("suite.yaml", "program.py"):
        (tmp_path / name).write_text((stranger_package / name).read_text())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = [str(stranger_package / "installed"), os.environ.get("PYTHONPATH", "")]
    installed = os.pathsep.join(filter(None, found))
    return Commander(tmp_path, {**os.environ, "PYTHONPATH": installed, "PATH": path})
