"""The machine as the steps see it; a value, so that a test can make one up."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The checkout that is set up, the Python that does it, and what it finds around it."""

    root: Path
    python: str
    python_version: tuple[int, int, int]
    environ: Mapping[str, str]
    is_root: bool

    @classmethod
    def here(cls) -> Machine:
        """Return this machine, and the checkout that the installer lies in."""
        return cls(
            root=Path(__file__).resolve().parent.parent,
            python=sys.executable,
            python_version=sys.version_info[:3],
            environ=dict(os.environ),
            is_root=os.geteuid() == 0,
        )

    @property
    def is_ci(self) -> bool:
        return self.environ.get("CI") == "true"

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def venv_bin(self) -> Path:
        return self.venv / "bin"

    @property
    def node_modules(self) -> Path:
        return self.root / "node_modules"

    @property
    def notes(self) -> Path:
        """The folder of logs, the lock, and whatever is being thrown away."""
        return self.root / ".setup"

    def which(self, program: str) -> str | None:
        """Return where PATH has this program, or None."""
        return shutil.which(program, path=self.environ.get("PATH", os.defpath))

    def may_install_packages(self) -> bool:
        """Tell whether system packages can be installed without asking anybody."""
        return self.is_root and self.which("apt-get") is not None
