"""Where the harness's own files lie: device scripts, TF.js, caches."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent


def checkout() -> Path | None:
    """Return the checkout this package runs from, or None when it was installed as a wheel."""
    root = _PACKAGE.parent
    return (
        root if (root / "pyproject.toml").is_file() and (root / "device_scripts").is_dir() else None
    )


def device_scripts() -> Path:
    """Return the folder of everything that executes on the system under test."""
    root = checkout()
    return root / "device_scripts" if root else _PACKAGE / "_device_scripts"


def node_modules() -> Path:
    """Return the folder that npm filled: `$EDGEBENCH_NODE_MODULES`, else the checkout's."""
    named = os.environ.get("EDGEBENCH_NODE_MODULES")
    if named:
        return Path(named)
    return (checkout() or Path.cwd()) / "node_modules"


def cache() -> Path:
    """Return the cache folder: `$EDGEBENCH_CACHE`, else the user's; it may be deleted any time."""
    named = os.environ.get("EDGEBENCH_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edgebench"


def config() -> Path:
    """Return the folder of the user's own settings."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "edgebench"


def runtime() -> Path:
    """Return the user's folder for what belongs to running processes, such as locks."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base) / "edgebench" if base else cache() / "run"
