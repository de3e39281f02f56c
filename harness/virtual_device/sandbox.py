"""The folder that a virtual device serves: its layout, its programs, and its walls."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness.transports.virtual_setup import PLAIN, VirtualSetup

MODEL = "edgebench virtual device"
# Android's names of what `platform.machine` says.
_ABIS = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "aarch64": "arm64-v8a",
    "arm64": "arm64-v8a",
    "armv7l": "armeabi-v7a",
    "i686": "x86",
    "riscv64": "riscv64",
}
_BASE = "ro.edgebench.base"
_BOOT = "ro.boottime.init"
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_GETPROP = r"""#!/bin/sh
# getprop [NAME [DEFAULT]], over the properties of this virtual device.
properties="${0%/*}/../build.prop"
if [ $# -eq 0 ]; then
    exec sed 's/^\([^=]*\)=\(.*\)$/[\1]: [\2]/' "$properties"
fi
while IFS= read -r line; do
    if [ "${line%%=*}" = "$1" ]; then
        printf '%s\n' "${line#*=}"
        exit 0
    fi
done < "$properties"
printf '%s\n' "${2-}"
"""


class Outside(Exception):
    """A path leads out of the sandbox."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A made sandbox; `root` is absolute and free of links."""

    root: Path
    properties: Mapping[str, str]

    @property
    def base(self) -> Path:
        """Return the folder where a harness may put its files, as on a phone."""
        return self.root / "data" / "local" / "tmp"

    @property
    def sockets(self) -> str:
        """Return what stands before the names of this device's abstract sockets on this host."""
        return f"edgebench-{sha256(os.fsencode(self.root)).hexdigest()[:8]}-"

    def environment(self, python: str) -> Mapping[str, str]:
        """Return the whole environment of a command on the device."""
        return {
            "PATH": f"{self.root / 'system' / 'bin'}:{_SYSTEM_PATH}",
            "HOME": str(self.base),
            "TMPDIR": str(self.base),
            "EDGEBENCH_VIRTUAL_DEVICE": "1",
            "EDGEBENCH_PYTHON": python,
            "EDGEBENCH_SOCKETS": self.sockets,
        }

    def boot(self) -> None:
        """Write what `getprop` answers, the time of this boot included."""
        # Android's is when init began, in nanoseconds of the kernel's clock: one per boot.
        known = {_BOOT: str(time.monotonic_ns()), **self.properties}
        lines = (f"{name}={value}\n" for name, value in sorted(known.items()))
        (self.root / "system" / "build.prop").write_text("".join(lines), encoding="utf-8")

    def confine(self, path: bytes, *, follow: bool) -> Path:
        """Return the real place of a path; with `follow`, also of what its last part links to.

        Raises:
            Outside: it is relative, or leads out of the sandbox.
        """
        named = Path(os.fsdecode(path))
        if not named.is_absolute():
            raise Outside(f"{named} is not absolute; this device's files are under {self.root}")
        if follow or named.name in {"", ".."}:
            real = Path(os.path.realpath(named))
        else:
            real = Path(os.path.realpath(named.parent)) / named.name
        if not real.is_relative_to(self.root):
            raise Outside(f"{named} is outside of this device's sandbox {self.root}")
        return real


def make(root: Path, setup: VirtualSetup = PLAIN) -> Sandbox:
    """Make a sandbox's folders and programs in an empty or absent folder.

    Raises:
        OSError: the programs of the setup cannot be copied.
    """
    root.mkdir(parents=True, exist_ok=True)
    root = root.resolve()
    base = root / "data" / "local" / "tmp"
    sandbox = Sandbox(root, {**properties(), _BASE: str(base), **setup.properties})
    sandbox.base.mkdir(parents=True)
    programs = sandbox.root / "system" / "bin"
    programs.mkdir(parents=True)
    sandbox.boot()
    getprop = programs / "getprop"
    getprop.write_text(_GETPROP, encoding="utf-8")
    for program in [] if setup.programs is None else setup.programs.iterdir():
        shutil.copyfile(program, programs / program.name)
    for program in programs.iterdir():
        program.chmod(0o755)
    return sandbox


def properties() -> dict[str, str]:
    """Return what `getprop` answers: nothing in it pretends to be a phone."""
    machine = platform.machine().lower()
    abi = _ABIS.get(machine, machine)
    return {
        "ro.build.fingerprint": "edgebench/virtual",
        "ro.build.version.release": "virtual",
        "ro.build.version.sdk": "0",
        "ro.product.brand": "edgebench",
        "ro.product.cpu.abi": abi,
        "ro.product.cpu.abilist": abi,
        "ro.product.device": "virtual",
        "ro.product.manufacturer": "edgebench",
        "ro.product.model": MODEL,
        "ro.product.name": "virtual",
        "ro.serialno": "virtual",
    }
