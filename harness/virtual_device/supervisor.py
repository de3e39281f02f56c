"""The process that holds a virtual device together, and takes all of it away at the end.

It starts the private adb server and the device, each a process of its own, and ends both with
everything that ran on the device, and the folder, when its stdin ends (so whoever started it
may be killed with -9), on SIGTERM, and when either of the two goes away.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import shutil
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, TargetUnfit
from harness.transports.adb import adb_version
from harness.transports.virtual_setup import PLAIN, VirtualSetup
from harness.virtual_device import peer, private_server, process_tree, sandbox
from harness.virtual_device.daemon import Daemon, accept_one
from harness.virtual_device.faults import Script

_END_S = 10.0
_LINGER_S = 2.0
_WATCHED = frozenset({signal.SIGTERM, signal.SIGCHLD})
_IGNORED = frozenset({signal.SIGINT, signal.SIGHUP})


def supervise(scratch: Path, adb: Path, setup: VirtualSetup = PLAIN) -> int:
    """Run a virtual device until stdin ends; one line of JSON on stdout says where it is.

    The line has `adb_port`, `serial`, `sandbox`, `base`, `adb_version`, `server_pid` and
    `device_pid`; or, when it cannot start, `error`, `hint` and `kind`.
    """
    wake = _watch_signals()
    process_tree.adopt_orphans()
    root = Path(tempfile.mkdtemp(prefix="virtual-device-", dir=scratch))
    try:
        device, said = _start(root, adb, setup)
        _say(said)
        _wait({device, said["server_pid"]}, wake)
    except HarnessError as error:
        _say({"error": error.message, "hint": error.hint, "kind": error.kind})
        return 1
    finally:
        process_tree.kill_descendants(_END_S)
        _remove(root)
    return 0


def _start(root: Path, adb: Path, setup: VirtualSetup) -> tuple[int, dict[str, Any]]:
    home = root / "server"
    home.mkdir()
    made = _sandbox(root / "device", setup)
    version = adb_version(adb)
    listener = private_server.listen()
    with listener:
        server = private_server.start(adb, home)
        device_port = listener.getsockname()[1]
        serve = partial(_serve, listener, made, server.process.pid, setup)
        device = _fork(partial(serve, log=home / "device.txt"))
    greeting = Script(setup.faults).greeting()
    serial = private_server.connect(server, device_port, until=greeting)
    return device, {
        "adb_port": server.port,
        "serial": serial,
        "sandbox": str(made.root),
        "base": str(made.base),
        "adb_version": version,
        "server_pid": server.process.pid,
        "device_pid": device,
    }


def _sandbox(folder: Path, setup: VirtualSetup) -> sandbox.Sandbox:
    try:
        return sandbox.make(folder, setup)
    except OSError as error:
        raise TargetUnfit(
            f"the programs of the virtual device cannot be copied: {error}",
            hint="`programs` is a folder with nothing but files in it",
        ) from error


def _serve(
    listener: socket.socket,
    made: sandbox.Sandbox,
    server_pid: int,
    setup: VirtualSetup,
    log: Path,
) -> None:
    """Be the device, in a process of its own."""
    logging.basicConfig(filename=log, level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(_connections(listener, made, server_pid, Script(setup.faults)))


async def _connections(
    listener: socket.socket, made: sandbox.Sandbox, server_pid: int, script: Script
) -> None:
    """Serve one connection; a device with faults comes back as often as they let it."""
    port = listener.getsockname()[1]
    while True:
        daemon = await accept_one(
            listener,
            admits=lambda connection: peer.comes_from(connection, server_pid),
            make=lambda: Daemon(made, sys.executable, script),
        )
        await daemon.ended.wait()
        cut, script.struck = script.struck, None
        if cut is not None and cut.reboots:
            process_tree.kill_beside({os.getpid(), server_pid})
            made.boot()
        await asyncio.wait_for(daemon.finish(), _LINGER_S)
        if not script.faults:
            return
        if cut is not None:
            await _away(cut.back_after_s)
        listener = private_server.listen(port)


async def _away(for_s: float | None) -> None:
    if for_s is None:
        await asyncio.Event().wait()
    else:
        await asyncio.sleep(for_s)


def _fork(child: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        process_tree.die_with_parent()
        signal.set_wakeup_fd(-1)
        for number in _WATCHED | _IGNORED:
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        child()
        code = 0
    except BaseException:
        logging.getLogger(__name__).exception("the device ended badly")
    finally:
        # Never back into the parent's stack: it would take the folder away.
        os._exit(code)


def _watch_signals() -> int:
    """Return a descriptor that can be read when a signal came that may be the end."""
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for number in _WATCHED:
        signal.signal(number, lambda *_: None)
    # Ctrl-C is for whoever started us; we end when they do.
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    return wake


def _wait(vital: set[int], wake: int) -> None:
    """Return when stdin ends, SIGTERM comes, or a vital process ends."""
    stdin = sys.stdin.fileno()
    while True:
        ready, _, _ = select.select([stdin, wake], [], [])
        if stdin in ready and not os.read(stdin, 1024):
            return
        if wake in ready:
            numbers = os.read(wake, 1024)
            if signal.SIGTERM in numbers or process_tree.reap() & vital:
                return


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _remove(root: Path) -> None:
    for folder, names, _ in os.walk(root):
        for name in names:
            # A program on the device may have taken its folder's permissions away.
            below = Path(folder, name)
            if not below.is_symlink():
                below.chmod(stat.S_IRWXU)
    shutil.rmtree(root)
