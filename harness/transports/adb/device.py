"""One device behind an adb server: commands, files, properties."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.errors import HarnessError, OutputUnreadable, RunError, TargetNotFound, TargetUnfit
from harness.transports.adb.connection import AdbServer, Refused, query, user_server
from harness.transports.adb.conversation import Transcript, converse
from harness.transports.adb.deadline import Deadline
from harness.transports.adb.failures import push_refused, refused
from harness.transports.adb.files import DeviceRefused, receive_file, send_file
from harness.transports.adb.link import DeviceLink
from harness.transports.adb.ports import DevicePorts
from harness.transports.adb.reconnecting import reach
from harness.transports.adb.states import READY, DeviceState, unready

OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024
_SHORT_S = 20.0
_PROPERTY = re.compile(r"^\[(.+?)\]: \[(.*?)\]$", re.MULTILINE | re.DOTALL)
# The group's number may not be written yet when the deadline comes: the tool is just starting.
# `kill -9 -- -N` is not understood by dash, `kill -s KILL -- -N` by every shell.
_KILL_GROUP = """
n=0
until [ -s {file} ] || [ $n -ge 10 ]; do n=$((n+1)); sleep 0.1; done
group=$(cat {file} 2>/dev/null)
case $group in ''|*[!0-9]*|0|1) exit 3;; esac
kill -s KILL -- "-$group"
"""


@dataclass(frozen=True, slots=True)
class ShellResult:
    """What a command said on the device, and how it ended (a signal ends as 128 + number)."""

    stdout: bytes
    stderr: bytes
    exit_code: int


class AdbDevice:
    """One serial on one adb server, shell protocol 2 only.

    One thread calls it, but for `interrupt`, which any thread may call. Every call raises
    `TargetLost` when the device goes away, and `RunTimedOut` when the call as a whole takes
    longer than its `timeout_s`.
    """

    def __init__(self, serial: str, server: AdbServer) -> None:
        self._link = DeviceLink(serial, server)

    @property
    def serial(self) -> str:
        return self._link.serial

    @property
    def ports(self) -> DevicePorts:
        """Return the ports that lead to and from the device."""
        return DevicePorts(self._link)

    @classmethod
    def attach(cls, serial: str, server: AdbServer | None = None) -> AdbDevice:
        """Return a device that was seen to speak shell protocol 2.

        Raises:
            TargetNotFound: no adb server answers, or it knows no such device.
            TargetLost, TargetUnfit: the device is going away, not ready, or too old.
        """
        server = server or user_server()
        try:
            state = query(server, f"host-serial:{serial}:get-state", timeout_s=_SHORT_S)
            features = query(server, f"host-serial:{serial}:features", timeout_s=_SHORT_S)
        except Refused as error:
            if "not found" in str(error):
                raise TargetNotFound(
                    f"{server.label} knows no device {serial!r}",
                    where=serial,
                    hint="look at `adb devices -l`",
                ) from error
            if str(error) == "device offline":
                # Later on it means that the device went away.
                raise unready(DeviceState(serial, "offline")) from error
            raise refused(serial, "the first question", str(error)) from error
        if state != READY:
            raise unready(DeviceState(serial, state))
        if "shell_v2" not in features.split(","):
            raise TargetUnfit(
                "the device does not speak adb's shell protocol 2, so exit codes and output "
                "could not be trusted",
                where=serial,
                hint="use a device with Android 7 or newer",
            )
        return cls(serial, server)

    def reach(self) -> None:
        """Return if the adb server has the device ready; else ask it to connect anew.

        Raises:
            TargetNotFound, TargetUnfit: it is not ready (yet); the class is that of its state.
        """
        reach(self.serial, self._link.server)

    def shell(
        self,
        command: str | Sequence[str],
        *,
        timeout_s: float,
        stdin: bytes | None = None,
        pgid_file: str = "",
        limit_bytes: int = OUTPUT_LIMIT_BYTES,
        spared: bool = False,
    ) -> ShellResult:
        """Run a command in the device's shell; a sequence is quoted, a string is the shell's.

        When the command is ended by us (deadline, interrupt, too much output), the process
        group whose number stands in the device's `pgid_file` is killed before this raises.
        A `spared` command cleans up and is not ended by `interrupt`.

        Raises:
            ShellTimedOut: it did not end in time; what it said is kept in the error.
            ShellOverflowed: it said more than `limit_bytes`; the beginning is kept.
            ShellInterrupted: `interrupt` was called.
            TargetLost: the device went away.
        """
        try:
            return self._run(
                command,
                Deadline(timeout_s),
                Transcript(limit_bytes),
                stdin=stdin or b"",
                spared=spared,
            )
        except (RunError, KeyboardInterrupt):
            if pgid_file:
                with suppress(HarnessError):
                    self.kill_group(pgid_file)
            raise

    def kill_group(self, pgid_file: str, *, timeout_s: float = _SHORT_S) -> bool:
        """Kill the process group whose number stands in a file on the device.

        Returns whether there was such a group. Cannot be interrupted.
        """
        script = _KILL_GROUP.format(file=shlex.quote(pgid_file))
        ended = self._run(script, Deadline(timeout_s), doing="killing a group", spared=True)
        return ended.exit_code == 0

    def _run(
        self,
        command: str | Sequence[str],
        deadline: Deadline,
        transcript: Transcript | None = None,
        *,
        stdin: bytes = b"",
        doing: str = "the command",
        spared: bool = False,
    ) -> ShellResult:
        line = command if isinstance(command, str) else shlex.join(command)
        transcript = transcript or Transcript(OUTPUT_LIMIT_BYTES)
        with self._link.call(doing, deadline, transcript=transcript, spared=spared) as wire:
            code = converse(wire, line, transcript, stdin)
        return ShellResult(transcript.stdout, transcript.stderr, code)

    def push(
        self, local: Path, remote: str, *, sha256: str, mode: int = 0o644, timeout_s: float
    ) -> bool:
        """Bring a file to the device; return False if the device's own hash says it is there.

        The file goes to a temporary name beside `remote`, is hashed on the device, and is
        renamed only when that hash is `sha256` (hexadecimal). Folders are made.

        Raises:
            TargetUnfit: no space (`no-space`), or it could not be written or does not hash
                to `sha256` (`push-failed`).
        """
        deadline = Deadline(timeout_s)
        permissions = f"{mode & 0o777:o}"
        if self._sha256(remote, deadline) == sha256:
            self._settle(["chmod", permissions, remote], remote, deadline)
            return False
        partial = f"{remote}.{secrets.token_hex(4)}.part"
        try:
            self._send(local, partial, mode & 0o777, deadline)
            self._check_arrived(local, partial, sha256, deadline)
            name, part = shlex.quote(remote), shlex.quote(partial)
            self._settle(
                f"chmod {permissions} {part} && "
                f"if [ -d {name} ]; then echo 'Is a directory' >&2; exit 1; fi && "
                f"mv -f {part} {name}",
                remote,
                deadline,
            )
        except BaseException:
            with suppress(HarnessError):
                self._remove(partial, _SHORT_S)
            raise
        return True

    def _send(self, local: Path, remote: str, mode: int, deadline: Deadline) -> None:
        with local.open("rb") as source:
            mtime = int(local.stat().st_mtime)
            try:
                with self._link.call(f"pushing {local.name}", deadline) as wire:
                    send_file(wire, source, remote, mode=mode, mtime=mtime)
            except DeviceRefused as error:
                raise push_refused(self.serial, remote, str(error)) from error

    def _check_arrived(self, local: Path, remote: str, sha256: str, deadline: Deadline) -> None:
        arrived = self._sha256(remote, deadline)
        if arrived == sha256:
            return
        raise TargetUnfit(
            f"{local} did not arrive unharmed: the device's SHA-256 of it is "
            f"{arrived or 'not to be had'}, and {sha256} was expected",
            where=self.serial,
            hint="check that the file was not changed meanwhile and that the device has "
            "`sha256sum`; then try another cable",
            kind="push-failed",
        )

    def _settle(self, command: str | Sequence[str], remote: str, deadline: Deadline) -> None:
        ended = self._run(command, deadline, doing=f"pushing {remote}")
        if ended.exit_code != 0:
            reason = ended.stderr.decode(errors="replace").strip()
            raise push_refused(self.serial, remote, reason)

    def sha256(self, remote: str, *, timeout_s: float = _SHORT_S) -> str | None:
        """Return the device's own SHA-256 of a file, None where it has no such file."""
        return self._sha256(remote, Deadline(timeout_s))

    def _sha256(self, remote: str, deadline: Deadline) -> str | None:
        name = shlex.quote(remote)
        ended = self._run(
            f"[ -f {name} ] && sha256sum < {name}", deadline, doing=f"hashing {remote}"
        )
        digest = ended.stdout[:64].decode(errors="replace")
        known = ended.exit_code == 0 and re.fullmatch("[0-9a-f]{64}", digest)
        return digest if known else None

    def pull_bytes(
        self, remote: str, *, timeout_s: float, limit_bytes: int = OUTPUT_LIMIT_BYTES
    ) -> bytes:
        """Return a file of the device.

        Raises:
            OutputUnreadable: there is no such file, it cannot be read, or it is larger than
                `limit_bytes`.
        """
        try:
            with self._link.call(f"pulling {remote}", Deadline(timeout_s)) as wire:
                content, whole = receive_file(wire, remote, limit=limit_bytes)
        except DeviceRefused as error:
            raise OutputUnreadable(
                f"the device does not give {remote}: {error}",
                where=self.serial,
                hint="look whether the tool wrote it: `adb shell ls -l` on that folder",
            ) from error
        if not whole:
            raise OutputUnreadable(
                f"{remote} is larger than {limit_bytes} bytes",
                where=self.serial,
                hint="look at what the tool wrote there; raise the limit if it is meant to",
            )
        return content

    def remove_tree(self, remote: str, *, timeout_s: float = _SHORT_S) -> None:
        """Remove a file or a folder with everything in it; one that is not there is no error.

        Cannot be interrupted.

        Raises:
            ValueError: the path is relative, or so near the root that it must be a mistake.
            TargetUnfit: it could not be removed.
        """
        path = PurePosixPath(remote)
        if not path.is_absolute() or ".." in path.parts or len(path.parts) < 4:
            raise ValueError(f"not removing {remote!r} from a device")
        ended = self._remove(remote, timeout_s)
        if ended.exit_code != 0:
            raise TargetUnfit(
                f"{remote} could not be removed: {ended.stderr.decode(errors='replace').strip()}",
                where=self.serial,
                hint="remove it by hand: `adb shell rm -rf` and its path",
            )

    def _remove(self, remote: str, timeout_s: float) -> ShellResult:
        command = ["rm", "-rf", "--", remote]
        return self._run(command, Deadline(timeout_s), doing=f"removing {remote}", spared=True)

    def getprops(self, *, timeout_s: float = _SHORT_S) -> dict[str, str]:
        """Return Android's system properties (`getprop`), empty where there are none."""
        ended = self._run("getprop", Deadline(timeout_s), doing="getprop")
        return dict(_PROPERTY.findall(ended.stdout.decode(errors="replace").replace("\r\n", "\n")))

    def interrupt(self) -> None:
        """End the call that is under way, else the next one, from any thread.

        Calls that clean up (`kill_group`, `remove_tree`, a `spared` command) are spared.
        """
        self._link.interrupt()
