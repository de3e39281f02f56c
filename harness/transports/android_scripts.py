"""The scripts of `device_scripts/android`, brought to a device and run there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness import locations
from harness.transports.adb import AdbDevice, ShellResult

PHONE_BASE = "/data/local/tmp"
"""Where the shell user of every phone may write and execute."""
FOLDER = "edgebench"
"""The harness's own folder there."""
VIRTUAL_BASE = "ro.edgebench.base"
"""The property with which a virtual device says where its files belong instead."""
_PUSH_S = 60.0
_RUN_S = 60.0


@dataclass(frozen=True, slots=True)
class AndroidScripts:
    """Scripts that lie together in a folder of the device, since they source each other."""

    device: AdbDevice
    folder: str

    def path(self, name: str) -> str:
        """Return where a script lies on the device, for `sh`."""
        return f"{self.folder}/{name}"

    def run(
        self, name: str, *arguments: str, timeout_s: float = _RUN_S, spared: bool = False
    ) -> ShellResult:
        """Run a script; `spared` ones clean up and are not ended by `interrupt`.

        Raises:
            TargetLost, RunTimedOut: as `AdbDevice.shell`.
        """
        command = ["sh", self.path(name), *arguments]
        return self.device.shell(command, timeout_s=timeout_s, spared=spared)


def bring_scripts(
    device: AdbDevice, root: str, names: Sequence[str] | None = None
) -> AndroidScripts:
    """Bring scripts, all of them unless some are named, to a folder below `root`.

    The folder is named by what all scripts say, so that two versions never mix, and more of
    them may be brought to it later.

    Raises:
        TargetUnfit, TargetLost: they cannot be brought.
    """
    files = _files()
    digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in files}
    version = sha256(repr(sorted(digests.items())).encode()).hexdigest()[:16]
    folder = f"{root}/scripts/{version}"
    for path in files:
        if names is None or path.name in names:
            device.push(path, f"{folder}/{path.name}", sha256=digests[path.name], timeout_s=_PUSH_S)
    return AndroidScripts(device, folder)


def device_root(properties: Mapping[str, str]) -> str:
    """Return the harness's own folder on a device of these properties."""
    return f"{properties.get(VIRTUAL_BASE, PHONE_BASE)}/{FOLDER}"


def saved_values(root: str) -> str:
    """Return the folder on a device where set-up keeps old values until they are restored."""
    return f"{root}/saved"


def _files() -> list[Path]:
    return sorted((locations.device_scripts() / "android").glob("*.sh"))
