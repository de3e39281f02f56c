"""Chromium of this host in the place of Chrome on a virtual device, as Android's tools show it.

    phone_chrome.py am start -n PACKAGE/ACTIVITY … | am force-stop PACKAGE
    phone_chrome.py pidof NAME · pm path PACKAGE · ps -A -o PID,NAME · dumpsys meminfo PID

Chromium is real, and so is every number about it. The shapes of the answers are reconstructed
from what AOSP writes and public reports show; none was captured from a phone. Only the standard
library is used.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PACKAGE = "com.android.chrome"
SOCKET = "chrome_devtools_remote"
_SYSTEM = Path(__file__).resolve().parents[1]
_STATE = _SYSTEM / "chrome"
_PROGRAM = "ro.edgebench.chromium"
_ARGS = (
    "--headless",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_STARTS_WITHIN_S = 20.0
_ENDS_WITHIN_S = 10.0
_POLL_S = 0.01
_TYPE = re.compile(r"--type=([a-z-]+)")
_SIZE = re.compile(r"^(\w+): +(\d+) kB$", re.MULTILINE)


def main(words: list[str]) -> int:
    """Answer as the program that the first word names."""
    match words:
        case ["am", "start", *rest]:
            return _start(_value(rest, "-n").partition("/")[0], rest)
        case ["am", "force-stop", package]:
            return _force_stop() if package == PACKAGE else 0
        case ["pidof", name]:
            return _print_if(str(pid) if name == PACKAGE and (pid := _main_pid()) else "")
        case ["pm", "path", package]:
            return _print_if(f"package:{_program()}" if package == PACKAGE and _program() else "")
        case ["ps", *_]:
            return _list_processes()
        case ["dumpsys", "meminfo", pid] if pid.isdecimal():
            return _memory_of(int(pid))
        case ["dumpsys", service, *_]:
            return _print_if(f"Can't find service: {service}")
        case _:
            sys.stderr.write(f"not on a virtual device: {' '.join(words)}\n")
            return 255


def _value(words: list[str], option: str) -> str:
    return words[words.index(option) + 1] if option in words[:-1] else ""


def _print_if(line: str) -> int:
    if line:
        print(line)
    return 0 if line else 1


def _program() -> str:
    lines = (_SYSTEM / "build.prop").read_text().splitlines()
    return next((line.partition("=")[2] for line in lines if line.startswith(f"{_PROGRAM}=")), "")


def _start(package: str, words: list[str]) -> int:
    component = _value(words, "-n")
    print(f"Starting: Intent {{ act=android.intent.action.VIEW cmp={component} }}")
    if package != PACKAGE or not _program():
        print("Error type 3")
        print(f"Error: Activity class {{{component}}} does not exist.")
        return 1
    if _main_pid() is None:
        _launch()
    print(f"Status: ok\nLaunchState: COLD\nActivity: {component}\nComplete")
    return 0


def _launch() -> None:
    shutil.rmtree(_STATE, ignore_errors=True)
    _STATE.mkdir()
    subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("devtools_socket.py")), *_command()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # As on a phone, it does not end with the shell that started it.
        start_new_session=True,
    )
    end = time.monotonic() + _STARTS_WITHIN_S
    while _main_pid() is None and time.monotonic() < end:
        time.sleep(_POLL_S)


def _command() -> list[str]:
    socket_name = f"{os.environ['EDGEBENCH_SOCKETS']}{SOCKET}"
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    profile = f"--user-data-dir={_STATE / 'profile'}"
    return [socket_name, str(_STATE), _program(), *_ARGS, *as_root, profile, "about:blank"]


def _main_pid() -> int | None:
    with suppress(OSError, ValueError):
        pid = int((_STATE / "pid").read_text())
        if _state(pid) not in {"", "Z"}:
            return pid
    return None


def _force_stop() -> int:
    with suppress(OSError, ValueError):
        keeper = int((_STATE / "keeper").read_text())
        family = [keeper, *_below(keeper)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + _ENDS_WITHIN_S
        while any(_state(pid) not in {"", "Z"} for pid in family) and time.monotonic() < end:
            time.sleep(_POLL_S)
    shutil.rmtree(_STATE, ignore_errors=True)
    return 0


def _list_processes() -> int:
    print(f"{'PID':>5} NAME")
    pid = _main_pid()
    if pid is None:
        return 0
    print(f"{pid:>5} {PACKAGE}")
    renderers = [each for each in _below(pid) if _kind(each) == "renderer"]
    for number, each in enumerate(renderers):
        service = f"org.chromium.content.app.SandboxedProcessService0:{number}"
        print(f"{each:>5} {PACKAGE}:sandboxed_process0:{service}")
    return 0


def _memory_of(pid: int) -> int:
    """Print what `dumpsys meminfo PID` does, with the kernel's own totals of that process."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        print(f"No process found for: {pid}")
        return 0
    size = {name: int(number) for name, number in _SIZE.findall(told)}
    columns = ("Pss", "Private_Dirty", "Private_Clean", "SwapPss", "Rss")
    row = "".join(f"{size.get(name, 0):>9}" for name in columns)
    now_ms = int(time.monotonic() * 1000)
    print(
        f"Applications Memory Usage (in Kilobytes):\nUptime: {now_ms} Realtime: {now_ms}\n\n"
        f"** MEMINFO in pid {pid} [{PACKAGE}:sandboxed_process0] **\n"
        "                   Pss  Private  Private  SwapPss      Rss\n"
        "                 Total    Dirty    Clean    Dirty    Total\n"
        "                ------   ------   ------   ------   ------\n"
        f"        TOTAL{row}\n \n"
        f" App Summary\n           TOTAL PSS: {size.get('Pss', 0):>8}"
        f"            TOTAL RSS: {size.get('Rss', 0):>8}"
        f"       TOTAL SWAP PSS: {size.get('SwapPss', 0):>8}\n"
    )
    return 0


def _kind(pid: int) -> str:
    # Chromium's children write their command line anew, with blanks between its words.
    with suppress(OSError):
        found = _TYPE.search(Path(f"/proc/{pid}/cmdline").read_text(errors="replace"))
        return found[1] if found else ""
    return ""


def _below(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (fields := _fields(int(folder.name))):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _state(pid: int) -> str:
    fields = _fields(pid)
    return fields[0] if fields else ""


def _fields(pid: int) -> list[str]:
    """Return what stands behind a process's name in its `stat`; [] where there is no such."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
