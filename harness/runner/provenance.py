"""Who measured, and where: the harness's version and commit, and this host."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from harness import locations
from harness.code_digest import harness_sha256
from harness.model import Facts


@cache
def harness_facts() -> Facts:
    """Return version, commit, dirty (the two are None outside a git checkout) and sha256."""
    root = locations.checkout()
    commit = _git(root, "rev-parse", "HEAD") if root else None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no") if commit else None
    return {
        "version": metadata.version("edgebench"),
        "commit": commit,
        "dirty": None if changes is None else bool(changes),
        "sha256": harness_sha256(),
    }


@cache
def host_facts() -> Facts:
    """Return os, os_major, kernel, cpu_model, cores and python of this host."""
    system, major = _os()
    return {
        "os": system,
        "os_major": major,
        "kernel": platform.release(),
        "cpu_model": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": _memory_bytes(),
        "python": platform.python_version(),
    }


def _git(root: Path | None, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _os() -> tuple[str, str]:
    if platform.system() == "Darwin":
        version = platform.mac_ver()[0]
        return f"macOS {version}", f"macOS {version.split('.')[0]}"
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return platform.system(), platform.system()
    name, version = release.get("NAME", "Linux"), release.get("VERSION_ID", "")
    return f"{name} {version}".strip(), f"{name} {version.split('.')[0]}".strip()


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine() or None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
