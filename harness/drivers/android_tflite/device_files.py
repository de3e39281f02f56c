"""Files and folders of the harness on a device."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from harness.errors import RunFailed
from harness.transports.adb import push_refused
from harness.transports.open_device import OpenDevice

SHORT_S = 30.0
PUSH_S = 600.0
_TEXT_LIMIT_BYTES = 4 << 20


def make_folder(device: OpenDevice, folder: str) -> None:
    """Make a folder, with those above it.

    Raises:
        TargetUnfit: it cannot be made.
    """
    made = device.adb.shell(["mkdir", "-p", folder], timeout_s=SHORT_S)
    if made.exit_code != 0:
        raise push_refused(device.adb.serial, folder, made.stderr.decode(errors="replace").strip())


def bring(device: OpenDevice, path: Path, *, digest: str = "", mode: int = 0o644) -> str:
    """Return where a file lies on the device, brought there if it was not.

    Raises:
        RunFailed: it is not on this host any more.
        TargetUnfit, TargetLost: it cannot be brought.
    """
    digest = digest or sha256(path.read_bytes()).hexdigest()
    remote = f"{device.root}/cache/{digest}"
    try:
        device.adb.push(path, remote, sha256=digest, mode=mode, timeout_s=PUSH_S)
    except OSError as error:
        raise RunFailed(
            f"{path.name} cannot be read on this host: {error.strerror}",
            hint="it was there when the session began; put it back and resume",
            kind="model-unavailable",
        ) from error
    return remote


def head(device: OpenDevice, remote: str) -> bytes:
    """Return the beginning of a file: a tool in a loop may have written without end.

    A cut is seen when the text is read, since it lacks what stands at its end.
    """
    command = ["head", "-c", str(_TEXT_LIMIT_BYTES), remote]
    return device.adb.shell(command, timeout_s=SHORT_S).stdout
